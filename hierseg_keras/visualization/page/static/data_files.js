"use strict";
/**
 * Data files, which are scripts because a page that is opened from disk may load no other files.
 *
 * A file is loaded when its image is looked at. It calls one of the functions below.
 */
(() => {
  const waiting = new Map();
  const decoded = new Map();
  const MOST_KEPT = 60;

  /** Called by `data/report.js` with the data of the whole page. */
  hierseg.report = (data) => {
    hierseg.data = data;
  };

  /** Called by an image's file with its encoded labels. */
  hierseg.truth = (image, text) => receive(`data/${image}.js`, text);

  /** Called by a prediction's file with the encoded maps of a run. */
  hierseg.prediction = (image, run, text) => receive(`data/${image}.${run}.js`, text);

  function receive(file, text) {
    waiting.get(file)?.(text);
    waiting.delete(file);
  }

  /** Loads a file and returns the promise of its text. */
  function load(file) {
    return new Promise((resolve, reject) => {
      const script = hierseg.element("script", { src: file });
      waiting.set(file, resolve);
      script.addEventListener("load", () => script.remove());
      script.addEventListener("error", () => {
        script.remove();
        waiting.delete(file);
        decoded.delete(file);
        reject(new Error(`${file} cannot be loaded. Copy the page with its whole folder.`));
      });
      document.head.append(script);
    });
  }

  /** Returns the promise of a file's maps, which are decoded once as long as they are kept. */
  function maps(file, decode) {
    const known = decoded.get(file) ?? load(file).then(decode);
    decoded.delete(file);
    decoded.set(file, known);
    if (decoded.size > MOST_KEPT) decoded.delete(decoded.keys().next().value);
    return known;
  }

  /**
   * @typedef {Object} Maps
   * @property {number} image Position of the image.
   * @property {number[]} runs Positions of the runs.
   * @property {Int32Array} truth Its labels.
   * @property {Object[]} predictions One per run, as `hierseg.pixels.decodePrediction` returns it.
   */

  /**
   * Returns the promise of the maps of an image and some runs.
   *
   * @param {number} image
   * @param {number[]} runs
   * @returns {Promise<Maps>}
   */
  hierseg.imageMaps = async (image, runs) => {
    const { width, height } = hierseg.data.images[image];
    const size = { width, height };
    const [truth, ...predictions] = await Promise.all([
      maps(`data/${image}.js`, (text) => hierseg.pixels.decodeTruth(text, size)),
      ...runs.map((run) => maps(`data/${image}.${run}.js`, (text) => hierseg.pixels.decodePrediction(text, size))),
    ]);
    return { image, runs, truth, predictions };
  };

  /** Returns the `Maps` of the image and the runs that are shown, or null until they are loaded. */
  hierseg.shownMaps = (state) => {
    const { loaded } = state;
    const isShown =
      loaded !== null && loaded.image === state.image && String(loaded.runs) === String(hierseg.shownRuns(state));
    return isShown ? loaded : null;
  };
})();
