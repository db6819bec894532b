"""HRNet's stages, with PyTorch's layer names, so that its checkpoints can be loaded."""

from keras import layers

from hierseg_keras.models.backbones.residual_blocks import basic_block, bottleneck, conv_norm, torch_conv_norm_relu
from hierseg_keras.models.layers.resize_to import ResizeTo


def hrnet_stages(x, width, num_modules=(1, 4, 3), num_blocks=4):
    """Builds the stages of HRNetV2 (Wang et al., PAMI 2020, section 3).

    Args:
        x: Symbolic tensor of scaled images, `(B, H, W, 3)`.
        width: Channels of the branch at stride 4. Each coarser branch doubles them.
        num_modules: Numbers of modules in stages 2, 3 and 4. A module has residual blocks in each branch,
            and then exchanges features between the branches.
        num_blocks: Number of residual blocks per branch and module, and in stage 1.

    Returns:
        Dict from `"stage2"`, `"stage3"` and `"stage4"` to lists of 2, 3 and 4 maps, at strides
        4, 8, 16 and 32. Each list is the output of the layer with the stage's name.
    """
    x = torch_conv_norm_relu(x, 64, 3, "conv1", "bn1", stride=2)
    x = torch_conv_norm_relu(x, 64, 3, "conv2", "bn2", stride=2)
    for i in range(num_blocks):
        x = bottleneck(x, 64, f"layer1.{i}")
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
    """Adds a branch made from the coarsest one, and gives the other branches the channels of their strides."""
    made = []
    for i, x in enumerate(branches):
        if x.shape[-1] != width * 2**i:
            x = torch_conv_norm_relu(x, width * 2**i, 3, f"{name}.{i}.0", f"{name}.{i}.1")
        made.append(x)
    i = len(branches)
    coarser = torch_conv_norm_relu(branches[-1], width * 2**i, 3, f"{name}.{i}.0.0", f"{name}.{i}.0.1", stride=2)
    return [*made, coarser]


def _branch(x, num_blocks, name):
    for i in range(num_blocks):
        x = basic_block(x, f"{name}.{i}")
    return x


def _fuse(branches, i, name):
    """Adds up all branches, at the stride and with the channels of branch `i`."""
    channels = [x.shape[-1] for x in branches]
    terms = []
    for j, x in enumerate(branches):
        if j > i:
            x = conv_norm(x, channels[i], 1, f"{name}.{j}.0", f"{name}.{j}.1")
            # Resized to the branch's size, which at odd sizes is not twice that of the next branch.
            x = ResizeTo("nearest", name=f"{name}.{j}.resize")([x, branches[i]])
        for k in range(i - j):
            is_last = k == i - j - 1
            convolve = conv_norm if is_last else torch_conv_norm_relu
            x = convolve(x, channels[i if is_last else j], 3, f"{name}.{j}.{k}.0", f"{name}.{j}.{k}.1", stride=2)
        terms.append(x)
    return layers.ReLU(name=f"{name}.relu")(layers.Add(name=f"{name}.add")(terms))
