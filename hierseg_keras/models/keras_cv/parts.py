"""The parts of KerasCV that networks use. This module is imported only when a network needs it."""

import keras
import keras_cv
from keras import ops

from hierseg_keras.models.layers.dilation import strides_and_dilations


@keras.saving.register_keras_serializable("hierseg_keras")
class SpatialPyramidPooling(keras_cv.layers.SpatialPyramidPooling):
    """Applies KerasCV's atrous spatial pyramid pooling to feature maps of any size.

    KerasCV resizes the single pixel of the pooled branch to a size that must be known when the graph is
    built. Here that pixel is broadcast instead, which gives the same result.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # KerasCV forbids compilation because of the resizing, which is not used here.
        self.supports_jit = True

    def call(self, inputs, training=None):
        *branches, pooled = [ops.cast(b(inputs, training=training), inputs.dtype) for b in self.aspp_parallel_channels]
        shape = (*ops.shape(branches[0])[:3], self.num_channels)
        joined = ops.concatenate([*branches, ops.broadcast_to(pooled, shape)], axis=-1)
        return self.projection(joined, training=training)

    def batch_norm_layers(self):
        """Returns the list of batch normalization layers inside."""
        parts = [*self.aspp_parallel_channels, self.projection]
        return [layer for part in parts for layer in part.layers if isinstance(layer, keras.layers.BatchNormalization)]


def resnet_v2_backbone(blocks, output_stride, bottleneck=True):
    """Builds KerasCV's ResNet V2 for images in [0, 1], with random weights, dilated to the output stride."""
    return keras_cv.models.ResNetV2Backbone(
        stackwise_filters=[64, 128, 256, 512],
        stackwise_blocks=list(blocks),
        stackwise_strides=[1, 2, 2, 2],
        stackwise_dilations=list(strides_and_dilations(output_stride)[1]),
        block_type="block" if bottleneck else "basic_block",
        include_rescaling=False,
    )


def is_backbone(model):
    """Returns whether an object is a KerasCV backbone."""
    return isinstance(model, keras_cv.models.Backbone)


def preset(name):
    """Loads a backbone with KerasCV's weights, from KerasCV's cache or by download."""
    return keras_cv.models.ResNetV2Backbone.from_preset(name)


def pyramid(backbone):
    """Makes a model that outputs a backbone's map at stride 4 and its last map.

    Args:
        backbone: KerasCV backbone.

    Returns:
        Pair of the `keras.Model` and the stride of the last map.

    Raises:
        ValueError: If the backbone has no map at stride 4 before the last one.
    """
    levels = backbone.pyramid_level_inputs
    names = [levels[key] for key in sorted(levels, key=lambda key: int(key[1:]))]
    maps = [backbone.get_layer(name).output for name in names]
    model = keras.Model(backbone.input, [*maps, backbone.output])
    strides = [256 // shape[1] for shape in model.compute_output_shape((1, 256, 256, 3))]
    if 4 not in strides[:-1]:
        raise ValueError(
            f"`backbone` expects a KerasCV backbone with a map at stride 4. Received: {type(backbone).__name__} with "
            f"maps at strides {strides}. Pass another backbone, such as KerasCV's `ResNetV2Backbone`."
        )
    return keras.Model(backbone.input, [maps[strides.index(4)], backbone.output], name="backbone"), strides[-1]
