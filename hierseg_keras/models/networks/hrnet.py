"""HRNetV2, which keeps a map at stride 4 throughout."""

import keras
from keras import layers

from hierseg_keras.models.backbones.hrnet_stages import hrnet_stages
from hierseg_keras.models.configuration.check_counts import check_counts
from hierseg_keras.models.heads.logits_head import check_scores, logits_head
from hierseg_keras.models.layers.batch_norms import check_synchronized, synchronize
from hierseg_keras.models.layers.conv_norm_relu import conv_norm_relu
from hierseg_keras.models.layers.image_input import image_input
from hierseg_keras.models.layers.resize_to import ResizeTo
from hierseg_keras.models.layers.scale_image import ScaleImage
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.models.weights.safetensors_weights import load_safetensors
from hierseg_keras.tree import ClassTree, as_class_tree
from hierseg_keras.tree.exact_integer import is_count

# The modules behind the stages in timm's networks.
_TIMMS_CLASSIFIER = ("incre_modules", "downsamp_modules", "final_layer", "classifier")


@keras.saving.register_keras_serializable("hierseg_keras")
class HRNet(TreeNetwork):
    """Instantiates the HRNetV2 architecture with one logit per node, or per leaf, of a class tree.

    Branches at strides 4, 8, 16 and 32 that run side by side and exchange what they find; the last
    four maps enlarged to stride 4 and joined; a 1x1 convolution, logits, and those enlarged to the
    image. An image of any size gives logits of that size.

    Layers by name: `stage2`, `stage3`, `stage4` (lists of two, three and four maps, from stride 4
    on), `embedding` (the joined maps, which `HSSN` compares pixels by), `features` and `logits`.

    Args:
        tree: `ClassTree`, or its text.
        width: Channels of the branch at stride 4. Published are 18, 32 and 48.
        scores: `"nodes"` (the default), `V` channels for the losses with a sigmoid per node, or
            `"leaves"`, `L` channels for those with a softmax.
        num_modules: Modules of stages 2, 3 and 4, each with an exchange. Defaults to the
            published `(1, 4, 3)`; `(1, 1, 1)` is for small machines.
        num_blocks: Residual blocks per branch and module. Defaults to the published 4.
        weights: `None` (random, the default), or the path of a `.safetensors` file with the
            weights of timm's network of this width, `hrnet_w18` and so on. Its classifier is
            left out.
        synchronized_batch_norm: Whether batch statistics are taken over all replicas of
            `tf.distribute`, and not over each.
        input_shape: `(H, W, 3)`, `None` where a size is not known. Defaults to `(None, None, 3)`.
        name: Name of the model.

    Call arguments:
        image: Float or uint8 RGB images, `(B, H, W, 3)`, in 0 .. 255; scaled inside as timm's
            weights expect it.

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, whatever the precision inside.

    Raises:
        ValueError: If an argument has another value, or the weights of the file do not fit.
        FileNotFoundError: If there is no such file.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> model = hs.models.HRNet(tree, width=4, num_modules=(1, 1, 1), num_blocks=1)
    >>> tuple(model(np.zeros((1, 65, 97, 3))).shape)
    (1, 65, 97, 18)
    >>> [tuple(x.shape) for x in model.get_layer("stage3").output]
    [(None, None, None, 4), (None, None, None, 8), (None, None, None, 16)]

    Reference:
        [Wang et al., Deep High-Resolution Representation Learning for Visual Recognition, PAMI
        2020](https://arxiv.org/abs/1908.07919). Between branches maps are enlarged by their
        nearest pixel, as when the published weights were trained on ImageNet; the authors' code
        for segmentation does so bilinearly.
    """

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
    """Loads timm's weights into the layers up to the last stage."""
    stages = keras.Model(model.input, model.get_layer("stage4").output, name="stages")
    load_safetensors(stages, path, ignored=_TIMMS_CLASSIFIER)


def joined_branches(image, width, num_modules, num_blocks, name="embedding"):
    """From images to all four branches' maps at stride 4, `(B, h, w, 15 * width)`."""
    branches = hrnet_stages(ScaleImage("torch", name="scale")(image), width, num_modules, num_blocks)["stage4"]
    enlarged = [ResizeTo(name=f"enlarge_{i}")([x, branches[0]]) for i, x in enumerate(branches[1:], start=1)]
    return layers.Concatenate(name=name)([branches[0], *enlarged])


def check_hrnet_sizes(model, width, num_modules, num_blocks):
    check_counts(model, width=width, num_blocks=num_blocks)
    if len(num_modules) != 3 or not all(map(is_count, num_modules)):
        raise ValueError(
            f"`{model}` expects `num_modules` of stages 2, 3 and 4, three integers >= 1. Received: "
            f"num_modules={num_modules!r}."
        )
