"use strict";
/**
 * Compares two runs. Runs of one configuration, with several seeds, are compared by the means of all of them.
 *
 * @param {number} run
 * @param {number} other
 * @param {string} [score] Score of nodes to compare: "iou", or "precision" or "recall", of which the spread is unknown.
 * @returns {Object} `groups`: the runs that are averaged, on either side; `titles`: their names; `isSeeds`: whether the
 *     two runs differ only in their seed; `hasSpread`: whether it is known how much the seed alone changes; and
 *     functions `level(level)` and `node(node)` to `values`, of either side, `difference`, other minus run, `half`, the
 *     half of its 95 % interval, and `verdict`: "noise", "beyond" or "unknown".
 */
hierseg.comparison = (run, other, score = "iou") => {
  const { data } = hierseg;
  const { groups, pairs } = data.comparison;
  const places = [run, other].map((each) => groups.findIndex((group) => group.includes(each)));
  const isSeeds = places[0] === places[1];
  const sides = isSeeds ? [[run], [other]] : places.map((place) => groups[place]);
  const [first, second] = [...places].sort((one, two) => one - two);
  const pair = pairs.find((each) => each.first === first && each.second === second);
  return {
    groups: sides,
    titles: sides.map(title),
    isSeeds,
    hasSpread: !isSeeds && pair.half !== null,
    level: (level) => compared((each) => each.values[`miou_${level}`], pair?.levels.half?.[level - 1]),
    node: (node) => compared((each) => each.nodes[score][node], score === "iou" ? pair?.half?.[node] : null),
  };

  function title(group) {
    const { name } = data.runs[group[0]];
    return group.length === 1 ? name : `${name} (mean of ${group.length})`;
  }

  function compared(valueOf, half = null) {
    const values = sides.map((group) => mean(group.map((each) => valueOf(data.runs[each]))));
    const difference = values.includes(null) ? null : values[1] - values[0];
    return { values, difference, half, verdict: verdict(difference, half) };
  }

  function mean(values) {
    return values.includes(null) ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  }

  function verdict(difference, half) {
    if (isSeeds) return "noise";
    // Without any spread over a few seeds, such as for a class that no run finds, the noise is not known to be 0.
    if (difference === null || half === null || (half === 0 && difference !== 0)) return "unknown";
    return Math.abs(difference) > half ? "beyond" : "noise";
  }
};
