"""The equations in float64 NumPy, by loops over pixels, nodes and sets.

Nothing here comes from the package: a tree is the list of its leaves' paths, and a node is its path.
"""

import numpy as np


class ReferenceTree:
    """A class tree as a list of paths; a node's index is its place in the list.

    Args:
        leaf_paths: Tuples of names, in leaf order.
    """

    def __init__(self, leaf_paths):
        leaves = [tuple(path) for path in leaf_paths]
        inner = {path[:depth] for path in leaves for depth in range(1, len(path))}
        smallest_leaf = {node: min(i for i, leaf in enumerate(leaves) if is_prefix(node, leaf)) for node in inner}
        self.nodes = leaves + sorted(inner, key=lambda node: (-len(node), smallest_leaf[node]))
        self.num_leaves = len(leaves)
        self.num_nodes = len(self.nodes)
        self.num_levels = max(len(path) for path in leaves)
        self.index = {node: i for i, node in enumerate(self.nodes)}

    def is_leaf(self, v):
        return v < self.num_leaves

    def depth(self, v):
        return len(self.nodes[v])

    def parent(self, v):
        return self.index.get(self.nodes[v][:-1], -1)

    def ancestors(self, v):
        """`A_v`: the node and all above it, from the top class down."""
        return [self.index[self.nodes[v][:depth]] for depth in range(1, self.depth(v) + 1)]

    def descendants(self, v):
        """`C_v`: the node and all below it."""
        return [u for u, node in enumerate(self.nodes) if is_prefix(self.nodes[v], node)]

    def children(self, v):
        return [u for u in range(self.num_nodes) if self.parent(u) == v]

    def leaves(self, v):
        return [u for u in self.descendants(v) if self.is_leaf(u)]

    def at_depth(self, v, depth):
        """Muller & Smith, eq. 2: the ancestor at a depth, or the node itself where it is no deeper."""
        return self.index[self.nodes[v][:depth]]

    def at_level(self, v, level):
        """The class of a level that holds a node; -1 for an internal node above the level."""
        depth = self.num_levels - level + 1
        return -1 if self.depth(v) < depth and not self.is_leaf(v) else self.at_depth(v, depth)

    def level_classes(self, level):
        return sorted({self.at_level(leaf, level) for leaf in range(self.num_leaves)})

    def common_depth(self, u, v):
        depth = 0
        for name_u, name_v in zip(self.nodes[u], self.nodes[v]):
            if name_u != name_v:
                break
            depth += 1
        return depth

    def lowest_common_ancestor(self, u, v):
        return self.index.get(self.nodes[u][: self.common_depth(u, v)], -1)

    def distance(self, u, v, kind="balanced"):
        """Edges from u up to the lowest common ancestor and down to v; balanced, every leaf lies at depth D."""
        if u == v:
            return 0
        bottom = [self.num_levels if kind == "balanced" and self.is_leaf(w) else self.depth(w) for w in (u, v)]
        return sum(depth - self.common_depth(u, v) for depth in bottom)

    def known_depth(self, v):
        """The depth down to which a label says what a pixel is."""
        return self.num_levels if self.is_leaf(v) else self.depth(v)

    def is_known(self, label, v):
        """Whether a label says that a pixel is of class v, or that it is not: all but what lies below it."""
        return v == label or not is_prefix(self.nodes[label], self.nodes[v])


def is_prefix(short, long):
    return long[: len(short)] == short


# === Losses of one pixel ===


def hierarchical_crossentropies(tree, label, logits):
    """Muller & Smith, eq. 1-4: `-log p(c_d)` at every depth, 0 below an internal label."""
    terms = np.zeros(tree.num_levels)
    for depth in range(1, tree.known_depth(label) + 1):
        family = tree.leaves(tree.at_depth(label, depth))
        others = [leaf for leaf in range(tree.num_leaves) if leaf not in family]
        # -log(S_C / (S_C + S_rest)) = log(1 + S_rest / S_C)
        terms[depth - 1] = np.logaddexp(0, log_sum_exp(logits[others]) - log_sum_exp(logits[family]))
    return terms


def hierarchical_crossentropy(tree, label, logits, depth_weights=None):
    weights = np.ones(tree.num_levels) if depth_weights is None else np.asarray(depth_weights)
    return float(np.sum(weights * hierarchical_crossentropies(tree, label, logits)))


