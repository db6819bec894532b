"""MaskFormer's losses of queries, each of which predicts one mask and its class."""

from keras import ops

from hierseg_keras.losses.class_masks import class_masks
from hierseg_keras.losses.mask_matching import match
from hierseg_keras.tree.labels import label_codes
from hierseg_keras.tree.ops import log_softmax, softmax

# The focal loss's exponent, and its weight of pixels inside of a mask (Lin et al., ICCV 2017).
GAMMA, ALPHA = 2.0, 0.25


def mask_classification(
    tree,
    y_true,
    answers,
    image_size_of,
    no_object_weight=0.1,
    focal_weight=20.0,
    dice_weight=1.0,
    ignore_class=255,
    owner="MaskClassification",
):
    """Computes MaskFormer's losses after each of several decoder layers.

    Formula, with `p_q` the class probabilities and `m_q` the mask of query `q`, `s` the matching, `c` the classes that
    an image has, and `t_c` their masks:

        L = sum over queries q of -w_q log p_q(class of q)
            + 1/n sum over classes c of focal_weight * focal(m_s(c), t_c) + dice_weight * dice(m_s(c), t_c)

    The class of a query without a match is "no object". The weights `w_q` are 1 for matched queries and
    `no_object_weight` for others, and are divided by their sum. `n` is the number of matched pairs. All sums are over
    the images of a replica's batch. In each image, the matching `s` minimizes the sum over classes of

        -p_s(c)(c) + focal_weight * focal(m_s(c), t_c) + dice_weight * dice(m_s(c), t_c)

    Focal and dice loss are over the image's pixels, of which those in one cell of the predicted mask share its value.
    Pixels that are ignored, or labeled with an ancestor of `c`, are excluded for `c`. In an image with coarse labels or
    without labels, queries without a match have weight 0.

    Args:
        tree: `ClassTree`.
        y_true: Node labels, `(B, H, W)`.
        answers: List of pairs, one per decoder layer: class logits, `(B, Q, L + 1)`, of which the last is "no object",
            and mask logits, `(B, h, w, Q)`.
        image_size_of: Tensor of the image's size, `(B, H, W, C)`, against which the size of `y_true` is checked.
        no_object_weight, focal_weight, dice_weight: Floats, as above. The defaults are the paper's.
        ignore_class: Integer label of pixels to exclude. Defaults to 255.
        owner: Name of the method, for errors.

    Returns:
        List of dicts, one per decoder layer, of scalars: `classification`, and the unweighted `focal` and `dice`. They
        are 0 without a labeled pixel, and NaN for a label that is neither a node nor `ignore_class`, or logits that are
        not finite.

    Reference:
        [Cheng et al., Per-Pixel Classification is Not All You Need for Semantic Segmentation, NeurIPS 2021](
        https://arxiv.org/abs/2107.06278), equations 1 and 2. Dice loss and normalization are those of
        [Carion et al., DETR, ECCV 2020](https://arxiv.org/abs/2005.12872).
    """
    codes = label_codes(owner, tree, ignore_class, y_true, image_size_of)
    masks = class_masks(tree, codes, ops.shape(answers[0][1])[1:3])
    layers = []
    for classes, mask_logits in answers:
        classes = ops.cast(classes, "float32")
        focal, dice = pair_losses(mask_logits, masks)
        costs = focal_weight * focal + dice_weight * dice - softmax(classes)[..., :-1]
        layers.append((classes, focal, dice, costs))
    # One call to the host for all layers.
    queries = match(ops.stack([costs for *_, costs in layers]), ops.stack([masks.is_present] * len(layers)))
    found = []
    for i, (classes, focal, dice, costs) in enumerate(layers):
        # The losses of a query with NaN logits are multiplied by 0, if it is not matched, which is 0 under XLA.
        is_finite = ops.all(ops.isfinite(costs))
        wrong = ops.where(ops.logical_or(masks.is_invalid, ops.logical_not(is_finite)), float("nan"), 0.0)
        is_pair = _pairs(queries[i], ops.shape(classes)[1])
        num_pairs = ops.sum(is_pair)
        losses = {
            "classification": classification_loss(classes, is_pair, masks.is_complete, no_object_weight),
            "focal": ops.divide_no_nan(ops.sum(is_pair * focal), num_pairs),
            "dice": ops.divide_no_nan(ops.sum(is_pair * dice), num_pairs),
        }
        found.append({name: loss + wrong for name, loss in losses.items()})
    return found


def pair_losses(mask_logits, masks):
    """Computes the focal and the dice loss of every pair of a predicted mask and a class.

    Formula, with `t` 1 inside and 0 outside of the class's mask, `m` the predicted mask, and sums over known pixels:

        focal = mean(t ALPHA (1 - m)^GAMMA (-log m) + (1 - t) (1 - ALPHA) m^GAMMA (-log (1 - m)))
        dice = 1 - (2 sum(t m) + 1) / (sum(t) + sum(m) + 1)

    Args:
        mask_logits: Float tensor, `(B, h, w, Q)`.
        masks: `ClassMasks` of the same grid.

    Returns:
        Pair of float32 tensors, `(B, Q, L)`.
    """
    shape = ops.shape(mask_logits)
    x = ops.reshape(ops.cast(mask_logits, "float32"), (shape[0], shape[1] * shape[2], mask_logits.shape[-1]))
    m = ops.sigmoid(x)
    of_inside = ALPHA * ops.sigmoid(-x) ** GAMMA * ops.softplus(-x)
    of_outside = (1.0 - ALPHA) * m**GAMMA * ops.softplus(x)
    num_inside = ops.sum(masks.inside, axis=1)[:, None]
    num_known = num_inside + ops.sum(masks.outside, axis=1)[:, None]
    focal = ops.divide_no_nan(_sums(of_inside, masks.inside) + _sums(of_outside, masks.outside), num_known)
    overlap = _sums(m, masks.inside)
    dice = 1.0 - (2.0 * overlap + 1.0) / (num_inside + overlap + _sums(m, masks.outside) + 1.0)
    return focal, dice


def classification_loss(classes, is_pair, is_complete, no_object_weight):
    """Computes the weighted mean crossentropy of the queries' classes.

    Args:
        classes: Float32 logits, `(B, Q, L + 1)`.
        is_pair: Float32 tensor, `(B, Q, L)`, 1 for matched pairs and 0 for others.
        is_complete: Bool tensor, `(B,)`, whether queries without a match are "no object".
        no_object_weight: Float.

    Returns:
        Float32 scalar.
    """
    without_match = 1.0 - ops.sum(is_pair, axis=-1, keepdims=True)
    no_object = without_match * no_object_weight * ops.cast(is_complete, "float32")[:, None, None]
    weights = ops.concatenate([is_pair, no_object], axis=-1)
    return ops.divide_no_nan(-ops.sum(weights * log_softmax(classes)), ops.sum(weights))


def _pairs(queries, num_queries):
    """Converts the query of each class, `(B, L)`, to 1 for matched pairs and 0 for others, `(B, Q, L)`."""
    return ops.cast(queries[:, None, :] == ops.arange(num_queries, dtype="int32")[None, :, None], "float32")


def _sums(values, counts):
    """Sums values `(B, P, Q)` over cells, each as often as a class's count `(B, P, L)` says. Returns `(B, Q, L)`."""
    return ops.einsum("bpq,bpc->bqc", values, counts)
