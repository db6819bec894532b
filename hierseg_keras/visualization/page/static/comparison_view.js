"use strict";
/**
 * Compares two runs. Runs of one configuration, with several seeds, are compared by the means of all of them.
 *
 * @param {number} run
 * @param {number} other
 * @param {string} [score] Score of nodes to compare: "iou", or "precision" or "recall", of which the spread is unknown.
 * @returns {Object} `isSeeds`: whether the runs differ only in their seed; `hasSpread`: whether it is known how much
 *     the seed alone changes; and functions `level(level)` and `node(node)` to `difference`, other minus run, `half`, the
 *     half of its 95 % interval, and `verdict`: "noise", "beyond" or "unknown".
 */
hierseg.comparison = (run, other, score = "iou") => {
  const { data } = hierseg;
  const { groups, pairs } = data.comparison;
  const [first, second] = [run, other].map((place) => groups.findIndex((group) => group.includes(place)));
  if (first === second) return ofTwo("noise");
  if (score !== "iou") return ofTwo("unknown");
  const pair = pairs.find((each) => Math.min(first, second) === each.first && Math.max(first, second) === each.second);
  const sign = first < second ? 1 : -1;
  const of = (values, index) => {
    const difference = values.difference[index] === null ? null : sign * values.difference[index];
    const half = values.half === null ? null : values.half[index];
    if (difference === null || half === null) return { difference, half, verdict: "unknown" };
    return { difference, half, verdict: Math.abs(difference) > half ? "beyond" : "noise" };
  };
  return {
    groups: [groups[first], groups[second]],
    isSeeds: false,
    hasSpread: pair.half !== null,
    level: (level) => of(pair.levels, level - 1),
    node: (node) => of(pair, node),
  };

  /** Compares the two runs alone: two seeds of one configuration, or scores without a known spread. */
  function ofTwo(verdict) {
    const between = (one, two) => ({
      difference: one === null || two === null ? null : two - one,
      half: null,
      verdict,
    });
    return {
      groups: [[run], [other]],
      isSeeds: verdict === "noise",
      hasSpread: false,
      level: (level) => between(...[run, other].map((place) => data.runs[place].values[`miou_${level}`])),
      node: (node) => between(...[run, other].map((place) => data.runs[place].nodes[score][node])),
    };
  }
};

/** The differences of the shown runs by level and by class, and which of them are noise. */
hierseg.comparisonView = (store) => {
  const { data, tree, element, byId, numbers } = hierseg;
  const MOST_CLASSES = 12;
  const WORDS = { noise: "within the noise", beyond: "beyond the noise", unknown: "unknown" };

  store.view(["run", "other"], ({ run, other }) => {
    const isShown = other !== null && other !== run;
    byId("comparison").hidden = !isShown;
    if (!isShown) return;
    const compared = hierseg.comparison(run, other);
    byId("noise").textContent = noise(compared);
    const levels = Array.from({ length: tree.numLevels }, (_, index) => index + 1);
    fill(
      "by-level",
      "mIoU",
      compared,
      levels.map((level) => ({
        title: [document.createTextNode(`level ${level}`)],
        values: (place) => data.runs[place].values[`miou_${level}`],
        ...compared.level(level),
      })),
    );
    const nodes = tree.order
      .map((node) => ({
        node,
        title: [
          hierseg.swatch(tree.colors[node]),
          element("span", { text: tree.names[node], title: tree.pathText(node), dir: "auto" }),
        ],
        values: (place) => data.runs[place].nodes.iou[node],
        ...compared.node(node),
      }))
      .filter((row) => row.difference !== null);
    nodes.sort((one, two) => Math.abs(two.difference) - Math.abs(one.difference));
    fill("by-class", "IoU, largest differences first", compared, nodes.slice(0, MOST_CLASSES));
  });

  function noise({ groups, isSeeds, hasSpread }) {
    if (isSeeds) return "These two runs differ only in their seed, so that all their differences are noise.";
    if (!hasSpread) {
      return (
        "It is unknown which differences are noise: no run here shares its configuration with another run but for " +
        "the seed. Train some seeds more, and pass all runs to hierseg report."
      );
    }
    const counts = groups.map((group) => group.length).join(" and ");
    return (
      `Means of ${counts} seeds. A difference within the half width of its 95 % interval, by the spread of the seeds, ` +
      "is noise. Of classes that do not differ, one in twenty is beyond it by chance."
    );
  }

  function fill(id, caption, compared, rows) {
    const heads = compared.groups.map(
      (group) => `${data.runs[group[0]].name}${group.length > 1 ? ` (mean of ${group.length})` : ""}`,
    );
    const head = ["", ...heads, "difference", ...(compared.hasSpread ? ["±"] : []), "verdict"];
    byId(id).replaceChildren(
      element("caption", { text: caption }),
      element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col", text })))),
      element(
        "tbody",
        {},
        ...rows.map((row) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, ...row.title),
            ...compared.groups.map((group) => element("td", { text: numbers.share(mean(group.map(row.values))) })),
            element("td", {
              class: `difference ${row.verdict} ${row.difference > 0 ? "more" : "less"}`,
              text: numbers.difference(row.difference),
            }),
            ...(compared.hasSpread ? [element("td", { text: numbers.share(row.half) })] : []),
            element("td", { text: WORDS[row.verdict] }),
          ),
        ),
      ),
    );
  }

  function mean(values) {
    return values.includes(null) ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  }
};
