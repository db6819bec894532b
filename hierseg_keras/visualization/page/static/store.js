"use strict";
/**
 * The state of the page: what is chosen. Controls set it, and views draw it. Nothing else connects them.
 *
 * @typedef {Object} State
 * @property {number} image Position of the image.
 * @property {number} run Position of the run.
 * @property {?number} other Position of the run beside it.
 * @property {number} level Level that images are shown at.
 * @property {number} threshold Least probability of a class that is shown.
 * @property {number} opacity Opacity of the classes over the image.
 * @property {boolean} mistakes Whether only mistakes are shown.
 * @property {?number} node The chosen class.
 * @property {string} sort By what images are sorted.
 * @property {?{x: number, y: number}} cursor Pixel whose path is shown.
 * @property {?Maps} loaded Maps of the image that was loaded last.
 * @property {Set<number>} open Nodes that are open in the tree.
 * @property {string} score Score of nodes by which two runs are compared.
 * @property {Set<number>} unfolded Nodes that are unfolded in the confusion matrix.
 */
hierseg.Store = class {
  /** @param {State} state */
  constructor(state) {
    this.state = state;
    this.views = [];
  }

  /**
   * Adds a view.
   *
   * @param {string[]} names Properties of the state that it depends on.
   * @param {function(State)} draw Called at once, and whenever one of them changes.
   */
  view(names, draw) {
    this.views.push({ names, draw });
    draw(this.state);
  }

  /** Changes properties, and draws the views that depend on them. */
  set(changes) {
    const changed = Object.keys(changes).filter((name) => this.state[name] !== changes[name]);
    Object.assign(this.state, changes);
    for (const { names, draw } of this.views) {
      if (names.some((name) => changed.includes(name))) draw(this.state);
    }
  }

  /** Adds a node to a set of the state, or removes it. */
  toggle(name, node, isIn) {
    const set = new Set(this.state[name]);
    if (isIn ?? !set.has(node)) set.add(node);
    else set.delete(node);
    this.set({ [name]: set });
  }
};
