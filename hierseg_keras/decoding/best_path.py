"""From scores to the best root-to-leaf path (HSSN, eq. 3)."""

from keras import ops

from hierseg_keras.tree import as_class_tree
from hierseg_keras.tree.ops import is_above, sum_over_leaves, sum_over_path


def best_path(tree, logits, outputs=None):
    """Finds each pixel's root-to-leaf path with the largest sum of probabilities.

    Formula, with `s` the nodes' probabilities and `P(k)` the path of leaf `k`:

        leaf  = argmax_k sum_{v in P(k)} s_v
        score = max_k    sum_{v in P(k)} s_v

    For node logits `s = sigmoid(logits)`. Every path sums `D` probabilities: a leaf above depth
    `D` counts once for every depth that it stands for, so that short branches are not at a
    disadvantage. For leaf logits the leaf is the arg-max of the softmax, the papers' flat
    baseline, and the score sums the probabilities of its path, each the sum over its leaves.

    Args:
        tree: `ClassTree`, or its text.
        logits: Float node logits `(..., V)` or leaf logits `(..., L)`.
        outputs: `"nodes"` or `"leaves"`, which logits are given. Told by the channel count where
            it is left out; a flat tree (L = V) then has node logits.

    Returns:
        A pair `(leaf, score)`: int32 leaf indices `(...)`, and float scores `(...)` between 0
        and `D`.

    Raises:
        ValueError: If the last axis is neither `V` nor `L` long, or not as `outputs` says.

    Example:

    >>> tree = hs.ClassTree.from_text("human\\n\\tperson\\n\\trider\\nsky")
    >>> probabilities = np.array([0.6, 0.1, 0.7, 0.9])     # person, rider, sky, human
    >>> leaf, score = hs.decoding.best_path(tree, np.log(probabilities / (1 - probabilities)))
    >>> int(leaf), float(score)                            # 0.9 + 0.6 against sky's 0.7 + 0.7
    (0, 1.5)

    Reference:
        [Li et al., CVPR 2022](https://arxiv.org/abs/2203.14335), eq. 3.
    """
    tree = as_class_tree(tree)
    logits = ops.convert_to_tensor(logits)
    if told_outputs(tree, logits.shape, outputs) == "nodes":
        scores = sum_over_path(tree, ops.sigmoid(logits))
        return ops.cast(ops.argmax(scores, axis=-1), "int32"), ops.max(scores, axis=-1)
    leaf = ops.cast(ops.argmax(logits, axis=-1), "int32")
    probabilities = ops.exp(logits - ops.logsumexp(logits, axis=-1, keepdims=True))
    on_path = ops.cast(ops.take(is_above(tree).T, leaf, axis=0), logits.dtype)
    internal = ops.sum(sum_over_leaves(tree, probabilities) * on_path, axis=-1)
    times = tree.num_levels - ops.sum(on_path, axis=-1)
    return leaf, internal + times * ops.max(probabilities, axis=-1)


def told_outputs(tree, shape, outputs=None):
    """`"nodes"` or `"leaves"`: what `outputs` says, checked against the channel count, or what that tells."""
    channels = {"nodes": tree.num_nodes, "leaves": tree.num_leaves}
    if outputs not in (None, *channels):
        raise ValueError(f'`outputs` expects "nodes" or "leaves". Received: outputs={outputs!r}.')
    fitting = [kind for kind, count in channels.items() if shape[-1] == count and outputs in (None, kind)]
    if not fitting:
        raise ValueError(
            f"expected logits with one channel per node ({tree.num_nodes}) or per leaf ({tree.num_leaves}) of "
            f"`tree`. Received: shape={tuple(shape)}, outputs={outputs!r}. Give model and decoder the same tree."
        )
    return fitting[0]
