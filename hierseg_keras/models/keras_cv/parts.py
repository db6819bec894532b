"""All that is taken from KerasCV. It imports TensorFlow, and is itself imported when a network needs it."""

import keras
import keras_cv
from keras import ops

from hierseg_keras.models.layers.dilation import strides_and_dilations


@keras.saving.register_keras_serializable("hierseg_keras")
class SpatialPyramidPooling(keras_cv.layers.SpatialPyramidPooling):
    """KerasCV's atrous spatial pyramid pooling for feature maps of any size.

    KerasCV resizes the pooled branch's single pixel to a size that must be known when the graph
    is made; a single pixel resized is that pixel everywhere.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # KerasCV's reason not to be compiled was the resizing.
        self.supports_jit = True

    def call(self, inputs, training=None):
        *branches, pooled = [ops.cast(b(inputs, training=training), inputs.dtype) for b in self.aspp_parallel_channels]
        shape = (*ops.shape(branches[0])[:3], self.num_channels)
        joined = ops.concatenate([*branches, ops.broadcast_to(pooled, shape)], axis=-1)
        return self.projection(joined, training=training)

    def batch_norm_layers(self):
        """The batch normalizations inside."""
        parts = [*self.aspp_parallel_channels, self.projection]
        return [layer for part in parts for layer in part.layers if isinstance(layer, keras.layers.BatchNormalization)]


def resnet_v2_backbone(blocks, output_stride, bottleneck=True):
    """KerasCV's ResNet V2, random weights, for images in [0, 1]; dilated to the output stride."""
    return keras_cv.models.ResNetV2Backbone(
        stackwise_filters=[64, 128, 256, 512],
        stackwise_blocks=list(blocks),
        stackwise_strides=[1, 2, 2, 2],
        stackwise_dilations=list(strides_and_dilations(output_stride)[1]),
        block_type="block" if bottleneck else "basic_block",
        include_rescaling=False,
    )


def is_backbone(model):
    return isinstance(model, keras_cv.models.Backbone)


def preset(name):
    """A backbone with KerasCV's own weights, which it downloads where they are not in its cache."""
    return keras_cv.models.ResNetV2Backbone.from_preset(name)


def pyramid(backbone):
    """`keras.Model` from an image to the backbone's maps at stride 4 and at its own last stride, and that stride."""
    levels = backbone.pyramid_level_inputs
    names = [levels[key] for key in sorted(levels, key=lambda key: int(key[1:]))]
    maps = [backbone.get_layer(name).output for name in names]
    model = keras.Model(backbone.input, [*maps, backbone.output])
    strides = [256 // shape[1] for shape in model.compute_output_shape((1, 256, 256, 3))]
    if 4 not in strides[:-1]:
        raise ValueError(
            f"`backbone` expects a KerasCV backbone with a map at stride 4. Received: {type(backbone).__name__} with "
            f"maps at strides {strides}."
        )
    return keras.Model(backbone.input, [maps[strides.index(4)], backbone.output], name="backbone"), strides[-1]
