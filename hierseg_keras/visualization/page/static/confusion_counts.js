"use strict";
/**
 * Sums the confusions of a run over the classes that a folded tree shows.
 *
 * @param {number[]} cells Label, leaf and pixels, of each cell that is not 0.
 * @param {Set<number>} unfolded Nodes that are unfolded.
 * @returns {{columns: number[], rows: Object[], counts: Map, totals: Map}} `columns` are the nodes at
 *     which the tree is cut. `rows` are these and what is unfolded above them, in the order of the tree: `node`, and
 *     its `kind`: "class", "family" or "coarse", for labels that are coarser than the cut. `counts` has the pixels by
 *     labeled node and predicted column, and `totals` by labeled node.
 */
hierseg.confusionCounts = (cells, unfolded) => {
  const { tree } = hierseg;
  const cut = new Int32Array(tree.numNodes);
  const columns = [];
  for (const node of tree.order) {
    const parent = tree.parents[node];
    const isBelow = parent >= 0 && !(unfolded.has(parent) && cut[parent] < 0);
    cut[node] = isBelow ? cut[parent] : unfolded.has(node) ? -1 : node;
    if (cut[node] === node) columns.push(node);
  }
  const counts = new Map();
  const totals = new Map();
  for (let index = 0; index < cells.length; index += 3) {
    const [label, leaf, pixels] = cells.slice(index, index + 3);
    const row = cut[label] < 0 ? label : cut[label];
    if (!counts.has(row)) counts.set(row, new Map());
    const column = cut[leaf];
    counts.get(row).set(column, (counts.get(row).get(column) ?? 0) + pixels);
    totals.set(row, (totals.get(row) ?? 0) + pixels);
  }
  const rows = [];
  for (const node of tree.order) {
    if (cut[node] === node) rows.push({ node, kind: "class" });
    if (cut[node] >= 0) continue;
    rows.push({ node, kind: "family" });
    if (counts.has(node)) rows.push({ node, kind: "coarse" });
  }
  return { columns, rows, counts, totals };
};
