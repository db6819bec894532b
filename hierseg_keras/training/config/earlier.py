"""Reads configurations of earlier versions, which were a single flat JSON object."""

from hierseg_keras.training.config.problems import ConfigError, nearest

_NETWORKS = {
    "unet": "UNet",
    "deeplab_v3_plus": "DeepLabV3Plus",
    "hrnet": "HRNet",
    "hrnet_ocr": "HRNetOCR",
    "hrnet_ocr_scale_attention": "HRNetOCRScaleAttention",
    "maskformer": "MaskFormer",
    "sa_gate": "SAGate",
}
_LOSSES = {
    "crossentropy": {"name": "SparseCategoricalCrossentropy"},
    "hierarchical_crossentropy": {"name": "HierarchicalCrossentropy"},
    "tree_binary_crossentropy": {"name": "TreeBinaryCrossentropy"},
    "focal_binary_crossentropy": {"name": "TreeBinaryCrossentropy", "gamma": 2.0},
    "tree_min": {"name": "TreeMin"},
    "focal_tree_min": {"name": "FocalTreeMin"},
    "tree_min_crossentropy": {"name": "TreeMinCrossentropy"},
}
_OPTIMIZERS = {"sgd": {"name": "CoupledSGD", "momentum": 0.9}, "adamw": {"name": "AdamW"}}
_OPTIONS = (
    "filters num_stages backbone output_stride dropout weights synchronized_batch_norm width num_modules num_blocks "
    "blocks key_filters auxiliary_weight scales scale_weight num_queries num_layers"
).split()
# Defaults of the earlier version that have changed since.
_DEFAULTS = {"model": "unet", "loss": "focal_tree_min", "method": "plain", "optimizer": "adamw"}
_UNET = {"filters": 16, "num_stages": 4}
# Maps a flat field to its table and key.
_MOVED = {
    "dataset": ("data", "dataset"),
    "train_split": ("data", "train_split"),
    "validation_split": ("evaluation", "split"),
    "tree": ("data", "tree"),
    "batch_size": ("data", "batch_size"),
    "size": ("data", "size"),
    "crop_size": ("data", "crop_size"),
    "scale_range": ("data", "scale_range"),
    "max_depth": ("data", "max_depth"),
    "data_dir": ("data", "data_dir"),
    "manual_dir": ("data", "manual_dir"),
    "learning_rate": ("optimizer", "learning_rate"),
    "weight_decay": ("optimizer", "weight_decay"),
    "power": ("schedule", "power"),
    "accumulation_steps": ("schedule", "accumulation_steps"),
    "ema_momentum": ("schedule", "ema_momentum"),
    "epochs": ("schedule", "epochs"),
    "steps": ("schedule", "steps"),
    "early_stopping_patience": ("schedule", "early_stopping_patience"),
}
_OF_RUN = ("replicas", "precision", "jit_compile", "tensorboard", "seed")
_OF_METHOD = (
    "method triplet beta num_triplets stages stage_weight clusters clustering theta analysis_share ratio fuse "
    "fuse_filters"
).split()
_KNOWN = (*_DEFAULTS, *_OPTIONS, *_MOVED, *_OF_RUN, *_OF_METHOD)


def translated(flat):
    """Converts a flat configuration from before version 0.1 to nested tables.

    Args:
        flat: Dict of fields. Missing fields have their defaults at that time.

    Returns:
        Nested dict, as `RunConfig` accepts it.

    Raises:
        ConfigError: If `flat` is not a dict, has an unknown field, or names a network, loss, optimizer or method that
            a JSON configuration from before version 0.1 could not have.
    """
    if not isinstance(flat, dict):
        raise ConfigError([f"expected a JSON object with the options of a run. Received: {type(flat).__name__}."])
    chosen = {**_DEFAULTS, **{name: flat[name] for name in _DEFAULTS if name in flat}}
    problems = [
        f"`{name}` was not an option before version 0.1.{nearest(name, _KNOWN)}" for name in flat if name not in _KNOWN
    ]
    tables = {"model": _NETWORKS, "loss": _LOSSES, "optimizer": _OPTIMIZERS}
    for field, table in tables.items():
        if not isinstance(chosen[field], str) or chosen[field] not in table:
            problems.append(
                f"`{field}` before version 0.1 expects one of {', '.join(table)}. Received: {field}={chosen[field]!r}."
            )
    if problems:
        raise ConfigError(problems)
    values = {name: flat[name] for name in _OF_RUN if name in flat}
    values["network"] = {"name": _NETWORKS[chosen["model"]], **_network_options(chosen["model"], flat)}
    values["loss"] = dict(_LOSSES[chosen["loss"]])
    values["optimizer"] = dict(_OPTIMIZERS[chosen["optimizer"]])
    values["method"] = _method(chosen["method"], flat)
    for name, (table, key) in _MOVED.items():
        if name in flat:
            values.setdefault(table, {})[key] = flat[name]
    return values


def _network_options(model, flat):
    given = {name: flat[name] for name in _OPTIONS if flat.get(name) is not None}
    return {**_UNET, **given} if model == "unet" else given


def _method(method, flat):
    # Before the field `method` existed, a Boolean field `triplet` enabled HSSN.
    if flat.get("triplet"):
        method = "hssn"
    if method == "plain":
        return False
    if method == "hssn":
        triplet = {"num_triplets": flat["num_triplets"]} if "num_triplets" in flat else {}
        return {"name": "HSSN", "triplet": triplet, **({"beta": flat["beta"]} if "beta" in flat else {})}
    if method not in ("deep_supervision", "hs3"):
        raise ConfigError(
            [
                "`method` before version 0.1 expects one of plain, hssn, deep_supervision, hs3. Received: "
                f"method={method!r}."
            ]
        )
    renamed = {"stage_weight": "weights", "fuse_filters": "filters"}
    kept = ("stages", "stage_weight", "fuse", "fuse_filters", "clustering", "theta", "analysis_share", "ratio")
    options = {renamed.get(name, name): flat[name] for name in kept if name in flat}
    return {"name": "HS3", "clusters": _clusters(method, flat.get("clusters")), **options}


def _clusters(method, clusters):
    if method == "deep_supervision":
        return False
    if clusters is None:
        return "search"
    return [int(text) if text.isdecimal() else text for text in clusters]
