"use strict";
/** The image with its labels, and with the predictions of the shown runs. */
hierseg.imagePanels = (store) => {
  const { data, tree, element, byId, pixels } = hierseg;
  const DIMMED = 60;
  let panels = [];

  store.view(["run", "other"], (state) => {
    const runs = hierseg.shownRuns(state);
    panels = [makePanel("Truth", null), ...runs.map((run) => makePanel(predictionTitle(run), run))];
    byId("panels").replaceChildren(...panels.map((panel) => panel.figure));
    byId("panels").style.setProperty("--panels", panels.length);
  });

  store.view(["image", "run", "other"], async (state) => {
    const { image } = state;
    setSizes(data.images[image], image);
    drawCursor(state);
    try {
      const loaded = await hierseg.imageMaps(image, hierseg.shownRuns(state));
      // Another image may have been chosen before this one was loaded.
      if (hierseg.shownMaps({ ...store.state, loaded }) !== null) {
        store.set({ loaded });
      }
    } catch (error) {
      if (image === store.state.image) {
        hierseg.showMessage(error.message);
      }
    }
  });

  store.view(["loaded", "level", "threshold", "mistakes", "node"], draw);
  store.view(["opacity"], drawOpacity);
  store.view(["cursor"], drawCursor);

  function predictionTitle(run) {
    return data.runs.length > 1 ? `Prediction of ${data.runs[run].name}` : "Prediction";
  }

  /** Makes a photograph with a canvas over it, which takes the keyboard and the pointer. */
  function makePanel(title, run) {
    const photograph = element("img", { alt: "" });
    const canvas = element("canvas");
    const cross = element("div", { class: "cross", hidden: true });
    const stage = element(
      "div",
      {
        class: "stage",
        tabindex: "0",
        role: "application",
        "aria-roledescription": "image",
        "aria-label": `${title}. Arrow keys move the cursor, with Shift by ten pixels.`,
        onpointermove: onPointer,
        onpointerdown: onPointer,
        onkeydown: onKey,
      },
      photograph,
      canvas,
      cross,
    );
    const caption = element(
      "figcaption",
      {},
      ...(run === null ? [] : [hierseg.runMark(run)]),
      document.createTextNode(title),
    );
    return { photograph, canvas, cross, stage, run, figure: element("figure", {}, caption, stage) };
  }

  function setSizes({ width, height }, image) {
    for (const { photograph, canvas, stage } of panels) {
      photograph.src = `data/${image}.jpg`;
      Object.assign(canvas, { width, height });
      stage.style.aspectRatio = `${width} / ${height}`;
    }
    drawOpacity(store.state);
  }

  function onPointer(event) {
    const box = event.currentTarget.getBoundingClientRect();
    const { width, height } = data.images[store.state.image];
    moveTo(
      Math.floor(((event.clientX - box.left) / box.width) * width),
      Math.floor(((event.clientY - box.top) / box.height) * height),
    );
  }

  function onKey(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const { width, height } = data.images[store.state.image];
    const { x, y } = store.state.cursor ?? { x: width >> 1, y: height >> 1 };
    const [right, down] = steps[event.key].map((step) => step * (event.shiftKey ? 10 : 1));
    moveTo(x + right, y + down);
  }

  function moveTo(x, y) {
    const { width, height } = data.images[store.state.image];
    const inside = { x: Math.max(0, Math.min(width - 1, x)), y: Math.max(0, Math.min(height - 1, y)) };
    const { cursor } = store.state;
    if (cursor?.x !== inside.x || cursor?.y !== inside.y) store.set({ cursor: inside });
  }

  /** Paints the canvases. */
  function draw(state) {
    const maps = hierseg.shownMaps(state);
    if (maps === null) return;
    hierseg.showMessage("");
    const areas = new Map();
    for (const panel of panels) paint(panel, maps, state, areas);
    drawOpacity(state);
    drawLegend(areas, state);
  }

  /** Paints one canvas, and adds the pixels of each node to `areas`. */
  function paint({ canvas, run }, maps, state, areas) {
    const { width, height } = canvas;
    const image = new ImageData(width, height);
    const prediction = run === null ? null : maps.predictions[maps.runs.indexOf(run)];
    const others = run === null ? maps.predictions : [prediction];
    const { level, threshold, mistakes, node: chosen } = state;
    for (let index = 0; index < width * height; index++) {
      const label = maps.truth[index];
      const node = prediction ? pixels.shown(prediction, index, level, threshold) : pixels.shownTruth(label, level);
      if (node < 0 || (mistakes && !others.some((each) => isMistaken(each, index, label, state)))) continue;
      areas.set(node, (areas.get(node) ?? 0) + 1);
      image.data.set(tree.rgb[node], 4 * index);
      image.data[4 * index + 3] = chosen === null || tree.areRelated(chosen, node) ? 255 : DIMMED;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  /** Whether a prediction contradicts the label of a pixel. */
  function isMistaken(prediction, index, label, { level, threshold }) {
    return pixels.isMistake(label, pixels.shown(prediction, index, level, threshold));
  }

  function drawOpacity({ opacity, mistakes }) {
    for (const { canvas, photograph } of panels) {
      canvas.style.opacity = opacity;
      photograph.classList.toggle("gray", mistakes);
    }
  }

  function drawCursor({ cursor, image }) {
    const { width, height } = data.images[image];
    for (const { cross } of panels) {
      cross.hidden = cursor === null;
      if (cursor === null) continue;
      hierseg.style(cross, {
        left: `${(100 * (cursor.x + 0.5)) / width}%`,
        top: `${(100 * (cursor.y + 0.5)) / height}%`,
      });
    }
  }

  /** Lists the classes that are painted, the largest first. */
  function drawLegend(areas, state) {
    const nodes = [...areas.keys()].sort((one, two) => areas.get(two) - areas.get(one));
    hierseg.replaceChildren(
      byId("legend"),
      ...nodes.map((node) =>
        element(
          "li",
          {},
          element(
            "button",
            {
              type: "button",
              class: "chip",
              "data-node": node,
              title: tree.pathText(node),
              "aria-pressed": String(state.node === node),
              onclick: () => store.set({ node: state.node === node ? null : node }),
            },
            hierseg.swatch(tree.colors[node]),
            element("span", { text: tree.names[node], dir: "auto" }),
          ),
        ),
      ),
    );
  }
};
