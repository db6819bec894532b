"use strict";
/** The differences of the shown runs by level and by class, and which of them are noise. */
hierseg.comparisonView = (store) => {
  const { tree, element, byId, numbers } = hierseg;
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
        "It is unknown which differences are noise: neither run shares its configuration with another run but for " +
        "the seed. Train some seeds more, and pass all runs to hierseg report."
      );
    }
    const counts = groups.map((group) => group.length);
    const single = counts.includes(1) ? "The single run is assumed to vary as much as the others. " : "";
    return (
      `Means of ${counts.join(" and ")} seeds. ${single}A difference within the half width of its 95 % interval, by the spread of the seeds, ` +
      "is noise. Of classes that do not differ, one in twenty is beyond it by chance."
    );
  }

  function fill(id, caption, compared, rows) {
    const head = ["", ...compared.titles, "difference", ...(compared.hasSpread ? ["±"] : []), "verdict"];
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
            ...row.values.map((value) => element("td", { text: numbers.share(value) })),
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
};
