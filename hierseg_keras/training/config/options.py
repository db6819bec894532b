"""Checks the options of a class against its constructor's signature."""

import copy
import functools
import inspect
import typing
from typing import Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model, model_validator

from hierseg_keras.losses import TreeTriplet
from hierseg_keras.models.configuration.check_keywords import keyword_arguments
from hierseg_keras.training.config.problems import naming_options
from hierseg_keras.training.config.value_types import type_of_parameter

# Arguments that a run passes to its classes itself, so that they are not options of a configuration.
GIVEN_BY_RUNS = frozenset(
    "tree segmenter scores from_logits loss ignore_class seed input_shape depth_channels name dtype "
    "use_ema ema_momentum ema_overwrite_frequency gradient_accumulation_steps".split()
)
# Classes whose objects may be arguments of other classes. A configuration then holds their options in a nested table.
_NESTED = (TreeTriplet,)


class Record(BaseModel):
    """Holds a table of a configuration. It is immutable, does not convert types silently, and rejects unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )
    # Whose options these are, for the message about an unknown key.
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
        """Returns two lists: the names of the record's keys, and the names to suggest for an unknown key."""
        known = [name for name in cls.model_fields if name != "name"]
        return known, known

    def to_values(self):
        """Returns the record as a dict that TOML can hold: tuples become lists, and `None` becomes `False`.

        A default of `None` is left out where `False` would mean something else.
        """
        # The class's name comes first.
        names = sorted(type(self).model_fields, key=lambda name: name != "name")
        return {name: _plain(getattr(self, name)) for name in names if not self._is_unset_boolean(name)}

    def _is_unset_boolean(self, name):
        field = type(self).model_fields[name]
        return field.default is None and getattr(self, name) is None and _holds_booleans(field.annotation)


class Options(Record):
    """Holds the options of a class that a configuration names. `options_of` makes one subclass per class."""

    made: ClassVar[Any] = None

    def make(self, **given):
        """Makes an object of the class.

        Args:
            given: Values from the run, by the names of arguments. They override options of the same name. Values for
                which the class has no argument are not passed.

        Returns:
            An object of the class.
        """
        accepted = accepted_by(self.made)
        options = self.arguments()
        nested = {name: value.make(**given) for name, value in options.items() if isinstance(value, Options)}
        return self.made(**options | nested | {name: value for name, value in given.items() if name in accepted})

    def arguments(self):
        """Returns a dict of the options that are arguments of the class. `name`, the name of the class, is not."""
        accepted = parameters_of(self.made).keys() - GIVEN_BY_RUNS
        return {name: getattr(self, name) for name in type(self).model_fields if name in accepted}


@functools.cache
def parameters_of(cls):
    """Returns a dict of the named parameters of a class, or of a function that makes an object."""
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


@functools.cache
def accepted_by(cls):
    """Returns the names of the arguments that a class accepts from a run, or that a function accepts.

    They include those that the class's `**options` pass on to its parents. These are no options of a configuration,
    because the class may choose them itself.
    """
    return frozenset(keyword_arguments(cls) if inspect.isclass(cls) else parameters_of(cls))


def options_of(cls, base=Options, fields=None, is_ours=True):
    """Makes a record class for the options of a class.

    Args:
        cls: Class, or a function that makes an object.
        base: Record class with further fields, which override arguments of the same name.
        fields: Dict from the name of an argument to a pair `(type, default)` that replaces those of the signature.
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
            # Copied because pydantic changes the field.
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
    """Returns the type of an argument that may be an object of another class: a table of its options, or a Boolean."""
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
    # Raised for a hint with a name that is imported only for type checkers.
    except (NameError, AttributeError, TypeError):
        return {}


def _holds_booleans(hint):
    return hint is bool or any(map(_holds_booleans, typing.get_args(hint)))


def _plain(value):
    if isinstance(value, Record):
        return value.to_values()
    if isinstance(value, (tuple, list)):
        return [_plain(element) for element in value]
    if isinstance(value, dict):
        return {str(key): _plain(element) for key, element in value.items()}
    return False if value is None else value
