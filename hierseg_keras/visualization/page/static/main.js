"use strict";
/** Shows a message above everything, such as that a file is missing; with no text, shows none. */
hierseg.showMessage = (text) => {
  hierseg.byId("message").textContent = text;
  hierseg.byId("message").hidden = text === "";
};

/** Lets the user change between light and dark colors. The system's are the default. */
hierseg.themeButton = () => {
  const button = hierseg.byId("theme");
  const isDark = () => getComputedStyle(document.documentElement).getPropertyValue("--is-dark").trim() === "1";
  const show = () => {
    button.textContent = isDark() ? "Light colors" : "Dark colors";
  };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
};

(() => {
  const { data } = hierseg;
  if (!data || data.format !== 1) {
    hierseg.showMessage(
      "The data of this page are missing, or of another version. Copy the page with its whole folder.",
    );
    return;
  }
  if (typeof DecompressionStream === "undefined" || !CSS.supports("color", "light-dark(red, red)")) {
    hierseg.showMessage("This browser is too old for this page. Browsers from the middle of 2024 on show it.");
    return;
  }
  hierseg.tree = new hierseg.ClassTree(data.tree);
  const { tree } = hierseg;
  const inner = tree.order.filter((node) => !tree.isLeaf(node));
  const MOST_OPEN = 40;
  const isSmall = tree.numNodes <= MOST_OPEN;
  const store = new hierseg.Store({
    image: 0,
    run: 0,
    other: otherRun(),
    level: 1,
    threshold: 0,
    opacity: 0.7,
    mistakes: false,
    node: null,
    sort: "order",
    cursor: null,
    loaded: null,
    open: new Set(isSmall ? inner : tree.tops.filter((node) => !tree.isLeaf(node))),
    unfolded: hierseg.unfoldedTo(isSmall ? 1 : tree.numLevels),
    score: "iou",
    confusionOf: "run",
    confusionUnit: "share",
  });
  hierseg.store = store;

  /** Returns the run to show beside the first: one of another configuration, if there is one. */
  function otherRun() {
    const [, group] = data.comparison.groups;
    return data.runs.length === 1 ? null : (group?.[0] ?? 1);
  }

  hierseg.themeButton();
  for (const view of [
    hierseg.summaryView,
    hierseg.imageControls,
    hierseg.imageList,
    hierseg.imagePanels,
    hierseg.pixelView,
    hierseg.treeView,
    hierseg.confusionView,
    hierseg.curvesView,
    hierseg.comparisonView,
  ])
    view(store);
  document.documentElement.dataset.ready = "true";
})();
