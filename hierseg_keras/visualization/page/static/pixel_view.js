"use strict";
/** The path of the pixel at the cursor: the label, and each shown run's classes with their probabilities. */
hierseg.pixelView = (store) => {
  const { data, tree, element, byId, pixels, numbers } = hierseg;

  store.view(["cursor", "image", "loaded", "run", "other"], (state) => {
    const { cursor, image } = state;
    const maps = hierseg.shownMaps(state);
    if (cursor === null || maps === null) {
      const text = "Point at a pixel, or move the cursor with the arrow keys, to see its path.";
      byId("pixel").replaceChildren(element("p", { class: "quiet", text }));
      byId("pixel-text").textContent = "";
      return;
    }
    const index = cursor.y * data.images[image].width + cursor.x;
    const paths = maps.runs.map((run, place) => ({ run, ...pathOf(maps.predictions[place], index) }));
    const place = placeInLabels(data.images[image], cursor);
    byId("pixel").replaceChildren(table(maps.truth[index], paths, place), nextLeaves(paths));
    byId("pixel-text").textContent = spoken(maps.truth[index], paths, place);
  });

  /** Returns the pixel of the whole label map that a pixel of the reduced one shows. */
  function placeInLabels({ width, height, fullWidth = width, fullHeight = height }, { x, y }) {
    const scaled = (position, length, full) => Math.floor(((2 * position + 1) * full) / (2 * length));
    return { x: scaled(x, width, fullWidth), y: scaled(y, height, fullHeight) };
  }

  /** Returns the nodes of a pixel's best path, and the next leaves, with their probabilities. */
  function pathOf(prediction, index) {
    const nodes = tree.path(prediction.leaf[index]);
    const next = prediction.next.map(({ leaf, probability }) => ({
      node: leaf[index],
      probability: probability[index] / pixels.ONE,
    }));
    return {
      steps: nodes.map((node, depth) => ({ node, probability: prediction.path[depth][index] / pixels.ONE })),
      next,
    };
  }

  function table(label, paths, { x, y }) {
    const truth = label < 0 ? [] : tree.path(label);
    const depth = Math.max(truth.length, ...paths.map(({ steps }) => steps.length));
    const several = data.runs.length > 1;
    const heads = paths.map(({ run }) =>
      element(
        "th",
        { scope: "col", colspan: 2 },
        ...(several ? [hierseg.runMark(run)] : []),
        document.createTextNode(several ? data.runs[run].name : "Prediction"),
      ),
    );
    const rows = Array.from({ length: depth }, (_, place) =>
      element(
        "tr",
        {},
        element("th", { scope: "row", text: String(place + 1) }),
        element("td", {}, ...named(truth[place], place === 0 ? "no label" : "")),
        ...paths.flatMap(({ steps }) => cells(steps[place], label)),
      ),
    );
    return element(
      "table",
      { class: "path" },
      element("caption", { text: `Pixel ${x}, ${y}` }),
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          element("th", { scope: "col", text: "Depth" }),
          element("th", { scope: "col", text: "Truth" }),
          ...heads,
        ),
      ),
      element("tbody", {}, ...rows),
    );
  }

  function named(node, otherwise) {
    if (node === undefined) return [element("span", { class: "quiet", text: otherwise })];
    return [hierseg.swatch(tree.colors[node]), element("span", { text: tree.names[node], dir: "auto" })];
  }

  /** Returns the two cells of a node of a path: name with a mark, and probability. */
  function cells(step, label) {
    if (step === undefined) return [element("td"), element("td")];
    const bar = element("span", { class: "bar", "aria-hidden": "true", style: { "--share": step.probability } });
    return [
      element("td", {}, mark(step.node, label), ...named(step.node)),
      element("td", { class: "probability" }, bar, element("span", { text: numbers.percent(step.probability) })),
    ];
  }

  /** Returns the mark of whether the label shares a node. */
  function mark(node, label) {
    if (label < 0) return hierseg.icon("·", "no label");
    if (tree.isAbove(node, label)) return hierseg.icon("✓", "shared by the label");
    return tree.isAbove(label, node)
      ? hierseg.icon("?", "the label is coarser")
      : hierseg.icon("✗", "not of the label");
  }

  function nextLeaves(paths) {
    return element(
      "p",
      { class: "quiet next" },
      ...paths.map(({ run, next }) => {
        const name = data.runs.length > 1 ? ` for ${data.runs[run].name}` : "";
        const texts = next.map(({ node, probability }) => `${tree.names[node]} ${numbers.percent(probability)}`);
        return element("span", { text: `Next leaves${name}: ${texts.join(", ") || "none"}. ` });
      }),
    );
  }

  /** Returns what a screen reader says about the pixel. */
  function spoken(label, paths, { x, y }) {
    const truth = label < 0 ? "no label" : `label ${tree.pathText(label)}`;
    const step = ({ node, probability }) => `${tree.names[node]} ${numbers.percent(probability)}`;
    const predictions = paths.map(({ run, steps }) => `${data.runs[run].name}: ${steps.map(step).join(", ")}`);
    return `Pixel ${x}, ${y}: ${truth}. ${predictions.join(". ")}`;
  }
};
