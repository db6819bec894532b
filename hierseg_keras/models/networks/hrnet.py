"""HRNetV2."""

import keras
from keras import layers

from hierseg_keras.arguments.exact_integer import is_count
from hierseg_keras.models.backbones.hrnet_stages import hrnet_stages
from hierseg_keras.models.configuration.check_counts import check_counts
from hierseg_keras.models.heads.logits_head import check_scores, logits_head
from hierseg_keras.models.layers.batch_norms import check_synchronized, synchronize
from hierseg_keras.models.layers.conv_norm_relu import conv_norm_relu
from hierseg_keras.models.layers.image_input import image_input
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.layers.scale_image import ScaleImage
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.models.weights.named_tensors import load_tensors
from hierseg_keras.tree import ClassTree, as_class_tree

# The modules after the stages in timm's networks, which this network does not have.
_TIMM_CLASSIFIER = ("incre_modules", "downsamp_modules", "final_layer", "classifier")


@keras.saving.register_keras_serializable("hierseg_keras")
class HRNet(TreeNetwork):
    """Instantiates the HRNetV2 architecture with one logit per node, or per leaf, of a class tree.

    The network has parallel branches at strides 4, 8, 16 and 32, which exchange their features. Their
    four last maps are enlarged to stride 4 and concatenated, and two 1x1 convolutions turn them into
    logits. The logits are enlarged to the size of the image. Images may have any size.

    Named layers: `stage2`, `stage3`, `stage4` (each outputs a list of two, three or four maps, the map
    at stride 4 first), `embedding` (the concatenated maps, whose pixels `HSSN` compares), `features`
    and `logits`.

    Args:
        tree: `ClassTree`, or its text.
        width: Channels of the branch at stride 4: 18, 32 and 48 in the published networks. Defaults
            to 18.
        scores: `"nodes"` for `V` channels, to train with a loss on node logits (sigmoid), or `"leaves"`
            for `L` channels, to train with a loss on leaf logits (softmax). Defaults to `"nodes"`.
        num_modules: Numbers of modules in stages 2, 3 and 4. Branches exchange their features at the
            end of each module. Defaults to the published `(1, 4, 3)`. Small machines may need
            `(1, 1, 1)`.
        num_blocks: Number of residual blocks per branch and module. Defaults to the published 4.
        weights: `None` for random weights, or the path of a `.safetensors` or `.pth` file with the
            weights of timm's network of the same width, such as `hrnet_w18`. The classifier in the file
            is not used. Defaults to `None`.
        synchronized_batch_norm: Whether to compute batch statistics over all replicas of
            `tf.distribute`, instead of per replica. Defaults to `False`.
        input_shape: Shape of an image, `(H, W, 3)`, with `None` for a variable height or width.
            Defaults to `(None, None, 3)`.
        name: Name of the model.

    Call arguments:
        image: Float or uint8 RGB images, `(B, H, W, 3)`, in 0 .. 255. The network scales them as timm's
            weights expect.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, also under mixed precision.

    Raises:
        ValueError: If `scores` is unknown; if `width`, `num_blocks` or one of the three `num_modules` is
            not a positive integer; or if the weights in the file do not fit.
        FileNotFoundError: If `weights` is not the path of a file.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> model = hs.models.HRNet(tree, width=4, num_modules=(1, 1, 1), num_blocks=1)
    >>> tuple(model(np.zeros((1, 65, 97, 3))).shape)
    (1, 65, 97, 18)
    >>> [tuple(x.shape) for x in model.get_layer("stage3").output]
    [(None, None, None, 4), (None, None, None, 8), (None, None, None, 16)]

    Reference:
        [Wang et al., Deep High-Resolution Representation Learning for Visual Recognition, PAMI
        2020](https://arxiv.org/abs/1908.07919). Maps are enlarged between branches by nearest-neighbor
        interpolation, as in the authors' ImageNet code, which made the published weights. The authors'
        segmentation code uses bilinear interpolation.
    """

    supervised_stages = ("stage2", "stage3")

    def __init__(
        self,
        tree: ClassTree | str,
        width: int = 18,
        scores: str = "nodes",
        num_modules: tuple[int, int, int] = (1, 4, 3),
        num_blocks: int = 4,
        weights: str | None = None,
        synchronized_batch_norm: bool = False,
        input_shape: tuple[int | None, int | None, int] = (None, None, 3),
        name: str | None = None,
        **kwargs,
    ):
        tree = as_class_tree(tree)
        check_scores("HRNet", scores)
        check_synchronized("HRNet", synchronized_batch_norm)
        check_hrnet_sizes("HRNet", width, num_modules, num_blocks)

        # === Functional Model ===
        image = image_input("HRNet", input_shape)
        x = joined_branches(image, width, num_modules, num_blocks)
        x = conv_norm_relu(x, x.shape[-1], 1, "features", use_bias=True)
        x = logits_head(x, tree, scores)
        logits = ResizeTo(dtype="float32", name="enlarge_logits")([x, image])
        arguments = hrnet_arguments(width, num_modules, num_blocks, synchronized_batch_norm, input_shape)
        super().__init__(image, logits, tree, scores, arguments, name=name, **kwargs)
        synchronize(self, synchronized_batch_norm)
        if weights is not None:
            load_hrnet_weights(self, weights)


def hrnet_arguments(width, num_modules, num_blocks, synchronized_batch_norm, input_shape):
    """Returns what a network remembers of the arguments of its HRNet."""
    return {
        "width": width,
        "num_modules": tuple(num_modules),
        "num_blocks": num_blocks,
        # The pretrained weights are among those saved.
        "weights": None,
        "synchronized_batch_norm": synchronized_batch_norm,
        "input_shape": input_shape,
    }


def load_hrnet_weights(model, path):
    """Loads timm's weights from a `.safetensors` or `.pth` file into the layers up to the last stage."""
    stages = keras.Model(model.input, model.get_layer("stage4").output, name="stages")
    load_tensors(stages, path, ignored=_TIMM_CLASSIFIER)


def joined_branches(image, width, num_modules, num_blocks, name="embedding"):
    """Builds HRNet's stages on images, and concatenates the last maps at stride 4, `(B, h, w, 15 * width)`."""
    branches = hrnet_stages(ScaleImage("torch", name="scale")(image), width, num_modules, num_blocks)["stage4"]
    enlarged = [ResizeTo(name=f"enlarge_{i}")([x, branches[0]]) for i, x in enumerate(branches[1:], start=1)]
    return layers.Concatenate(name=name)([branches[0], *enlarged])


def check_hrnet_sizes(model, width, num_modules, num_blocks):
    """Raises `ValueError`, naming the model, if a size is not a positive integer or `num_modules` not three of them."""
    check_counts(model, width=width, num_blocks=num_blocks)
    if len(num_modules) != 3 or not all(map(is_count, num_modules)):
        raise ValueError(
            f"`{model}` expects `num_modules` to be three integers >= 1, for stages 2, 3 and 4. Received: "
            f"num_modules={num_modules!r}."
        )
