"""HRNet's stages, their layers named as PyTorch's networks name them, so that a checkpoint finds its place."""

from keras import layers

from hierseg_keras.models.resize_to import ResizeTo

# PyTorch's, and Keras's is a hundred times that.
EPSILON = 1e-5
# Keras's 0.99 needs a thousand steps before the moving averages can be evaluated with.
MOMENTUM = 0.9


def hrnet_stages(x, width, num_modules=(1, 4, 3), num_blocks=4):
    """HRNetV2 from scaled images to the maps of its stages (Wang et al., PAMI 2020, section 3).

    Args:
        x: Symbolic tensor, `(B, H, W, 3)`.
        width: Channels of the branch at stride 4, doubled by each further branch.
        num_modules: Modules of stages 2, 3 and 4: branches of residual blocks, then an exchange
            between the branches.
        num_blocks: Residual blocks of each branch, and of stage 1.

    Returns:
        Dict from `"stage2"`, `"stage3"` and `"stage4"` to lists of 2, 3 and 4 maps, at strides
        4, 8, 16 and 32. Each list is the output of a layer of the stage's name.
    """
    x = _conv_norm_relu(x, 64, 3, 2, "conv1", "bn1")
    x = _conv_norm_relu(x, 64, 3, 2, "conv2", "bn2")
    for i in range(num_blocks):
        x = _bottleneck(x, 64, f"layer1.{i}")
    branches, stages = [x], {}
    for stage, modules in enumerate(num_modules, start=2):
        branches = _transition(branches, width, f"transition{stage - 1}")
        for module in range(modules):
            name = f"stage{stage}.{module}"
            branches = [_branch(x, num_blocks, f"{name}.branches.{i}") for i, x in enumerate(branches)]
            branches = [_fuse(branches, i, f"{name}.fuse_layers.{i}") for i in range(len(branches))]
        branches = stages[f"stage{stage}"] = list(layers.Identity(name=f"stage{stage}")(branches))
    return stages


def _transition(branches, width, name):
    """One branch more, made from the coarsest; the others keep their channels, or are given those of their stride."""
    made = [
        x if x.shape[-1] == width * 2**i else _conv_norm_relu(x, width * 2**i, 3, 1, f"{name}.{i}.0", f"{name}.{i}.1")
        for i, x in enumerate(branches)
    ]
    i = len(branches)
    coarser = _conv_norm_relu(branches[-1], width * 2**i, 3, 2, f"{name}.{i}.0.0", f"{name}.{i}.0.1")
    return [*made, coarser]


def _branch(x, num_blocks, name):
    for i in range(num_blocks):
        x = _basic_block(x, f"{name}.{i}")
    return x


def _fuse(branches, i, name):
    """The sum of all branches at the stride and channels of branch `i`."""
    channels = [x.shape[-1] for x in branches]
    terms = []
    for j, x in enumerate(branches):
        if j > i:
            x = _conv_norm(x, channels[i], 1, 1, f"{name}.{j}.0", f"{name}.{j}.1")
            # To the branch's own size, which at odd sizes is not twice the next one's.
            x = ResizeTo("nearest", name=f"{name}.{j}.resize")([x, branches[i]])
        for k in range(i - j):
            is_last = k == i - j - 1
            convolve = _conv_norm if is_last else _conv_norm_relu
            x = convolve(x, channels[i if is_last else j], 3, 2, f"{name}.{j}.{k}.0", f"{name}.{j}.{k}.1")
        terms.append(x)
    return layers.ReLU(name=f"{name}.relu")(layers.Add(name=f"{name}.add")(terms))


def _bottleneck(x, filters, name):
    skip = x
    if x.shape[-1] != 4 * filters:
        skip = _conv_norm(x, 4 * filters, 1, 1, f"{name}.downsample.0", f"{name}.downsample.1")
    x = _conv_norm_relu(x, filters, 1, 1, f"{name}.conv1", f"{name}.bn1")
    x = _conv_norm_relu(x, filters, 3, 1, f"{name}.conv2", f"{name}.bn2")
    x = _conv_norm(x, 4 * filters, 1, 1, f"{name}.conv3", f"{name}.bn3")
    return layers.ReLU(name=f"{name}.relu")(layers.Add(name=f"{name}.add")([x, skip]))


def _basic_block(x, name):
    filters, skip = x.shape[-1], x
    x = _conv_norm_relu(x, filters, 3, 1, f"{name}.conv1", f"{name}.bn1")
    x = _conv_norm(x, filters, 3, 1, f"{name}.conv2", f"{name}.bn2")
    return layers.ReLU(name=f"{name}.relu")(layers.Add(name=f"{name}.add")([x, skip]))


def _conv_norm_relu(x, filters, size, stride, conv_name, norm_name):
    return layers.ReLU(name=f"{norm_name}.relu")(_conv_norm(x, filters, size, stride, conv_name, norm_name))


def _conv_norm(x, filters, size, stride, conv_name, norm_name):
    if stride > 1:
        # As PyTorch pads, both sides alike; TensorFlow's "same" would shift the map by a pixel.
        x = layers.ZeroPadding2D(size // 2, name=f"{conv_name}.pad")(x)
    x = layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        use_bias=False,
        kernel_initializer="he_normal",
        name=conv_name,
    )(x)
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=norm_name)(x)
