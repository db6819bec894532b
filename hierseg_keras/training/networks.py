"""The networks by name, with the options that a run's configuration offers for each."""

import keras

from hierseg_keras import models

_HRNET = {
    "width": 18,
    "num_modules": (1, 4, 3),
    "num_blocks": 4,
    "weights": None,
    "synchronized_batch_norm": False,
}
_HRNET_OCR = {**_HRNET, "filters": 512, "key_filters": 256, "dropout": 0.05, "auxiliary_weight": 0.4}

# Name -> (class of `hierseg_keras.models`, its options with their values where a configuration leaves them out).
NETWORKS = {
    "unet": ("UNet", {"filters": 16, "num_stages": 4}),
    "deeplab_v3_plus": (
        "DeepLabV3Plus",
        {
            "backbone": "resnet50_v2",
            "output_stride": 16,
            "filters": 256,
            "dropout": 0.1,
            "weights": None,
            "synchronized_batch_norm": False,
        },
    ),
    "hrnet": ("HRNet", _HRNET),
    "hrnet_ocr": ("HRNetOCR", _HRNET_OCR),
    "hrnet_ocr_scale_attention": (
        "HRNetOCRScaleAttention",
        {**_HRNET_OCR, "width": 48, "scales": (0.5, 1.0), "scale_weight": 0.05},
    ),
    "maskformer": (
        "MaskFormer",
        {
            "backbone": "swin_small",
            "filters": 256,
            "num_queries": 100,
            "num_layers": 6,
            "dropout": 0.1,
            "auxiliary_weight": 1.0,
            "weights": None,
        },
    ),
    "sa_gate": (
        "SAGate",
        {
            "blocks": (3, 4, 23, 3),
            "width": 64,
            "filters": 256,
            "dropout": 0.1,
            "auxiliary_weight": 0.2,
            "weights": None,
            "synchronized_batch_norm": False,
        },
    ),
}

# They take plain depth as the image's fourth channel.
WITH_DEPTH = ("sa_gate",)

# Every option of any network, in the order of the table.
OPTIONS = tuple(dict.fromkeys(option for _, options in NETWORKS.values() for option in options))

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


def network_options(name, given):
    """The options of a network: those given, and the table's for the rest.

    Args:
        name: Key of `NETWORKS`.
        given: Dict of options; `None` leaves one out.

    Returns:
        Dict of the network's own options.

    Raises:
        ValueError: If an option is given that the network does not have.
    """
    given = {option: value for option, value in given.items() if value is not None}
    _, own = NETWORKS[name]
    for option, value in given.items():
        if option not in own:
            raise ValueError(
                f"`{name}` expects options among {tuple(own)}. Received: {option}={value!r}. Leave it out, or choose "
                f"a network that has it: {[other for other, (_, has) in NETWORKS.items() if option in has]}."
            )
    return {**own, **given}


def make_network(name, tree, scores, options, precision="float32"):
    """Builds a network in a precision.

    Layers take Keras's global policy when they are made; it is as it was afterwards.

    Args:
        name: Key of `NETWORKS`.
        tree: `ClassTree`.
        scores: `"nodes"` or `"leaves"`.
        options: Dict, as `network_options` gives it.
        precision: One of `PRECISIONS`. Logits are float32 in each.

    Returns:
        `keras.Model`, not compiled. With `"mixed_float16"` its `compile` scales the loss.
    """
    class_name, _ = NETWORKS[name]
    options = {**options, "depth_channels": 1} if name in WITH_DEPTH else options
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return getattr(models, class_name)(tree, scores=scores, **options)
    finally:
        keras.config.set_dtype_policy(before)
