"""The data files of a page: scripts that pass values to the page's own functions.

A page that is opened from disk may not read files. It may load scripts.
"""

import json


def call(function, *values):
    """Returns a script that calls a function of the page with JSON values.

    It is ASCII, whatever the encoding that a browser assumes. Values that JSON has no number for become `null`.

    Args:
        function: Name of a function, such as `"hierseg.report"`.
        *values: JSON values.
    """
    arguments = ",".join(json.dumps(_finite(value), ensure_ascii=True, separators=(",", ":")) for value in values)
    return f"{function}({arguments});\n"


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    is_number = not isinstance(value, float) or abs(value) < float("inf")
    return value if is_number else None