def hierarchical_crossentropy_gradient(tree, label, logits, depth_weights=None):
    """`d/dx_k -log p_C = p_k - [k in C] p_k / p_C`, summed over depths."""
    gradient = np.zeros(tree.num_leaves)
    for depth in range(1, tree.known_depth(label) + 1):
        weight = 1.0 if depth_weights is None else depth_weights[depth - 1]
        family = tree.leaves(tree.at_depth(label, depth))
        gradient += weight * np.exp(logits - log_sum_exp(logits))
        gradient[family] -= weight * np.exp(logits[family] - log_sum_exp(logits[family]))
    return gradient


def log_sum_exp(x):
    return np.logaddexp.reduce(x) if len(x) else -np.inf


def tree_binary_crossentropy(tree, label, logits, gamma=0, node_weights=None):
    """HSSN, eq. 2, with the focal factor of its table 6."""
    return _sum_over_nodes(tree, label, logits, gamma, node_weights, lambda v: [v], lambda v: [v])


def focal_tree_min(tree, label, logits, gamma=2, node_weights=None):
    """HSSN, eq. 6; eq. 5 where gamma = 0."""
    return _sum_over_nodes(tree, label, logits, gamma, node_weights, tree.ancestors, tree.descendants)


def tree_min_crossentropy(tree, label, logits, gamma=2, tree_min_weight=5, level_weights=None):
    """What the code released with HSSN sums over levels."""
    total = 0.0
    for level in range(1, tree.num_levels + 1):
        weight = 1.0 if level_weights is None else level_weights[level - 1]
        only = _nodes_of_level(tree, level)
        total += weight * tree_min_weight * focal_tree_min(tree, label, logits, gamma, only / only.sum())
        node = tree.at_level(label, level)
        if node >= 0:
            total += weight * (log_sum_exp(logits[tree.level_classes(level)]) - logits[node])
    return float(total)


def tree_min_crossentropy_gradient(tree, label, logits, gamma=2, tree_min_weight=5, level_weights=None):
    gradient = np.zeros(tree.num_nodes)
    for level in range(1, tree.num_levels + 1):
        weight = 1.0 if level_weights is None else level_weights[level - 1]
        only = _nodes_of_level(tree, level)
        gradient += weight * tree_min_weight * focal_tree_min_gradient(tree, label, logits, gamma, only / only.sum())
        node, classes = tree.at_level(label, level), tree.level_classes(level)
        if node >= 0:
            gradient[classes] += weight * np.exp(logits[classes] - log_sum_exp(logits[classes]))
            gradient[node] -= weight
    return gradient


def _nodes_of_level(tree, level):
    """1 for the nodes of a level, 0 for others; every leaf is of level 1."""
    levels = [1 if tree.is_leaf(v) else tree.num_levels - tree.depth(v) + 1 for v in range(tree.num_nodes)]
    return (np.array(levels) == level).astype(float)


def _sum_over_nodes(tree, label, logits, gamma, node_weights, above, below):
    total, on_path = 0.0, tree.ancestors(label)
    for v in range(tree.num_nodes):
        if not tree.is_known(label, v):
            continue
        weight = 1.0 if node_weights is None else node_weights[v]
        if v in on_path:
            total += weight * focal_log_loss(min(logits[u] for u in above(v)), gamma)
        else:
            total += weight * focal_log_loss(-max(logits[u] for u in below(v)), gamma)
    return float(total)


def focal_log_loss(margin, gamma):
    """`(1 - p)^gamma * -log p` for `p = sigmoid(margin)`, by `log p` and `log(1 - p)`."""
    log_right, log_wrong = -np.logaddexp(0, -margin), -np.logaddexp(0, margin)
    return np.exp(gamma * log_wrong) * -log_right


def tree_binary_crossentropy_gradient(tree, label, logits, gamma=0, node_weights=None):
    return _gradient_over_nodes(tree, label, logits, gamma, node_weights, lambda v: [v], lambda v: [v])


def focal_tree_min_gradient(tree, label, logits, gamma=2, node_weights=None):
    """The gradient of eq. 6, where n tied scores of a min or max take 1/n each."""
    return _gradient_over_nodes(tree, label, logits, gamma, node_weights, tree.ancestors, tree.descendants)


def _gradient_over_nodes(tree, label, logits, gamma, node_weights, above, below):
    gradient, on_path = np.zeros(tree.num_nodes), tree.ancestors(label)
    for v in range(tree.num_nodes):
        if not tree.is_known(label, v):
            continue
        if v in on_path:
            sign, best, candidates = 1, min(logits[u] for u in above(v)), above(v)
        else:
            sign, best, candidates = -1, max(logits[u] for u in below(v)), below(v)
        tied = [u for u in candidates if logits[u] == best]
        step = 1e-5
        ahead, behind = (focal_log_loss(sign * best + nudge, gamma) for nudge in (step, -step))
        weight = 1.0 if node_weights is None else node_weights[v]
        gradient[tied] += weight * sign * (ahead - behind) / (2 * step) / len(tied)
    return gradient


