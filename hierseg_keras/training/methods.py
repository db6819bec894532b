"""What a network is wrapped in for its training, by the name that a run's configuration gives it."""

from hierseg_keras.losses import TreeTriplet
from hierseg_keras.models import HS3, HSSN
from hierseg_keras.tree import ClassTree


def _plain(network, config, ignore_class):
    return network


def _hssn(network, config, ignore_class):
    triplet = TreeTriplet(network.tree, config.num_triplets, ignore_class=ignore_class, seed=config.seed)
    return HSSN(network, loss=config.loss, triplet=triplet, beta=config.beta, ignore_class=ignore_class)


def _hs3(network, config, ignore_class):
    clusters = None if config.clusters is None else [_level_or_tree(own) for own in config.clusters]
    return HS3(
        network,
        config.stages,
        clusters,
        weights=config.stage_weight,
        fuse=config.fuse,
        filters=config.fuse_filters,
        ignore_class=ignore_class,
    )


def _level_or_tree(text):
    return int(text) if text.isdecimal() else ClassTree.from_text(text)


METHODS = {"plain": _plain, "hssn": _hssn, "deep_supervision": _hs3, "hs3": _hs3}

# Those that supervise stages, and the stages where a configuration names none.
OF_STAGES = ("deep_supervision", "hs3")
STAGES = {
    "hrnet": ("stage2", "stage3"),
    "hrnet_ocr": ("stage2", "stage3"),
    "sa_gate": ("gate2.joined", "gate3.joined"),
}


def stages_of(config):
    """The stages that a configuration supervises, a tuple; `None` where its method supervises none.

    Raises:
        ValueError: If they are not known, or if the configuration gives stages, clusters or fusion to a
            method that has none.
    """
    if config.method not in OF_STAGES:
        for name, unset in (("stages", None), ("clusters", None), ("fuse", False)):
            if getattr(config, name) != unset:
                raise ValueError(f"`{name}` expects `method` in {OF_STAGES}. Received: method={config.method!r}.")
        return None
    if config.method == "deep_supervision" and config.clusters is not None:
        raise ValueError('`clusters` expects `method` "hs3". Received: method="deep_supervision", which has none.')
    if config.stages is None and config.model not in STAGES:
        raise ValueError(
            f"`{config.method}` expects `stages`, the names of the layers of {config.model!r} that are supervised. "
            f"Received: stages=None, which only {tuple(STAGES)} have an answer to."
        )
    return config.stages or STAGES[config.model]
