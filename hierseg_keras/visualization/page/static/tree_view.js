"use strict";
/** The class tree with the scores of each node. */
hierseg.treeView = (store) => {
  const { data, tree, element, byId, numbers, reachable } = hierseg;
  const root = byId("tree");
  let rows = new Map();
  let columns = [];

  byId("tree-score").addEventListener("change", (event) => store.set({ score: event.target.value }));
  byId("tree-note").textContent = "Scores of a class at its own level. Choose a class to find it in images.";
  byId("open-all").addEventListener("click", () =>
    store.set({ open: new Set(tree.order.filter((node) => !tree.isLeaf(node))) }),
  );
  byId("close-all").addEventListener("click", () => store.set({ open: new Set() }));
  root.addEventListener("keydown", onKey);

  store.view(["run", "other", "score"], (state) => {
    columns = columnsOf(state);
    byId("tree-score").value = state.score;
    byId("tree-score").parentElement.hidden = hierseg.shownRuns(state).length === 1;
    const head = [["class", "name"], ...columns.map(({ title, kind }) => [title, kind])];
    byId("tree-head").replaceChildren(...head.map(([text, kind]) => element("span", { class: kind, text })));
    rows = new Map(tree.order.map((node) => [node, makeRow(node)]));
    root.replaceChildren(...rows.values());
    hierseg.style(byId("classes"), { "--columns": columns.length });
  });

  store.view(["open", "run", "other", "score", "node"], ({ open, node }) => {
    for (const [each, row] of rows) {
      const parent = tree.parents[each];
      row.hidden = parent >= 0 && (rows.get(parent).hidden || !open.has(parent));
      if (!tree.isLeaf(each)) row.setAttribute("aria-expanded", String(open.has(each)));
    }
    const shown = [...rows.values()].filter((row) => !row.hidden);
    const chosen = rows.get(node);
    reachable(shown, chosen && !chosen.hidden ? chosen : shown[0]);
  });

  store.view(["node", "run", "other", "score"], ({ node }) => {
    for (const [each, row] of rows) row.setAttribute("aria-selected", String(each === node));
  });

  /** Returns the columns: title, kind, and the cell and the words of a node. Two runs are compared by one score. */
  function columnsOf({ run, other, score }) {
    const { nodes } = data.runs[run];
    const support = {
      title: "pixels",
      kind: "plain",
      text: (node) => `${numbers.count(nodes.support[node])} pixels`,
      cell: (node) => value(numbers.short(nodes.support[node]), numbers.count(nodes.support[node])),
    };
    if (other === null || other === run) {
      return [
        scored("IoU", (node) => nodes.iou[node]),
        plain("precision", nodes.precision),
        plain("recall", nodes.recall),
        support,
      ];
    }
    const compared = hierseg.comparison(run, other, score);
    const sides = compared.titles.map((title, side) => scored(title, (node) => compared.node(node).values[side]));
    return [...sides, difference(compared), support];
  }

  function scored(title, scoreOf) {
    return {
      title,
      kind: "score",
      cell: (node) => bar(scoreOf(node)),
      text: (node) => `${title} ${numbers.share(scoreOf(node))}`,
    };
  }

  function plain(title, scores) {
    return {
      title,
      kind: "plain",
      cell: (node) => value(numbers.share(scores[node])),
      text: (node) => `${title} ${numbers.share(scores[node])}`,
    };
  }

  /** Returns the column of differences. Of IoUs it says what is noise. */
  function difference(compared) {
    const text = ({ difference: by, verdict }) => `${numbers.difference(by)}${verdict === "noise" ? " (noise)" : ""}`;
    return {
      title: "difference",
      kind: "difference",
      text: (node) => `difference ${text(compared.node(node))}`,
      cell: (node) => {
        const at = compared.node(node);
        const sign = at.difference > 0 ? "more" : at.difference < 0 ? "less" : "";
        return element("span", { class: `difference ${at.verdict} ${sign}`, text: text(at) });
      },
    };
  }

  function value(text, title) {
    return element("span", { text, title });
  }

  /** Returns a number with a bar in the color of the score. */
  function bar(score) {
    return element(
      "span",
      { class: "score", style: { "--share": score ?? 0 } },
      element("span", { class: "fill" }),
      element("span", { text: numbers.share(score) }),
    );
  }

  function makeRow(node) {
    const siblings = tree.parents[node] < 0 ? tree.tops : tree.children[tree.parents[node]];
    const sign = element("span", {
      class: "sign",
      "aria-hidden": "true",
      onclick: (event) => {
        event.stopPropagation();
        store.toggle("open", node);
      },
    });
    return element(
      "div",
      {
        class: "tree-row",
        role: "treeitem",
        "data-node": node,
        "aria-level": tree.depths[node],
        "aria-setsize": siblings.length,
        "aria-posinset": siblings.indexOf(node) + 1,
        "aria-label": [tree.names[node], ...columns.map(({ text }) => text(node))].join(", "),
        style: { "--depth": tree.depths[node] - 1 },
        onclick: () => choose(node),
      },
      element(
        "span",
        { class: "name" },
        sign,
        hierseg.swatch(tree.colors[node]),
        element("span", { class: "text", text: tree.names[node], title: tree.pathText(node), dir: "auto" }),
      ),
      ...columns.map(({ kind, title, cell }) =>
        element("span", { class: `cell ${kind}`, "data-title": title }, cell(node)),
      ),
    );
  }

  /** Chooses a class. A click on a class that is chosen already opens or closes it. */
  function choose(node) {
    rows.get(node).focus();
    if (!tree.isLeaf(node) && (store.state.node === node || !store.state.open.has(node))) store.toggle("open", node);
    store.set({ node });
  }

  function onKey(event) {
    const row = event.target.closest("[role=treeitem]");
    const node = row && Number(row.dataset.node);
    const action =
      row &&
      {
        ArrowDown: () => move(row, 1),
        ArrowUp: () => move(row, -1),
        ArrowRight: () => open(node),
        ArrowLeft: () => close(node),
        Home: () => focusOn(shownRows()[0]),
        End: () => focusOn(shownRows().at(-1)),
        Enter: () => choose(node),
        " ": () => choose(node),
      }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  function shownRows() {
    return [...rows.values()].filter((row) => !row.hidden);
  }

  function focusOn(row) {
    if (!row) return;
    reachable(shownRows(), row);
    row.focus();
  }

  function move(row, step) {
    const shown = shownRows();
    focusOn(shown[shown.indexOf(row) + step]);
  }

  function open(node) {
    if (tree.isLeaf(node)) return;
    if (store.state.open.has(node)) focusOn(rows.get(tree.children[node][0]));
    else setOpen(node, true);
  }

  function close(node) {
    if (!tree.isLeaf(node) && store.state.open.has(node)) setOpen(node, false);
    else if (tree.parents[node] >= 0) focusOn(rows.get(tree.parents[node]));
  }

  function setOpen(node, isOpen) {
    store.toggle("open", node, isOpen);
    focusOn(rows.get(node));
  }
};
