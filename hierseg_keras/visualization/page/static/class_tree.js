"use strict";
/** The class tree. Nodes are numbers: leaves first. Depth 1 is the coarsest, level 1 the finest. */
hierseg.ClassTree = class {
  /** @param {Object} data The `tree` of the page's data. */
  constructor(data) {
    this.names = data.names;
    this.parents = data.parents;
    this.colors = data.colors;
    this.numNodes = data.names.length;
    this.numLeaves = data.leaves;
    this.numLevels = data.levels;
    /** All nodes, each before its children. */
    this.order = data.order;
    this.depths = new Uint16Array(this.numNodes);
    this.children = data.names.map(() => []);
    this.tops = [];
    for (const node of this.order) {
      const parent = this.parents[node];
      this.depths[node] = parent < 0 ? 1 : this.depths[parent] + 1;
      (parent < 0 ? this.tops : this.children[parent]).push(node);
    }
    this.rgb = data.colors.map((color) => [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16)));
    this.table = this._table();
  }

  /** Makes the table of the node at each depth, for each node. */
  _table() {
    const table = new Uint16Array(this.numLevels * this.numNodes);
    for (let node = 0; node < this.numNodes; node++) {
      let above = node;
      for (let depth = this.numLevels; depth >= 1; depth--) {
        if (this.depths[above] > depth) above = this.parents[above];
        table[(depth - 1) * this.numNodes + node] = above;
      }
    }
    return table;
  }

  /** Returns the node at a depth on the path of a node: the node itself if it is not deeper. */
  at(depth, node) {
    return this.table[(depth - 1) * this.numNodes + node];
  }

  /** Returns the depth of a level, or the level of a depth. */
  depthOf(level) {
    return this.numLevels - level + 1;
  }

  isLeaf(node) {
    return node < this.numLeaves;
  }

  /** Whether a node is another node or one of its ancestors. */
  isAbove(node, other) {
    return this.at(this.depths[node], other) === node;
  }

  /** Whether one of two nodes is the other or one of its ancestors. */
  areRelated(node, other) {
    return this.isAbove(node, other) || this.isAbove(other, node);
  }

  /** Returns the nodes from the top class to a node. */
  path(node) {
    return Array.from({ length: this.depths[node] }, (_, index) => this.at(index + 1, node));
  }

  /** Returns the path of a node as text. */
  pathText(node) {
    return this.path(node)
      .map((each) => this.names[each])
      .join(" › ");
  }
};
