"""The parts of a run that are configured by the name of a class: of this library, of Keras, or the user's own."""

import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import keras
from pydantic import BeforeValidator, Field, SerializeAsAny

from hierseg_keras import metrics, models
from hierseg_keras.data.class_weights import METHODS
from hierseg_keras.losses.objectives import further_losses, named_losses
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.models.wrappers.training_wrapper import TrainingWrapper
from hierseg_keras.training.config.options import Options, options_of, parameters_of
from hierseg_keras.training.config.problems import nearest, refusal, refused_options, shown
from hierseg_keras.training.config.supervision import StageSupervision
from hierseg_keras.training.config.value_types import AsTuple, Either, NotNegative, Off, Positive
from hierseg_keras.training.coupled_sgd import CoupledSGD


class Component(Options):
    """Names a class and holds its options."""

    name: str
    """Name of a class of the library, or `"module:Class"` for a class of your own."""
    # The part of a run, for messages.
    part: ClassVar[str] = ""

    def make(self, **given):
        with refused_options(self.part, self.name):
            return super().make(**given)


class SupervisingComponent(Component, StageSupervision):
    """Names a method that supervises stages of the network, and holds its options."""


class WeightedComponent(Component):
    """Names a loss that is added to the loss of a run, and holds its weight and options."""

    weight: NotNegative = 1.0
    """Factor of this loss in the sum."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """Describes one part of a run, such as its network or its loss.

    Args:
        what: Name of the part, for messages.
        classes: Function that returns a dict from names to the classes that can be chosen.
        parent: Keras class that a class of the user must be a subclass of.
        default: Dict of the name and the options of what is used if no class is named; see `METHOD_LOSSES` for losses.
            `None` if the part is optional.
        fields: Dict of the arguments whose type or default in a run differs from the class's: see `RUN_DEFAULTS`.
        is_ours: Whether the classes belong to this library. `type_of_parameter` then checks their numbers.
    """

    what: str
    classes: Callable
    parent: type
    default: dict | None = dataclasses.field(default=None, hash=False)
    fields: dict = dataclasses.field(default_factory=dict, hash=False)
    is_ours: bool = True


def _public(module, is_one):
    return {name: value for name, value in vars(module).items() if inspect.isclass(value) and is_one(value)}


def _listed(room, is_one):
    """Returns the classes among a package's public names. A new public class is therefore included automatically."""
    named = ((name, getattr(room, name)) for name in room.__all__)
    return {name: value for name, value in named if inspect.isclass(value) and is_one(value)}


def _begins_with(argument):
    return lambda cls: next(iter(parameters_of(cls)), None) == argument


# The metrics that every run reports already, and the one that needs instances, which `fit` does not pass.
REPORTED = (
    metrics.TreeReport,
    metrics.LevelMeanIoU,
    metrics.LevelAccuracy,
    metrics.MistakeSeverity,
    metrics.HierarchicalFScore,
)
NOT_ADDED = (*REPORTED, metrics.InstanceMeanIoU)


@functools.cache
def _networks():
    return _listed(models, lambda cls: issubclass(cls, TreeNetwork) and _begins_with("tree")(cls))


@functools.cache
def _methods():
    return _listed(models, lambda cls: issubclass(cls, TrainingWrapper))


@functools.cache
def _optimizers():
    found = _public(keras.optimizers, lambda cls: issubclass(cls, keras.optimizers.Optimizer))
    return {"CoupledSGD": CoupledSGD} | {n: cls for n, cls in found.items() if _begins_with("learning_rate")(cls)}


@functools.cache
def _metrics():
    return _listed(metrics, lambda cls: _begins_with("tree")(cls) and cls not in NOT_ADDED)


@functools.cache
def _callbacks():
    return _public(keras.callbacks, lambda cls: issubclass(cls, keras.callbacks.Callback))


# Arguments whose default in a run differs from the class's default. Optimizers: the small runs in the documentation and
# earlier configuration files use these values. In Keras, the default learning rates are 0.001 and 0.004, and most
# optimizers have no weight decay. Losses: a run can compute class weights by counting its training labels.
RUN_DEFAULTS = {
    "optimizer": {
        "learning_rate": (Positive, Field(3e-3, description="Initial learning rate.")),
        "weight_decay": (
            Off[NotNegative],
            Field(1e-4, description="Weight decay, as the optimizer's class defines it."),
        ),
    },
    "loss": {
        "class_weights": (
            Off[Either[Literal[METHODS] | dict[str, NotNegative] | AsTuple[tuple[NotNegative, ...]]]],
            Field(
                None,
                description="Weight per node, as a list or a table, or the method that computes the weights from "
                f"counts of the training labels: {', '.join(METHODS)}.",
            ),
        ),
    },
}

