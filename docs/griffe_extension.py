"""Reads the package for the API pages as its users see it, without importing it.

mkdocstrings calls it while the pages are built. It does two things:

- Names that a room imports only when they are used, through a table `_ROOM` from a name to its
  submodule, become members of the room.
- Docstrings follow Keras, whose style differs a little from Google's. Examples become code
  blocks, `Call arguments` a list of arguments, and `Returns`, which has no types, plain text.
"""

import ast
import re
import textwrap

import griffe

_CALL_ARGUMENTS = re.compile(r"^( *)Call arguments:$", re.MULTILINE)
_EXAMPLE_TITLE = re.compile(r"^Example:$", re.MULTILINE)
_RETURNS = re.compile(r"^Returns:\n((?: +.*\n?|\n(?= ))+)", re.MULTILINE)
# From the first prompt to the next empty line.
_EXAMPLE = re.compile(r"^( *)(>>> .*(?:\n(?! *$).*)*)", re.MULTILINE)


class Docs(griffe.Extension):
    """See the module."""

    def on_module_members(self, *, mod, **kwargs):
        table = mod.members.get("_ROOM")
        if table is None or table.is_alias:
            return
        for name, submodule in ast.literal_eval(str(table.value)).items():
            mod.set_member(name, griffe.Alias(name, f"{mod.path}.{submodule}.{name}"))

    def on_object(self, *, obj, **kwargs):
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(docstring):
    """A docstring whose sections and examples griffe and Markdown know.

    Args:
        docstring: String, its indent removed.
    """
    text = _CALL_ARGUMENTS.sub(r"\1Other Parameters: Call arguments:", docstring)
    text = _RETURNS.sub(lambda match: f"**Returns:**\n\n{textwrap.dedent(match[1])}\n", text)
    return _EXAMPLE.sub(_as_code, _EXAMPLE_TITLE.sub("**Example:**", text))


def _as_code(match):
    indent, example = match.groups()
    return f"{indent}```pycon\n{indent}{example}\n{indent}```"
