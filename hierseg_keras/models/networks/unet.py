"""U-Net, the network of Muller & Smith (2020)."""

import keras
from keras import layers

from hierseg_keras.models.configuration.check_counts import check_counts
from hierseg_keras.models.heads.logits_head import check_scores, logits_head
from hierseg_keras.models.layers.conv_norm_relu import KERAS_EPSILON, conv_norm_relu
from hierseg_keras.models.layers.crop_to import CropTo
from hierseg_keras.models.layers.image_input import image_input
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.tree import ClassTree, as_class_tree


@keras.saving.register_keras_serializable("hierseg_keras")
class UNet(TreeNetwork):
    """Instantiates the U-Net architecture with one logit per node, or per leaf, of a class tree.

    Each stage of the encoder has two 3x3 convolutions, with 2x2 max-pooling between stages. Each stage of
    the decoder doubles the size by a transposed convolution, concatenates the encoder's map of that size,
    and applies two 3x3 convolutions. Convolutions are padded, initialized as He et al. (2015)
    propose, and followed by batch normalization and ReLU. The logits have the size of the image. Images
    may have any size.

    Named layers: `embedding` (the encoder's last map, whose pixels `HSSN` compares) and `logits`.

    Args:
        tree: `ClassTree`, or its text.
        scores: `"nodes"` for `V` channels, to train with a loss on node logits (sigmoid), or `"leaves"`
            for `L` channels, to train with a loss on leaf logits (softmax). Defaults to `"nodes"`.
        filters: Channels of the first stage. Each further stage doubles them. Defaults to 64.
        num_stages: Number of stages of the encoder. Defaults to 5, which halves the image four times.
        input_shape: Shape of an image, `(H, W, C)`, with `None` for a variable height or width.
            Defaults to `(None, None, 3)`.
        name: Name of the model.

    Call arguments:
        image: Float or uint8 images, `(B, H, W, C)`, in 0 .. 255. The network scales them to [-1, 1].

    Returns:
        Float32 logits, `(B, H, W, V)` or `(B, H, W, L)`, also under mixed precision.

    Raises:
        ValueError: If `scores` is unknown, or `filters` or `num_stages` is not a positive integer.

    Example:

    >>> tree = hs.ClassTree.load("camvid")
    >>> model = hs.models.UNet(tree, filters=16)
    >>> tuple(model(np.zeros((1, 90, 120, 3))).shape)
    (1, 90, 120, 18)

    Reference:
        [Ronneberger et al., MICCAI 2015](https://arxiv.org/abs/1505.04597), as trained by
        [Muller & Smith, VISAPP 2020](https://doi.org/10.5220/0008946002600267). Differs from
        Ronneberger et al. in: padded convolutions; batch normalization. Muller & Smith leave the number of
        stages and filters open; here they are those of Ronneberger et al.
    """

    def __init__(
        self,
        tree: ClassTree | str,
        scores: str = "nodes",
        filters: int = 64,
        num_stages: int = 5,
        input_shape: tuple[int | None, int | None, int] = (None, None, 3),
        name: str | None = None,
        **kwargs,
    ):
        tree = as_class_tree(tree)
        check_scores("UNet", scores)
        check_counts("UNet", filters=filters, num_stages=num_stages)

        # === Functional Model ===
        image = image_input("UNet", input_shape, channels=None)
        x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(image)
        skips = []
        for stage in range(num_stages):
            x = layers.MaxPooling2D(padding="same", name=f"encoder_{stage}_pool")(x) if stage else x
            x = _double_convolution(x, filters * 2**stage, f"encoder_{stage}")
            skips.append(x)
        x = layers.Identity(name="embedding")(x)
        for stage in reversed(range(num_stages - 1)):
            x = layers.Conv2DTranspose(
                filters * 2**stage, 2, strides=2, kernel_initializer="he_uniform", name=f"decoder_{stage}_up"
            )(x)
            # Pooling rounds an odd size up, so that the doubled map may be one pixel too large.
            x = CropTo(name=f"decoder_{stage}_crop")([x, skips[stage]])
            x = layers.Concatenate(name=f"decoder_{stage}_join")([skips[stage], x])
            x = _double_convolution(x, filters * 2**stage, f"decoder_{stage}")
        arguments = {"filters": filters, "num_stages": num_stages, "input_shape": input_shape}
        super().__init__(image, logits_head(x, tree, scores), tree, scores, arguments, name=name, **kwargs)


def _double_convolution(x, filters, name):
    for part in "ab":
        x = conv_norm_relu(x, filters, 3, f"{name}_{part}", kernel_initializer="he_uniform", epsilon=KERAS_EPSILON)
    return x
