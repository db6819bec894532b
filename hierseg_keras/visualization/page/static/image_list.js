"use strict";
/** The list of images, and the order in which they are shown. */
hierseg.imageList = (store) => {
  const { data, tree, element, byId, numbers, reachable } = hierseg;
  const list = byId("image-list");
  const items = data.images.map((image, place) => {
    const score = element("span", { class: "quiet" });
    const button = element(
      "button",
      { type: "button", onclick: () => store.set({ image: place, cursor: null }) },
      element("img", { src: `data/${place}.jpg`, alt: "", loading: "lazy", width: image.width, height: image.height }),
      element("span", { class: "name", text: image.name, title: image.name, dir: "auto" }),
      score,
    );
    return { button, score, row: element("li", {}, button) };
  });
  let order = items.map((_, place) => place);
  list.append(...items.map(({ row }) => row));

  byId("sort").addEventListener("change", (event) => {
    const sort = event.target.value;
    const isFirstClass = sort === "iou" && store.state.node === null;
    store.set({ sort, ...(isFirstClass ? { node: tree.order[0] } : {}) });
    store.set({ image: order[0], cursor: null });
  });
  const indented = tree.order.map((node) => [node, "\u2003".repeat(tree.depths[node] - 1) + tree.names[node]]);
  byId("class").append(...hierseg.options([["", "none"], ...indented]));
  byId("class").addEventListener("change", (event) => {
    store.set({ node: event.target.value === "" ? null : Number(event.target.value) });
  });
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  list.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -items.length, End: items.length };
    if (!(event.key in steps)) return;
    event.preventDefault();
    step(steps[event.key]);
    items[store.state.image].button.focus();
  });

  /** Goes to an image that is so many places away in the order, or to the first or last. */
  function step(count) {
    const place = order.indexOf(store.state.image) + count;
    store.set({ image: order[Math.max(0, Math.min(order.length - 1, place))], cursor: null });
  }

  /** Returns what images are sorted by, the worst first; null comes last. */
  function badness(image, { sort, run, level, node }) {
    const values = data.images[image].runs[run];
    if (sort === "severity") return values.severity;
    if (sort === "wrong") return values.wrong[level - 1];
    if (sort === "iou") return node === null || !(node in values.iou) ? null : -values.iou[node];
    return -image;
  }

  /** Returns the text below an image. */
  function scoreText(image, { sort, run, level, node }) {
    const values = data.images[image].runs[run];
    if (sort === "severity") return `severity ${decimals(values.severity)}`;
    if (sort === "iou" && node !== null) return `IoU ${numbers.share(values.iou[node])}`;
    return `${numbers.percent(values.wrong[level - 1])} wrong`;
  }

  store.view(["sort", "run", "level", "node"], (state) => {
    const keys = items.map((_, image) => badness(image, state) ?? -Infinity);
    const sorted = items.map((_, image) => image).sort((one, two) => keys[two] - keys[one] || one - two);
    if (String(sorted) !== String(order)) list.replaceChildren(...sorted.map((image) => items[image].row));
    order = sorted;
    items.forEach(({ score }, image) => {
      score.textContent = scoreText(image, state);
    });
    byId("sort").value = state.sort;
    byId("class").value = state.node ?? "";
  });

  store.view(["image", "sort", "run", "other", "level", "node"], (state) => {
    const current = items[state.image].button;
    items.forEach(({ button }) => button.removeAttribute("aria-current"));
    current.setAttribute("aria-current", "true");
    reachable(
      items.map(({ button }) => button),
      current,
    );
    const place = order.indexOf(state.image);
    byId("previous").disabled = place === 0;
    byId("next").disabled = place === order.length - 1;
    byId("image-name").textContent = data.images[state.image].name;
    byId("image-scores").textContent = [
      `${place + 1} of ${order.length}`,
      ...hierseg.shownRuns(state).map((run) => imageScores(state.image, run, state.level)),
    ].join(" · ");
    showInList(current);
  });

  function imageScores(image, run, level) {
    const { wrong, severity } = data.images[image].runs[run];
    const name = data.runs.length > 1 ? `${data.runs[run].name}: ` : "";
    return `${name}${numbers.percent(wrong[level - 1])} wrong, severity ${decimals(severity)}`;
  }

  function decimals(value) {
    return value === null ? "–" : value.toFixed(2);
  }

  /** Scrolls the list, and not the page, to an image. */
  function showInList(button) {
    const row = button.parentElement;
    const above = row.offsetTop - list.offsetTop;
    if (above < list.scrollTop || above + row.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = above;
  }
};
