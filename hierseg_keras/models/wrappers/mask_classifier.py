"""MaskFormer with one mask and one class per query."""

from typing import Any

import keras

from hierseg_keras.models.graph.functional import functional
from hierseg_keras.models.heads.mask_head import MaskProbabilities, QueryMasks
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.networks.maskformer import MaskFormer, query_states
from hierseg_keras.models.tree_network import TreeNetwork


@keras.saving.register_keras_serializable("hierseg_keras")
class MaskClassifier(TreeNetwork):
    """Replaces the scores of MaskFormer's queries by one class per query: a leaf of the tree, or no object.

    The probability of a leaf in a pixel is the sum over queries of the class's probability times the mask, divided by
    the same sum for all leaves:

    ```
    p_k = s_k / sum over leaves of s,    s_k = sum over queries q of softmax(classes_q)[k] * sigmoid(mask_q)
    ```

    It is computed at the resolution of the masks, stride 4, and enlarged to the size of the image. `MaskClassification`
    trains the network.

    Args:
        segmenter: `MaskFormer`. Its layers are reused with their weights, except for those of its logits.
        name: Name of the model. Defaults to the name of `segmenter`.

    Attributes:
        answers: Dict of symbolic tensors: `"classes_0"`, `(B, Q, L + 1)`, and `"masks_0"`, `(B, h, w, Q)`, logits after
            the first supervised layer of the query decoder, and so on for all further layers.

    Call arguments:
        image: Images, as `segmenter` expects them.

    Returns:
        Float32 probabilities of leaves, `(B, H, W, L)`.

    Raises:
        TypeError: If `segmenter` is not a `MaskFormer`.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> network = hs.models.MaskFormer(tree, backbone="swin_nano", filters=32, num_queries=10, num_layers=2)
    >>> hs.models.MaskClassifier(network).output_shape
    (None, None, None, 11)

    Reference:
        [Cheng et al., Per-Pixel Classification is Not All You Need for Semantic Segmentation, NeurIPS 2021](
        https://arxiv.org/abs/2107.06278), section 3.4, semantic inference. Differs from it in: the division by the sum,
        which makes probabilities of the scores and does not change the most probable leaf.
    """

    from_logits = False

    def __init__(self, segmenter: keras.Model, name: str | None = None, **kwargs):
        segmenter = maskformer("MaskClassifier", segmenter)
        image = segmenter.inputs[0]
        states, masks, pixels = query_states(segmenter)
        classify = keras.layers.Dense(segmenter.tree.num_leaves + 1, dtype="float32", name="classes")
        draw = QueryMasks(dtype="float32", name="query_masks")
        pairs = [(classify(state), draw([mask, pixels])) for state, mask in zip(states, masks)]
        probabilities = MaskProbabilities(dtype="float32", name="probabilities")(pairs[-1])
        enlarged = ResizeTo(dtype="float32", name="enlarge_probabilities")([probabilities, image])
        arguments = {"segmenter": segmenter}
        super().__init__(image, enlarged, segmenter.tree, "leaves", arguments, name=name or segmenter.name, **kwargs)
        self._outputs_of_queries = _Symbolic(pairs)

    @property
    def answers(self) -> dict[str, keras.KerasTensor]:
        pairs = self._outputs_of_queries.tensors
        return {f"{key}_{i}": x for i, pair in enumerate(pairs) for key, x in zip(("classes", "masks"), pair)}

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        # The constructor takes the tree of the segmenter instead.
        del config["tree"], config["scores"]
        return config


class _Symbolic:
    """Holds symbolic tensors in an object that Keras does not track."""

    def __init__(self, tensors):
        self.tensors = tensors


def maskformer(model, segmenter):
    """Returns a network that must be a functional `MaskFormer`, and raises `TypeError`, naming the model, if not."""
    segmenter = functional(model, segmenter)
    if not isinstance(segmenter, MaskFormer):
        raise TypeError(
            f"`{model}` expects a `MaskFormer`, whose queries it classifies. Received: {type(segmenter).__name__}."
        )
    return segmenter
