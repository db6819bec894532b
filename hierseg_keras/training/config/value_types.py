"""The types of a configuration's values: what TOML holds, never converted silently."""

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, Strict, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from hierseg_keras.training.config.problems import expected_by

X = TypeVar("X")


def _one_message(value, handler):
    """One problem for a value of several types, where pydantic has one for each of them."""
    try:
        return handler(value)
    except ValidationError as error:
        # Their locations begin with the type, and go on where it is an element of it that is wrong.
        expected = (f"a list of {expected_by(e)}" if len(e["loc"]) > 1 else expected_by(e) for e in error.errors())
        expected = " or ".join(dict.fromkeys(expected))
        raise PydanticCustomError("one_of", "{expected}", {"expected": expected}) from None


# A value of several types.
Either = Annotated[X, WrapValidator(_one_message)]
# A value that `false` switches off: TOML has no `null`.
Off = Annotated[X | None, BeforeValidator(lambda value: None if value is False else value)]
# TOML has arrays and no tuples.
AsTuple = Annotated[X, Strict(False)]

Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Size = AsTuple[tuple[Count, Count]]

_PLAIN = (str, int, float, bool)


def type_of_parameter(parameter, hint, nested, is_ours):
    """The type that a configuration checks an argument of a class by.

    Args:
        parameter: `inspect.Parameter`.
        hint: Its type hint, or `None` where it has none: the type is then that of its default.
        nested: Function from a class among a hint's members to the type of its options, or `None` for a class
            that a configuration cannot describe.
        is_ours: Whether the class is the library's, whose integers count something and whose numbers are not
            negative.

    Returns:
        A type for pydantic; `None` where no value of TOML is one of the argument's.
    """
    default = None if parameter.default is parameter.empty else parameter.default
    if hint is None:
        hint = Any if default is None else (int | float if type(default) is int else type(default))
    members = typing.get_args(hint) if isinstance(hint, types.UnionType) or _is_union(hint) else (hint,)
    options = [option for option in map(nested, members) if option is not None]
    if options:
        return options[0]
    known = [member for member in (_checked(member, is_ours) for member in members) if member is not None]
    if not known:
        return None
    checked = known[0] if len(known) == 1 else Either[typing.Union[tuple(known)]]  # noqa: UP007
    is_off = default is None or type(None) in members
    return Off[checked] if is_off and bool not in members else checked


def _is_union(hint):
    return typing.get_origin(hint) is typing.Union


def _checked(hint, is_ours):
    """A member of a hint as pydantic is to check it; `None` for what TOML has no value of."""
    origin, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin in _PLAIN:
        return {int: Count, float: NotNegative}.get(hint, hint) if is_ours else hint
    if origin in (Any, Literal):
        return hint
    if origin is Annotated:
        return hint
    if origin is tuple and arguments:
        elements = tuple(element if element is ... else _element(element, is_ours) for element in arguments)
        return AsTuple[tuple[elements]]
    if origin in (tuple, list, Sequence):
        return AsTuple[tuple[_element(arguments[0], is_ours) if arguments else Any, ...]]
    if origin in (dict, Mapping):
        # Its keys are strings.
        return dict[str, _element(arguments[1], is_ours) if arguments else Any]
    return None


def _element(hint, is_ours):
    members = typing.get_args(hint) if isinstance(hint, types.UnionType) or _is_union(hint) else (hint,)
    known = [member for member in (_checked(member, is_ours) for member in members) if member is not None]
    return Either[typing.Union[tuple(known)]] if known else Any  # noqa: UP007