# === Label maps ===


def per_pixel(pixel_loss, tree, labels, logits, ignore_class=255, **options):
    """`pixel_loss` at every labeled pixel, 0 elsewhere: `(B, H, W)` and `(B, H, W, C)` to `(B, H, W, ...)`."""
    shape = np.shape(pixel_loss(tree, 0, logits[0, 0, 0], **options))
    losses = np.zeros((*labels.shape, *shape))
    for pixel in np.ndindex(*labels.shape):
        if labels[pixel] != ignore_class:
            losses[pixel] = pixel_loss(tree, int(labels[pixel]), np.asarray(logits[pixel], np.float64), **options)
    return losses


def masked_mean(losses, labels, ignore_class=255, sample_weight=None, class_weights=None):
    """The mean over labeled pixels, each of its class's weight; sample weights multiply the losses, not the count.

    0 where no pixel is labeled, or all class weights are 0.
    """
    weights = pixel_weights(labels, ignore_class, class_weights)
    weighted = losses if sample_weight is None else losses * sample_weight
    return (weighted * weights).sum() / (weights.sum() or 1)


def depth_mean(tree, terms, labels, ignore_class=255, sample_weight=None, class_weights=None):
    """The sum over depths of `masked_mean` over the pixels that are labeled at least as deep.

    Args:
        terms: `(B, H, W, D)`, depth 1 first.
    """
    return sum(
        masked_mean(terms[..., depth - 1], labels_at(tree, depth, labels, ignore_class), ignore_class, *weights)
        for weights in [(sample_weight, class_weights)]
        for depth in range(1, tree.num_levels + 1)
    )


def labels_at(tree, depth, labels, ignore_class=255):
    """The labels that tell a pixel's class at a depth; others are ignored."""
    deep = [label for label in range(tree.num_nodes) if tree.known_depth(label) >= depth]
    return np.where(np.isin(labels, deep), labels, ignore_class)


def pixel_weights(labels, ignore_class=255, class_weights=None):
    """What each pixel weighs, `(B, H, W)`: 0 if it is ignored, else what its label's class does."""
    of_classes = np.ones(max(labels.max(), 0) + 1) if class_weights is None else np.asarray(class_weights)
    return np.where(labels == ignore_class, 0, of_classes[np.where(labels == ignore_class, 0, labels)])


# === Operations along the tree, of one pixel's scores ===


def max_over_descendants(tree, scores):
    return np.array([max(scores[u] for u in tree.descendants(v)) for v in range(tree.num_nodes)])


def max_over_descendants_gradient(tree, scores, upstream):
    gradient = np.zeros(tree.num_nodes)
    for v in range(tree.num_nodes):
        best = max(scores[u] for u in tree.descendants(v))
        tied = [u for u in tree.descendants(v) if scores[u] == best]
        gradient[tied] += upstream[v] / len(tied)
    return gradient


def sum_over_leaves(tree, leaf_values):
    return np.array([sum(leaf_values[k] for k in tree.leaves(v)) for v in range(tree.num_nodes)])


def sum_over_path(tree, node_values):
    depths = range(1, tree.num_levels + 1)
    return np.array([sum(node_values[tree.at_depth(k, d)] for d in depths) for k in range(tree.num_leaves)])


# === Decoding of one pixel ===


def node_probabilities(tree, logits, scores):
    if scores == "nodes":
        return np.array([np.exp(-np.logaddexp(0, -z)) for z in logits])
    return sum_over_leaves(tree, np.exp(logits - log_sum_exp(logits)))


def path_scores(tree, logits, scores):
    """HSSN, eq. 3: each leaf's sum over its path, of D probabilities."""
    return sum_over_path(tree, node_probabilities(tree, logits, scores))


def level_labels(tree, leaf):
    return [tree.at_level(leaf, level) for level in range(1, tree.num_levels + 1)]


def probabilities_of(logits, scores):
    """The probabilities of each pixel's channels, float64: a sigmoid of node logits, a softmax of leaf logits."""
    if scores == "nodes":
        return np.exp(-np.logaddexp(0, -logits.astype(np.float64)))
    return np.exp(logits - np.logaddexp.reduce(logits.astype(np.float64), axis=-1, keepdims=True))


