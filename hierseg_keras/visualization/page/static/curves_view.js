"use strict";
/** The curves of the training: one chart per level or depth, and one line per run. */
hierseg.curvesView = () => {
  const { data, tree, element, byId, numbers } = hierseg;
  const SIZE = { width: 320, height: 190, left: 40, right: 10, top: 8, bottom: 24 };
  const logged = data.runs.flatMap((run, place) => (run.curves ? [{ ...run.curves, name: run.name, place }] : []));
  if (logged.length === 0) {
    byId("curves-note").textContent = "These runs have no log of their training.";
    return;
  }
  byId("curves-note").textContent = "By epoch. Solid lines are of the validation, dashed lines of the training.";
  byId("curves-legend").append(
    ...(data.runs.length > 1 ? logged : []).map(({ name, place }) =>
      element("li", { class: "chip" }, hierseg.runMark(place), element("span", { text: name, dir: "auto" })),
    ),
  );
  const keys = [...new Set(logged.flatMap(({ series }) => series.map(({ name, number }) => `${name} ${number}`)))];
  byId("charts").append(...keys.map(chart));

  function title(key) {
    const [name, number] = key.split(" ");
    if (name === "miou") return tree.numLevels === 1 ? "mIoU" : `mIoU, level ${number}`;
    return `loss in nats, depth ${number}`;
  }

  function chart(key) {
    const lines = logged.flatMap((run) =>
      run.series
        .filter(({ name, number }) => `${name} ${number}` === key)
        .flatMap((series) =>
          ["training", "validation"]
            .filter((part) => series[part])
            .map((part) => ({ part, run, values: series[part] })),
        ),
    );
    const known = lines.flatMap(({ values }) => values.filter((value) => value !== null));
    const epochs = lines.flatMap(({ run }) => run.epochs);
    const scale = scales(epochs, known, key.startsWith("miou"));
    const svg = element(
      "svg",
      { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "img", "aria-label": spoken(key, lines) },
      ...axes(scale),
      ...lines.flatMap((line) => drawn(line, scale)),
    );
    return element(
      "figure",
      { class: "chart" },
      element("figcaption", { text: title(key) }),
      svg,
      element("details", {}, element("summary", { text: "Values" }), valueTable(lines)),
    );
  }

  /** Returns functions from epoch and value to the coordinates of the chart, and the ticks. */
  function scales(epochs, values, isShare) {
    const [first, last] = [Math.min(...epochs), Math.max(...epochs)];
    const low = isShare ? 0 : Math.min(0, ...values);
    const ticks = ticksOf(low, Math.max(...values, low + 1e-6));
    const top = ticks.at(-1);
    const inside = { width: SIZE.width - SIZE.left - SIZE.right, height: SIZE.height - SIZE.top - SIZE.bottom };
    return {
      x: (epoch) => SIZE.left + (last === first ? 0.5 : (epoch - first) / (last - first)) * inside.width,
      y: (value) => SIZE.top + (1 - (value - low) / (top - low)) * inside.height,
      ticks,
      ends: first === last ? [first] : [first, last],
    };
  }

  /** Returns round numbers that enclose an interval. */
  function ticksOf(low, high) {
    const rough = (high - low) / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough);
    return Array.from({ length: Math.ceil((high - low) / step - 1e-9) + 1 }, (_, index) => low + index * step);
  }

  function axes({ x, y, ticks, ends }) {
    const lines = ticks.map((tick) =>
      element("line", { class: "grid", x1: SIZE.left, x2: SIZE.width - SIZE.right, y1: y(tick), y2: y(tick) }),
    );
    const texts = ticks.map((tick) =>
      element("text", {
        x: SIZE.left - 6,
        y: y(tick) + 4,
        "text-anchor": "end",
        text: String(Number(tick.toPrecision(3))),
      }),
    );
    const bottom = ends.map((epoch, place) =>
      element("text", {
        x: x(epoch),
        y: SIZE.height - 6,
        "text-anchor": ends.length === 1 ? "middle" : place ? "end" : "start",
        text: `epoch ${epoch}`,
      }),
    );
    return [...lines, ...texts, ...bottom];
  }

  /** Returns the path of a line, which passes over epochs without a value, and a dot if there is only one value. */
  function drawn({ part, run, values }, { x, y }) {
    const kind = `curve ${part} ${hierseg.runClass(run.place)}`;
    const points = values.flatMap((value, index) => (value === null ? [] : [[x(run.epochs[index]), y(value)]]));
    const path = points.map((point) => point.map((each) => each.toFixed(1)).join(" ")).join("L");
    return [
      element("path", { class: kind, d: `M${path || "0 0"}` }),
      ...(points.length === 1 ? points : []).map(([cx, cy]) => element("circle", { class: kind, cx, cy, r: 2.5 })),
    ];
  }

  function spoken(key, lines) {
    const ends = lines.map(({ part, run, values }) => `${run.name}, ${part}: ${numbers.share(lastOf(values))}`);
    return `${title(key)}. At the end, ${ends.join("; ")}.`;
  }

  function lastOf(values) {
    return values.filter((value) => value !== null).at(-1);
  }

  function valueTable(lines) {
    const epochs = [...new Set(lines.flatMap(({ run }) => run.epochs))].sort((one, two) => one - two);
    return element(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Values of the chart" },
      element(
        "table",
        { class: "numbers" },
        element(
          "thead",
          {},
          element(
            "tr",
            {},
            element("th", { scope: "col", text: "epoch" }),
            ...lines.map(({ part, run }) =>
              element("th", { scope: "col", text: data.runs.length > 1 ? `${run.name}, ${part}` : part }),
            ),
          ),
        ),
        element(
          "tbody",
          {},
          ...epochs.map((epoch) =>
            element(
              "tr",
              {},
              element("th", { scope: "row", text: String(epoch) }),
              ...lines.map(({ run, values }) =>
                element("td", { text: numbers.share(values[run.epochs.indexOf(epoch)]) }),
              ),
            ),
          ),
        ),
      ),
    );
  }
};