# What docs/benchmarks.md and docs/photographs.md found best.
_PRETRAINED = {"name": "DeepLabV3Plus", "backbone": "efficientnet_lite0", "weights": "imagenet", "filters": 64}
NETWORK = Kind("network", _networks, keras.Model, _PRETRAINED)
METHOD = Kind("method", _methods, keras.Model)
LOSS = Kind("loss", named_losses, keras.losses.Loss, {"name": "HierarchicalCrossentropy"}, RUN_DEFAULTS["loss"])
OPTIMIZER = Kind(
    "optimizer", _optimizers, keras.optimizers.Optimizer, {"name": "AdamW"}, RUN_DEFAULTS["optimizer"], is_ours=False
)
# Name of a method -> name of the loss that it has if none is named.
METHOD_LOSSES = {"HSSN": "FocalTreeMin"}
FURTHER_LOSS = Kind("further loss", further_losses, keras.losses.Loss)
METRIC = Kind("metric", _metrics, keras.metrics.Metric)
CALLBACK = Kind("callback", _callbacks, keras.callbacks.Callback, is_ours=False)
# The kinds that have a table of their own.
_TABLES = (NETWORK, METHOD, LOSS, OPTIMIZER)
KINDS = (NETWORK, METHOD, LOSS, FURTHER_LOSS, OPTIMIZER, METRIC, CALLBACK)


@functools.cache
def options_model(kind, cls, is_ours):
    """Returns the record class for the options of a class in a run."""
    base = WeightedComponent if kind is FURTHER_LOSS else Component
    base = SupervisingComponent if kind is METHOD and "clusters" in parameters_of(cls) else base
    model = options_of(cls, base, kind.fields, is_ours and kind.is_ours)
    model.part = kind.what
    return model


def component(kind):
    """Returns the field type for a part of a run. It reads a dict with `name` and options as a `Component`."""
    return Annotated[SerializeAsAny[Component], BeforeValidator(functools.partial(_read, kind))]


def _read(kind, value):
    if isinstance(value, Component):
        return value
    if not isinstance(value, dict):
        expected = f"expects a table with the name of a class and its options. Received: {shown(value)}."
        raise ValueError(f"{expected} {_as_table(kind, value)}" if isinstance(value, str) else expected)
    if "name" not in value:
        value = {**(kind.default or {"name": None}), **value}
    name = value["name"]
    cls = _find(kind, name)
    return options_model(kind, cls, ":" not in name).model_validate(value)


def _as_table(kind, name):
    """Returns a sentence that says how to write the name of a class."""
    option = f", or --{kind.what}.name {shown(name)} on the command line" if kind in _TABLES else ""
    return f"Write {{name = {shown(name)}}}{option}."


def _find(kind, name):
    """Returns the class that has a name."""
    classes = kind.classes()
    if isinstance(name, str) and name.find(":") > 0:
        return _own_class(kind, name)
    if not isinstance(name, str) or name not in classes:
        raise refusal(
            ("name",),
            f'expects one of {", ".join(classes)}, or "module:Class" for your own class. Received: {shown(name)}.'
            f"{nearest(name, classes)}",
            name,
        )
    return classes[name]


def _own_class(kind, name):
    """Returns a class of the user from a module that is already imported. A file never causes an import."""
    module_name, _, class_name = name.partition(":")
    module = sys.modules.get(module_name)
    if module is None:
        raise refusal(
            ("name",),
            f"expects a class of a module that has been imported. Received: {shown(name)}. Import {module_name} first; "
            f"on the command line, pass --import {module_name}.",
        )
    cls = getattr(module, class_name, None)
    if not inspect.isclass(cls) or not issubclass(cls, kind.parent):
        found = [
            own for own, value in vars(module).items() if inspect.isclass(value) and issubclass(value, kind.parent)
        ]
        raise refusal(
            ("name",),
            f"expects a subclass of `keras.{kind.parent.__name__}`. Received: {shown(name)}."
            f"{nearest(class_name, found)}",
        )
    return cls


Network = component(NETWORK)
Method = Off[component(METHOD)]
Loss = component(LOSS)
FurtherLosses = AsTuple[tuple[component(FURTHER_LOSS), ...]]
Optimizer = component(OPTIMIZER)
Metrics = AsTuple[tuple[component(METRIC), ...]]
Callbacks = AsTuple[tuple[component(CALLBACK), ...]]
