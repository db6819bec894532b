"""Backbones' forward pass and training step beside timm's on PyTorch, on the same CPU.

    python -m pip install torch==2.13.0 timm
    python -m benchmarks.timm_speed

PyTorch as built for CPUs: the other builds' Triton and TensorFlow do not start in one process.

Each network as far as timm's has it, batch 2 at 224 x 448; a step is the gradient of the mean square
of its last maps and one update by SGD. Ratios of medians over interleaved runs in one process, both
libraries on all cores; TensorFlow without XLA, which slows convolutions on a CPU.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf
import torch

from benchmarks.losses import interleaved_medians
from hierseg_keras import ClassTree
from hierseg_keras.models import HRNet, MaskFormer
from tests.parity.import_timm import timm

SIZE, BATCH = (224, 448), 2
TREE = ClassTree(["a/b", "a/c", "d"])
# timm's name and its options, our network, and the layer in which timm's ends.
NETWORKS = {
    "hrnet_w18": ({"features_only": True}, lambda: HRNet(TREE, width=18), "stage4"),
    "swin_small_patch4_window7_224": (
        {"img_size": SIZE, "num_classes": 0, "global_pool": ""},
        lambda: MaskFormer(TREE, "swin_small"),
        "layers.3.blocks.1.2.add",
    ),
    "resnet101": (
        {"num_classes": 0, "global_pool": ""},
        lambda: MaskFormer(TREE, "resnet101_v1_5"),
        "layer4.2.relu",
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    image = np.random.default_rng(0).uniform(0, 255, (BATCH, *SIZE, 3)).astype("float32")
    print(f"{'':32s}{'ours':>10s}{'timm':>10s}{'ratio':>8s}")
    for name, (timms_options, make, layer) in NETWORKS.items():
        ours = make()
        ours = keras.Model(ours.input, ours.get_layer(layer).output)
        theirs = timm.create_model(name, pretrained=False, **timms_options)
        for what, pair in (
            ("forward", (forward(ours, image), torch_forward(theirs, image))),
            ("step", (step(ours, image), torch_step(theirs, image))),
        ):
            medians = interleaved_medians(pair, options.repeats)
            print(f"{name + ' ' + what:40s}{medians[0]:8.3f} s{medians[1]:8.3f} s{medians[0] / medians[1]:7.2f}x")


def forward(model, image):
    run = tf.function(lambda: keras.tree.flatten(model(image, training=False)), autograph=False)
    return run


def step(model, image):
    optimizer = keras.optimizers.SGD(1e-6)
    optimizer.build(model.trainable_variables)

    @tf.function(autograph=False)
    def run():
        with tf.GradientTape() as tape:
            maps = keras.tree.flatten(model(image, training=True))
            loss = sum(tf.reduce_mean(tf.square(x)) for x in maps)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return (loss,)

    return run


def torch_forward(model, image):
    def run():
        with torch.inference_mode():
            return flat(model.eval()(channels_first(image)))

    return run


def torch_step(model, image):
    optimizer = torch.optim.SGD(model.parameters(), 1e-6)

    def run():
        optimizer.zero_grad()
        loss = sum(x.square().mean() for x in flat(model.train()(channels_first(image))))
        loss.backward()
        optimizer.step()
        return (loss.detach(),)

    return run


def channels_first(image):
    return torch.from_numpy((image / 255).transpose(0, 3, 1, 2).copy())


def flat(maps):
    return list(maps) if isinstance(maps, (list, tuple)) else [maps]


if __name__ == "__main__":
    main()
