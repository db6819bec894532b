"""Describes the problems of a configuration, one line per problem."""

import contextlib
import difflib
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

# Longer values are truncated, so that a message fits in one line.
MAX_SHOWN = 100
# Maps pydantic's error types to what was expected.
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "int_type": "an integer",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "literal_error": "{expected}",
    "missing": "a value",
    "model_type": "a table",
    "one_of": "{expected}",
    "string_too_short": "a string that is not empty, or false",
    "string_type": "a string",
    "too_long": "{max_length} values",
    "too_short": "{min_length} values",
    "tuple_type": "a list",
}


class ConfigError(ValueError):
    """Raised for an invalid configuration. The message has one line per problem.

    Args:
        problems: List of strings, one line each.
    """

    def __init__(self, problems: Sequence[str]):
        super().__init__("\n".join(problems))
        self.problems = list(problems)


@contextlib.contextmanager
def refused_options(part, name):
    """Converts an error that a class raises for its options to a `ConfigError`.

    Args:
        part: Name of the table that names the class, such as `"network"`.
        name: Name of the class.
    """
    try:
        yield
    except ConfigError:
        raise
    except (ValueError, TypeError) as error:
        raise ConfigError([f"`{part}` expects other options for {name}. {error}"]) from error


def expected_by(error):
    """Returns what a pydantic error says was expected, such as "an integer"."""
    pattern = _EXPECTED.get(error["type"])
    if pattern is None:
        return error["msg"].removeprefix("Input should be ")
    return pattern.format(**error.get("ctx", {})).replace("'", '"')


def line_of(error):
    """Returns the message for a pydantic error, in one line."""
    where = dotted(error["loc"])
    if error["type"] == "missing" and isinstance(error["loc"][-1], int):
        return f"`{dotted(error['loc'][:-1])}` expects more values. Received: {shown(error['input'])}."
    if error["type"] == "refused":
        return f"`{where}` {error['msg']}"
    if error["type"] == "missing":
        return f"`{where}` expects a value because it has no default. Received: none."
    return f"`{where}` expects {expected_by(error)}. Received: {shown(error['input'])}."


def dotted(location):
    """Converts a location to text, such as `("network", "blocks", 2)` to `network.blocks[2]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def shown(value):
    """Returns a value as text of limited length in one line."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def nearest(name, known):
    """Returns ` Did you mean ...?`, or `""` if no name is similar. Case, underscores and tables are not compared."""
    plain = {_plain(other.rsplit(".", 1)[-1]): other for other in reversed(list(known))}
    close = difflib.get_close_matches(_plain(str(name)), plain, n=1)
    return f" Did you mean `{plain[close[0]]}`?" if close else ""


def _plain(name):
    return name.lower().replace("_", "").replace("-", "")


def refusal(location, message, value=None):
    """Returns the error for a single invalid value. `message` begins with "expects"."""
    return ValidationError.from_exception_data("configuration", [_detail(location, message, value)])


def naming_options(error, known, meant, owner):
    """Adds the list of known options to errors about unknown options.

    Args:
        error: `ValidationError` of a model.
        known: Names of the model's fields.
        meant: Names to suggest for an unknown name.
        owner: Whose options these are, for the message.

    Returns:
        `ValidationError` with the same errors; only the messages about unknown options differ.
    """
    details = []
    for each in error.errors(include_url=False):
        kind, location = each["type"], each["loc"]
        if kind == "extra_forbidden" and len(location) == 1:
            message = (
                f"is not an option of {owner}, which has {', '.join(known) or 'none'}.{nearest(location[0], meant)}"
            )
            details.append(_detail(location, message, each["input"]))
        elif kind in ("refused", "one_of"):
            custom = PydanticCustomError(kind, "{expected}", {"expected": each["ctx"]["expected"]})
            details.append(InitErrorDetails(type=custom, loc=location, input=each["input"]))
        elif kind == "value_error":
            details.append(_detail(location, str(each["ctx"]["error"]), each["input"]))
        else:
            details.append(InitErrorDetails(type=kind, loc=location, input=each["input"], ctx=each.get("ctx", {})))
    return ValidationError.from_exception_data(error.title, details)


def _detail(location, message, value):
    custom = PydanticCustomError("refused", "{expected}", {"expected": message})
    return InitErrorDetails(type=custom, loc=tuple(location), input=value)
