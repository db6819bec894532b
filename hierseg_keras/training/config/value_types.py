"""The types of a configuration's values: values that TOML can hold, without silent conversion."""

import os
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, Strict, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from hierseg_keras.training.config.problems import expected_by

X = TypeVar("X")


def _one_message(value, handler):
    """Reports one problem for a value of several allowed types. pydantic would report one per type."""
    try:
        return handler(value)
    except ValidationError as error:
        # A location begins with the type. It is longer if an element of the value is wrong.
        expected = (f"a list of {expected_by(e)}" if len(e["loc"]) > 1 else expected_by(e) for e in error.errors())
        expected = " or ".join(dict.fromkeys(expected))
        raise PydanticCustomError("one_of", "{expected}", {"expected": expected}) from None


def _none_if_off(value):
    if isinstance(value, str) and value.lower() in ("none", "null"):
        message = f"expects false to switch it off. Received: {value!r}."
        raise PydanticCustomError("refused", "{expected}", {"expected": message})
    return None if value is False else value


# A value that may have one of several types.
Either = Annotated[X, WrapValidator(_one_message)]
# An optional value, which `false` disables because TOML has no `null`.
Off = Annotated[X | None, BeforeValidator(_none_if_off)]
# Text with at least one character.
NotEmpty = Annotated[str, Field(min_length=1)]
# An optional string, such as a path.
Text = Off[NotEmpty]
# Reads a list as a tuple, because TOML has arrays but no tuples.
AsTuple = Annotated[X, Strict(False)]

# The largest dimension of a tensor.
LARGEST = 2**31 - 1
Count = Annotated[int, Field(gt=0, le=LARGEST)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Size = AsTuple[tuple[Count, Count]]
# A path in which `~` stands for the user's home folder. A shell expands it only at the beginning of a word.
Path = Annotated[str, Field(min_length=1), AfterValidator(os.path.expanduser)]
# One value for all data sets, or a list with one value per data set.
Names = Either[str | AsTuple[tuple[str, ...]]]
Levels = Either[Count | AsTuple[tuple[Count, ...]]]

_PLAIN = (str, int, float, bool)


def type_of_parameter(parameter, hint, nested, is_ours):
    """Returns the type by which a configuration checks an argument of a class.

    Args:
        parameter: `inspect.Parameter`.
        hint: Type hint of the parameter, or `None` if it has no hint. The type is then inferred from its default.
        nested: Function that maps a class in the hint to the type of its options, or to `None` if a configuration
            cannot hold its options.
        is_ours: Whether the class belongs to this library. Its integers must then be positive, and its floats must
            not be negative.

    Returns:
        A type for pydantic, or `None` if TOML cannot hold any value of the argument.
    """
    default = None if parameter.default is parameter.empty else parameter.default
    if hint is None:
        hint = Any if default is None else (int | float if type(default) is int else type(default))
    members = _members(hint)
    options = [option for option in map(nested, members) if option is not None]
    if options:
        return options[0]
    known = [member for member in (_checked(member, is_ours) for member in members) if member is not None]
    if not known:
        return None
    checked = known[0] if len(known) == 1 else Either[typing.Union[tuple(known)]]  # noqa: UP007
    is_optional = parameter.default is None or type(None) in members
    if bool in members:
        # A Boolean may be `None` besides false, but only by default.
        return checked | None if is_optional else checked
    return Off[checked] if default is None or is_optional else checked


def _members(hint):
    """Returns the types that a hint allows."""
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _checked(hint, is_ours):
    """Returns the type by which pydantic checks one member of a hint, or `None` if TOML cannot hold its values."""
    origin, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin in _PLAIN:
        return {int: Count, float: NotNegative}.get(hint, hint) if is_ours else hint
    if origin in (Any, Literal, Annotated):
        return hint
    if origin is tuple and arguments:
        elements = tuple(element if element is ... else _element(element, is_ours) for element in arguments)
        return AsTuple[tuple[elements]]
    if origin in (tuple, list, Sequence):
        return AsTuple[tuple[_element(arguments[0], is_ours) if arguments else Any, ...]]
    if origin in (dict, Mapping):
        # The keys of a TOML table are strings.
        return dict[str, _element(arguments[1], is_ours) if arguments else Any]
    return None


def _element(hint, is_ours):
    known = [member for member in (_checked(member, is_ours) for member in _members(hint)) if member is not None]
    return Either[typing.Union[tuple(known)]] if known else Any  # noqa: UP007
