"""What is wrong with a configuration, one line per problem."""

import difflib
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

# Longer values are cut: a message is a line.
MAX_SHOWN = 100
# By pydantic's names of errors.
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
    "string_type": "a string",
    "too_long": "{max_length} values",
    "too_short": "{min_length} values",
    "tuple_type": "a list",
}


class ConfigError(ValueError):
    """A configuration that cannot be run; the message has one line per problem.

    Args:
        problems: List of strings, one line each.
    """

    def __init__(self, problems: Sequence[str]):
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def expected_by(error):
    """What pydantic expected in place of a value, such as "an integer"."""
    pattern = _EXPECTED.get(error["type"])
    if pattern is None:
        return error["msg"].removeprefix("Input should be ")
    return pattern.format(**error.get("ctx", {})).replace("'", '"')


def line_of(error):
    """The one line for an error of pydantic's."""
    where = dotted(error["loc"])
    if error["type"] == "missing" and isinstance(error["loc"][-1], int):
        return f"`{dotted(error['loc'][:-1])}` expects more values. Received: {shown(error['input'])}."
    if error["type"] == "refused":
        return f"`{where}` {error['msg']}"
    if error["type"] == "missing":
        return f"`{where}` expects a value, as it has no default. Received: none."
    return f"`{where}` expects {expected_by(error)}. Received: {shown(error['input'])}."


def dotted(location):
    """`("network", "blocks", 2)` as `network.blocks[2]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def shown(value):
    """A value in one line of limited length."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def nearest(name, known):
    """` Did you mean ...?`, or nothing; case, underscores and tables do not count."""
    plain = {_plain(other.rsplit(".", 1)[-1]): other for other in reversed(list(known))}
    close = difflib.get_close_matches(_plain(str(name)), plain, n=1)
    return f" Did you mean `{plain[close[0]]}`?" if close else ""


def _plain(name):
    return name.lower().replace("_", "").replace("-", "")


def refusal(location, message, value=None):
    """The error of one value that is refused; `message` begins with "expects"."""
    return ValidationError.from_exception_data("configuration", [_detail(location, message, value)])


def naming_options(error, known, meant, owner):
    """The same errors; one of an unknown option says which there are.

    Args:
        error: `ValidationError` of a model.
        known: Names of the model's fields.
        meant: Names that may be meant by one that is unknown.
        owner: What has these options, for the message.
    """
    details = []
    for each in error.errors(include_url=False):
        kind, location = each["type"], each["loc"]
        if kind == "extra_forbidden" and len(location) == 1:
            message = f"is no option of {owner}, which has {', '.join(known)}.{nearest(location[0], meant)}"
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