def best_leaves(tree, logits, scores):
    """The leaf that each pixel of logits `(B, H, W, C)` is decoded to."""
    pixels = logits.reshape(-1, logits.shape[-1]).astype(np.float64)
    leaves = [np.argmax(path_scores(tree, pixel, scores) if scores == "nodes" else pixel) for pixel in pixels]
    return np.reshape(leaves, logits.shape[:-1])


# === Metrics of labels and predicted leaves, pixel by pixel ===


def mean_ious(tree, labels, leaves, ignore_class):
    """Each level's mIoU by counting pixels class by class, finest first."""
    means = []
    for level in range(1, tree.num_levels + 1):
        pairs = _pairs_at_level(tree, level, labels, leaves, ignore_class)
        ious = []
        for node in tree.level_classes(level):
            intersection = sum(true == node and predicted == node for true, predicted in pairs)
            union = sum(true == node or predicted == node for true, predicted in pairs)
            if union:
                ious.append(intersection / union)
        means.append(mean(ious))
    return means


def accuracies(tree, labels, leaves, ignore_class):
    """Each level's accuracy, finest first."""
    levels = range(1, tree.num_levels + 1)
    pairs = [_pairs_at_level(tree, level, labels, leaves, ignore_class) for level in levels]
    return [mean([true == predicted for true, predicted in of_level]) for of_level in pairs]


def _pairs_at_level(tree, level, labels, leaves, ignore_class):
    return [
        (tree.at_level(label, level), tree.at_level(leaf, level))
        for label, leaf in zip(labels.flat, leaves.flat)
        if label != ignore_class and tree.at_level(label, level) >= 0
    ]


def mistake_severity(tree, labels, leaves, ignore_class):
    heights = [
        tree.num_levels - tree.common_depth(label, leaf)
        for label, leaf in zip(labels.flat, leaves.flat)
        if label != ignore_class and leaf not in tree.leaves(label)
    ]
    return mean(heights)


def hierarchical_scores(tree, labels, leaves, ignore_class):
    """Precision, recall and F of paths."""
    shared = predicted = labeled = 0
    for label, leaf in zip(labels.flat, leaves.flat):
        if label == ignore_class:
            continue
        truth, guess = set(tree.ancestors(label)), set(tree.ancestors(leaf))
        # What lies below an internal label is not known to be wrong.
        guess -= set(tree.descendants(label)) - {label}
        shared, predicted, labeled = shared + len(truth & guess), predicted + len(guess), labeled + len(truth)
    precision, recall = (shared / count if count else 0.0 for count in (predicted, labeled))
    return precision, recall, 2 * precision * recall / (precision + recall) if shared else 0.0


def path_coherence(tree, labels, probabilities, ignore_class):
    """The shares of pixels of node probabilities `(B, H, W, V)` that are ordered, and that are a single path."""
    ordered, single = [], []
    for label, pixel in zip(labels.flat, probabilities.reshape(-1, tree.num_nodes)):
        if label == ignore_class:
            continue
        ordered.append(all(tree.parent(v) < 0 or pixel[v] <= pixel[tree.parent(v)] for v in range(tree.num_nodes)))
        above = {v for v in range(tree.num_nodes) if pixel[v] > 0.5}
        single.append(any(above == set(tree.ancestors(leaf)) for leaf in range(tree.num_leaves)))
    return mean(ordered), mean(single)


def confidence_curve(tree, labels, probabilities, ignore_class, threshold):
    """The shares of pixels answered and of answers that are right, and their mean depth; NaN where there is none."""
    answered, right, depths = [], [], []
    bottom = [tree.known_depth(v) for v in range(tree.num_nodes)]
    for label, pixel in zip(labels.flat, probabilities.reshape(-1, tree.num_nodes)):
        if label == ignore_class:
            continue
        least = [min(pixel[u] for u in tree.ancestors(v)) for v in range(tree.num_nodes)]
        reached = [v for v in range(tree.num_nodes) if least[v] >= threshold]
        answered.append(bool(reached))
        if reached:
            answer = max(reached, key=lambda v: (bottom[v], least[v]))
            right.append(answer in tree.ancestors(label) or label in tree.ancestors(answer))
            depths.append(bottom[answer])
    return tuple(mean(values, empty=np.nan) for values in (answered, right, depths))


def mean(values, empty=0.0):
    return float(np.mean(values)) if len(values) else empty
