"use strict";
/** The sliders and the checkbox above the images. */
hierseg.imageControls = (store) => {
  const { tree, byId } = hierseg;
  byId("level").max = tree.numLevels;
  byId("level").disabled = tree.numLevels === 1;
  onInput("level", (input) => ({ level: Number(input.value) }));
  onInput("threshold", (input) => ({ threshold: Number(input.value) / 100 }));
  onInput("opacity", (input) => ({ opacity: Number(input.value) / 100 }));
  onInput("mistakes", (input) => ({ mistakes: input.checked }));

  function onInput(id, changes) {
    byId(id).addEventListener("input", (event) => store.set(changes(event.target)));
  }

  /** Shows a slider's value, also to screen readers. */
  function show(id, value, text) {
    byId(id).value = value;
    byId(id).setAttribute("aria-valuetext", text);
    byId(`${id}-text`).textContent = text;
  }

  store.view(["level"], ({ level }) => {
    const end = level === 1 ? " (finest)" : level === tree.numLevels ? " (coarsest)" : "";
    show("level", level, `${level}${end}`);
  });
  store.view(["threshold"], ({ threshold }) => {
    const percent = Math.round(100 * threshold);
    show("threshold", percent, percent ? `${percent} %` : "off");
  });
  store.view(["opacity"], ({ opacity }) =>
    show("opacity", Math.round(100 * opacity), `${Math.round(100 * opacity)} %`),
  );
  store.view(["mistakes"], ({ mistakes }) => {
    byId("mistakes").checked = mistakes;
  });
};
