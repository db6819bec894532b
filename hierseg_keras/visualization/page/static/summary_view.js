"use strict";
/** The heading: what was evaluated, and the scores of each run by level. */
hierseg.summaryView = (store) => {
  const { data, tree, element, byId, numbers } = hierseg;
  const names = data.runs.map((run) => run.name);
  const title = names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(" and ");
  document.title = `${title}: report`;
  byId("title").textContent = title;
  const shown = data.images.length < data.numImages ? `, of which ${numbers.count(data.images.length)} are shown` : "";
  const classes = tree.numLeaves === 1 ? "1 class" : `${numbers.count(tree.numLeaves)} classes`;
  const inner = numbers.plural(tree.numNodes - tree.numLeaves, "internal node");
  const parts = [
    data.dataSet,
    `${numbers.plural(data.numImages, "image")}${shown}`,
    `${classes} below ${inner}, ${numbers.plural(tree.numLevels, "level")}`,
  ];
  byId("subtitle").textContent = parts.filter((part) => part).join(" · ");
  drawRuns();
  drawChoice();

  /** Fills the table of the runs. */
  function drawRuns() {
    const levels = Array.from({ length: tree.numLevels }, (_, index) => index + 1);
    const facts = [...new Set(data.runs.flatMap((run) => run.facts.map(([key]) => key)))];
    const columns = [
      ...levels.map((level) => [levelTitle("mIoU, level", level), (run) => numbers.share(run.values[`miou_${level}`])]),
      ["accuracy, level 1", (run) => numbers.share(run.values.accuracy_1)],
      ["mistake severity", (run) => numbers.share(run.values.mistake_severity)],
      ...facts.map((fact) => [fact, (run) => new Map(run.facts).get(fact) ?? "–", "fact"]),
    ];
    byId("runs").append(
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          element("th", { scope: "col", text: "run" }),
          ...columns.map(([text, , kind]) => element("th", { scope: "col", class: kind, text })),
        ),
      ),
      element(
        "tbody",
        {},
        ...data.runs.map((run, place) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, hierseg.runMark(place), document.createTextNode(run.name)),
            ...columns.map(([, value, kind]) => element("td", { class: kind, text: value(run) })),
          ),
        ),
      ),
    );
  }

  function levelTitle(text, level) {
    if (tree.numLevels === 1) return "mIoU";
    return `${text} ${level}${level === 1 ? " (finest)" : level === tree.numLevels ? " (coarsest)" : ""}`;
  }

  /** Lets the user choose the runs to show, if there are several. */
  function drawChoice() {
    if (names.length === 1) return;
    byId("chosen").hidden = false;
    const pairs = names.map((name, place) => [place, name]);
    byId("run").append(...hierseg.options(pairs));
    byId("other").append(...hierseg.options([["", "no other run"], ...pairs]));
    byId("run").addEventListener("change", (event) => store.set({ run: Number(event.target.value) }));
    byId("other").addEventListener("change", (event) => {
      store.set({ other: event.target.value === "" ? null : Number(event.target.value) });
    });
    store.view(["run", "other"], (state) => {
      byId("run").value = state.run;
      byId("other").value = state.other ?? "";
    });
  }
};

/** Returns the style class of a run. The colors are used again after eight runs, for thin curves and hollow marks. */
hierseg.runClass = (place) => `run-${place % 8}${place < 8 ? "" : " again"}`;

/** Makes the mark of a run, in the color of its curves. */
hierseg.runMark = (place) => hierseg.element("span", { class: `run-mark ${hierseg.runClass(place)}`, "aria-hidden": "true" });

/** Returns the positions of the runs that are shown. */
hierseg.shownRuns = ({ run, other }) => (other === null || other === run ? [run] : [run, other]);
