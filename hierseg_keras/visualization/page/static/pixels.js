"use strict";
/** The maps of an image: how they are decoded, and what a pixel shows. */
hierseg.pixels = (() => {
  /** A pixel without a label, or without a class that is probable enough. */
  const NONE = -1;
  const ONE = 255;

  /** Decodes base64 and inflates it. */
  async function inflated(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** Reads planes of bytes one after the other. */
  class Planes {
    constructor(bytes, { width, height }) {
      Object.assign(this, { bytes, width, count: width * height, next: 0 });
    }

    plane() {
      return this.bytes.subarray(this.next, (this.next += this.count));
    }

    /** Reads nodes, of one or two bytes. */
    nodes() {
      const { numNodes } = hierseg.tree;
      const [low, high] = numNodes < 256 ? [this.plane()] : [this.plane(), this.plane()];
      return Int32Array.from(low, (byte, index) => {
        const node = byte + (high ? 256 * high[index] : 0);
        return node < numNodes ? node : NONE;
      });
    }

    /** Reads probabilities, which are stored as differences to the pixel on the left. */
    probabilities() {
      const steps = this.plane();
      const values = new Uint8Array(this.count);
      for (let index = 0; index < this.count; index++) {
        values[index] = steps[index] + (index % this.width ? values[index - 1] : 0);
      }
      return values;
    }
  }

  /** Decodes the labels of an image: a node per pixel, or -1. */
  async function decodeTruth(text, size) {
    return new Planes(await inflated(text), size).nodes();
  }

  /**
   * Decodes the prediction of an image.
   *
   * @returns {Promise<{leaf: Int32Array, path: Uint8Array[], next: Object[]}>} The leaf of the best path; the
   *     probability at each depth, 255 for 1; and the `leaf` and `probability` of the next best paths.
   */
  async function decodePrediction(text, size) {
    const { numLevels, numLeaves } = hierseg.tree;
    const planes = new Planes(await inflated(text), size);
    const leaf = planes.nodes();
    const path = [planes.probabilities()];
    for (let depth = 2; depth <= numLevels; depth++) {
      const above = path[depth - 2];
      path.push(planes.probabilities().map((drop, index) => above[index] - drop));
    }
    const next = [];
    for (let place = 0; place < Math.min(3, numLeaves - 1); place++) {
      next.push({ leaf: planes.nodes(), probability: planes.probabilities() });
    }
    return { leaf, path, next };
  }

  /**
   * Returns the node that a pixel of a prediction shows: the deepest of its best path that is not finer than a level
   * and whose probability is at least a threshold; or -1.
   */
  function shown(prediction, index, level, threshold) {
    const least = threshold * ONE - 1e-9;
    for (let depth = hierseg.tree.depthOf(level); depth >= 1; depth--) {
      if (prediction.path[depth - 1][index] >= least) return hierseg.tree.at(depth, prediction.leaf[index]);
    }
    return NONE;
  }

  /** Returns the node that a label shows at a level, or -1. */
  function shownTruth(label, level) {
    return label < 0 ? NONE : hierseg.tree.at(hierseg.tree.depthOf(level), label);
  }

  /** Whether a shown node contradicts a label: neither is the other or one of its ancestors. */
  function isMistake(label, node) {
    return label >= 0 && node >= 0 && !hierseg.tree.areRelated(label, node);
  }

  return { NONE, ONE, decodeTruth, decodePrediction, shown, shownTruth, isMistake };
})();
