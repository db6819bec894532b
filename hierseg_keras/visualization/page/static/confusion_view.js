"use strict";
/** The confusion matrix, which folds and unfolds along the tree. */
hierseg.confusionView = (store) => {
  const { data, tree, element, byId, numbers } = hierseg;
  drawControls();

  store.view(["unfolded", "run", "other", "confusionOf", "confusionUnit"], (state) => {
    drawChoice(state);
    const [first, second] = chosenRuns(state);
    const one = hierseg.confusionCounts(data.runs[first].confusion, state.unfolded);
    const two = second === null ? null : hierseg.confusionCounts(data.runs[second].confusion, state.unfolded);
    hierseg.replaceChildren(byId("matrix"), caption(first, second), head(one.columns), body(one, two, state));
  });

  function drawControls() {
    const levels = Array.from({ length: tree.numLevels }, (_, index) => tree.numLevels - index);
    byId("confusion-levels").append(
      ...levels.map((level) =>
        element("button", {
          type: "button",
          text: `Level ${level}`,
          onclick: () => store.set({ unfolded: hierseg.unfoldedTo(level) }),
        }),
      ),
    );
    byId("confusion-levels").hidden = tree.numLevels === 1;
    byId("confusion-of").addEventListener("change", (event) => store.set({ confusionOf: event.target.value }));
    byId("confusion-unit").addEventListener("change", (event) => store.set({ confusionUnit: event.target.value }));
  }

  /** Offers the shown runs, and their difference. */
  function drawChoice(state) {
    const [run, other] = hierseg.shownRuns(state);
    const pairs = [["run", data.runs[run].name]];
    if (other !== undefined) {
      const difference = `${data.runs[other].name} − ${data.runs[run].name}`;
      pairs.push(["other", data.runs[other].name], ["difference", difference]);
    }
    byId("confusion-of").replaceChildren(...hierseg.options(pairs));
    byId("confusion-of").value = pairs.some(([key]) => key === state.confusionOf) ? state.confusionOf : "run";
    byId("confusion-of").parentElement.hidden = pairs.length === 1;
    // Differences are those of shares.
    byId("confusion-unit").disabled = byId("confusion-of").value === "difference";
  }

  /** Returns the run whose confusions are shown, and the run to subtract from, or null. */
  function chosenRuns(state) {
    const [run, other] = hierseg.shownRuns(state);
    const of = byId("confusion-of").value;
    return of === "other" ? [other, null] : [run, of === "difference" ? other : null];
  }

  function caption(first, second) {
    const name = second === null ? data.runs[first].name : `${data.runs[second].name} minus ${data.runs[first].name}`;
    return element("caption", {
      class: "hidden",
      text: `Confusions of ${name}: labels in rows, predictions in columns`,
    });
  }

  function head(columns) {
    return element(
      "thead",
      {},
      element("tr", {}, element("td"), ...columns.map((node) => element("th", { scope: "col" }, columnTitle(node)))),
    );
  }

  function columnTitle(node) {
    const text = element("span", { text: tree.names[node], title: tree.pathText(node), dir: "auto" });
    return tree.isLeaf(node) ? text : foldButton(node, "+", "Unfold", text);
  }

  function foldButton(node, sign, verb, text) {
    return element(
      "button",
      {
        type: "button",
        class: "fold",
        "data-node": node,
        "aria-label": `${verb} ${tree.names[node]}`,
        onclick: () => store.toggle("unfolded", node),
      },
      element("span", { class: "sign", "aria-hidden": "true", text: sign }),
      text,
    );
  }

  function body(one, two, state) {
    return element(
      "tbody",
      {},
      ...one.rows.map((row) => {
        const title = element(
          "th",
          {
            scope: row.kind === "family" ? "rowgroup" : "row",
            class: row.kind,
            style: { "--depth": tree.depths[row.node] - 1 },
          },
          rowTitle(row),
        );
        return element(
          "tr",
          { "data-row": `${row.kind} ${row.node}` },
          title,
          ...one.columns.map((column) =>
            row.kind === "family" ? element("td") : cell(row.node, column, one, two, state),
          ),
        );
      }),
    );
  }

  function rowTitle({ node, kind }) {
    const name = element("span", {
      text: kind === "coarse" ? `${tree.names[node]} (coarse label)` : tree.names[node],
      title: tree.pathText(node),
      dir: "auto",
    });
    if (kind === "family") return foldButton(node, "−", "Fold", name);
    return kind === "coarse" || tree.isLeaf(node) ? name : foldButton(node, "+", "Unfold", name);
  }

  function cell(label, column, one, two, { confusionUnit }) {
    const first = cellOf(one, label, column);
    const isRight = tree.areRelated(label, column);
    if (two !== null) return differenceCell(first, cellOf(two, label, column), isRight, label, column);
    const text =
      first.pixels === 0 ? "" : confusionUnit === "pixels" ? numbers.short(first.pixels) : percentText(first.share);
    const size = first.share >= 0.5 ? " strong" : first.share < 0.005 ? " small" : "";
    return element("td", {
      class: `${isRight ? "right" : "wrong"}${size}`,
      style: { "--share": first.share },
      text,
      title: `${pairText(label, column)}: ${numbers.plural(first.pixels, "pixel")}, ${numbers.percent(first.share)}`,
    });
  }

  function differenceCell(first, second, isRight, label, column) {
    const by = second.share - first.share;
    const percent = Math.round(100 * by);
    return element("td", {
      class: `${by > 0 === isRight ? "more" : "less"}${isRight ? " right" : ""}`,
      style: { "--share": Math.min(1, 2 * Math.abs(by)) },
      text: percent === 0 ? "" : `${percent > 0 ? "+" : "−"}${Math.abs(percent)}`,
      title: `${pairText(label, column)}: ${numbers.percent(first.share)} and ${numbers.percent(second.share)}`,
    });
  }

  function pairText(label, column) {
    return `labeled ${tree.names[label]}, predicted ${tree.names[column]}`;
  }

  function cellOf({ counts, totals }, label, column) {
    const pixels = counts.get(label)?.get(column) ?? 0;
    return { pixels, share: pixels === 0 ? 0 : pixels / totals.get(label) };
  }

  function percentText(share) {
    const percent = 100 * share;
    return percent < 0.5 ? "<1" : percent.toFixed(0);
  }
};

/** Returns the nodes to unfold so that a matrix shows the classes of a level. */
hierseg.unfoldedTo = (level) => {
  const { tree } = hierseg;
  return new Set(tree.order.filter((node) => !tree.isLeaf(node) && tree.depths[node] < tree.depthOf(level)));
};
