"""The options of a class, checked against its constructor's signature."""

import copy
import functools
import inspect
import typing
from typing import Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model, model_validator

from hierseg_keras.losses import TreeTriplet
from hierseg_keras.training.config.problems import naming_options
from hierseg_keras.training.config.value_types import type_of_parameter

# Arguments that a run gives itself: from its tree, its data, its other parts and its seed.
GIVEN_BY_RUNS = frozenset(
    "tree segmenter scores from_logits loss ignore_class seed input_shape depth_channels name dtype "
    "use_ema ema_momentum ema_overwrite_frequency gradient_accumulation_steps".split()
)
# Classes that an argument may be an object of, and whose own options a configuration then has.
_NESTED = (TreeTriplet,)


class Record(BaseModel):
    """A table of a configuration. It is frozen, converts nothing silently, and refuses unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )
    # What an unknown key is no option of, for messages.
    owner: ClassVar[str] = ""

    @model_validator(mode="wrap")
    @classmethod
    def _name_the_options(cls, value, handler):
        try:
            return handler(value)
        except ValidationError as error:
            raise naming_options(error, *cls.known_names(), cls.owner or f"`{cls.__name__.lower()}`") from None

    @classmethod
    def known_names(cls):
        """The names of the record's keys, and those that may be meant by an unknown one; two lists."""
        known = [name for name in cls.model_fields if name != "name"]
        return known, known

    def to_values(self):
        """The record as TOML holds it: dicts and lists, and `False` for what is switched off."""
        # The class's name comes first.
        names = sorted(type(self).model_fields, key=lambda name: name != "name")
        return {name: _plain(getattr(self, name)) for name in names}


class Options(Record):
    """The options of a class that a configuration names. `options_of` makes a subclass for each class."""

    made: ClassVar[Any] = None

    def make(self, **given):
        """Makes the object.

        Args:
            given: What the run gives, of which the class takes what it has an argument for. It goes before options
                of the same name.

        Returns:
            An object of the class.
        """
        accepted = parameters_of(self.made)
        options = self.arguments()
        nested = {name: value.make(**given) for name, value in options.items() if isinstance(value, Options)}
        return self.made(**options | nested | {name: value for name, value in given.items() if name in accepted})

    def arguments(self):
        """The options that are arguments of the class, a dict; `name` is the class's and not one of them."""
        accepted = parameters_of(self.made).keys() - GIVEN_BY_RUNS
        return {name: getattr(self, name) for name in type(self).model_fields if name in accepted}


@functools.cache
def parameters_of(cls):
    """The named parameters of a class, or of a function that makes an object, by name."""
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


def options_of(cls, base=Options, fields=None, is_ours=True):
    """Makes the record of a class's options.

    Args:
        cls: Class, or a function that makes an object.
        base: Record with further fields, which go before arguments of the same name.
        fields: Dict from arguments to the pair of type and default that a run has in place of the signature's.
        is_ours: As in `type_of_parameter`.

    Returns:
        A subclass of `base`.

    Raises:
        ValueError: If an argument has the name of an attribute of `base`.
    """
    hints = _hints(cls)
    definitions = {}
    for name, parameter in parameters_of(cls).items():
        if name in GIVEN_BY_RUNS or name in base.model_fields or name.startswith("_"):
            continue
        if fields and name in fields:
            # pydantic keeps what it finds out about a field in the field.
            definitions[name] = (fields[name][0], copy.copy(fields[name][1]))
            continue
        if hasattr(base, name):
            raise ValueError(
                f"expects a class whose constructor has no argument `{name}`, which is a name of the table itself. "
                f"Received: {cls.__name__}. Rename the argument."
            )
        of_type = type_of_parameter(parameter, hints.get(name), _nested, is_ours)
        if of_type is not None:
            has_default = parameter.default is not parameter.empty
            definitions[name] = (of_type, Field(parameter.default, validate_default=True) if has_default else ...)
    model = create_model(cls.__name__, __base__=base, **definitions)
    model.made, model.owner = staticmethod(cls) if inspect.isfunction(cls) else cls, f"`{cls.__name__}`"
    return model


def _nested(hint):
    """The type of an argument that may be an object of another class: its options, or whether there is one at all."""
    if hint not in _NESTED:
        return None
    options = options_of(hint)

    def read(value):
        if value is False or isinstance(value, Options):
            return value
        return options.model_validate({} if value is True else value)

    return typing.Annotated[options | typing.Literal[False], BeforeValidator(read)]


def _hints(cls):
    function = cls if inspect.isfunction(cls) else cls.__init__
    try:
        return typing.get_type_hints(function, include_extras=True)
    # A hint of a name that only a type checker imports.
    except (NameError, AttributeError, TypeError):
        return {}


def _plain(value):
    if isinstance(value, Record):
        return value.to_values()
    if isinstance(value, (tuple, list)):
        return [_plain(element) for element in value]
    if isinstance(value, dict):
        return {str(key): _plain(element) for key, element in value.items()}
    return False if value is None else value
