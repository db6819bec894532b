"""Shows the package on the API pages as its users see it, without importing it.

mkdocstrings calls it while the pages are built. It does three things:

- A room may import names on first use, through a table `_ROOM` from a name to its submodule. They
  become members of the room.
- A function has the name of its file. `data.load` is then the function, as in Python, and not the
  submodule `load`.
- Docstrings follow Keras, whose style differs a little from Google's. Examples become code blocks,
  `Call arguments` a list of arguments, and `Attributes` and `Returns`, which have no types, plain
  text.
"""

import ast
import contextlib
import re
import textwrap

import griffe

_CALL_ARGUMENTS = re.compile(r"^( *)Call arguments:$", re.MULTILINE)
_ATTRIBUTES = re.compile(r"^Attributes:\n((?: +.*\n?|\n(?= ))+)", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^(\w[\w, ]*): ", re.MULTILINE)
_EXAMPLE_TITLE = re.compile(r"^Example:$", re.MULTILINE)
_RETURNS = re.compile(r"^Returns:\n((?: +.*\n?|\n(?= ))+)", re.MULTILINE)
# From the first prompt to the next empty line.
_EXAMPLE = re.compile(r"^( *)(>>> .*(?:\n(?! *$).*)*)", re.MULTILINE)


class Docs(griffe.Extension):
    """The extension that `mkdocs.yml` names."""

    def on_module_members(self, *, mod, **kwargs):
        table = mod.members.get("_ROOM")
        if table is None or table.is_alias:
            return
        for name, submodule in ast.literal_eval(str(table.value)).items():
            mod.set_member(name, griffe.Alias(name, f"{mod.path}.{submodule}.{name}"))

    def on_package(self, *, pkg, **kwargs):
        rewrite_docstrings(pkg)
        for room in pkg.modules.values():
            # Other names of the submodule are resolved first, as its path then leads to the function.
            for name, member in list(room.members.items()):
                if member.is_alias and member.target_path.startswith(f"{pkg.path}."):
                    # A name of another package, which is not loaded, stays as it is.
                    with contextlib.suppress(griffe.AliasResolutionError):
                        room.members[name] = griffe.Alias(name, member.final_target, parent=room)
            for name, target in room.imports.items():
                submodule = room.modules.get(name)
                if target == f"{room.path}.{name}.{name}" and submodule is not None:
                    room.members[name] = griffe.Alias(name, submodule.members[name], parent=room)


def rewrite_docstrings(obj):
    """Rewrites the docstrings of an object and of everything defined in it."""
    if obj.docstring is not None:
        obj.docstring.value = as_markdown(obj.docstring.value)
    for member in obj.members.values():
        if not member.is_alias:
            rewrite_docstrings(member)


def as_markdown(docstring):
    """Rewrites the sections and examples of a docstring for griffe and Markdown.

    Args:
        docstring: String, with its indent removed.

    Returns:
        String.
    """
    text = _CALL_ARGUMENTS.sub(r"\1Other Parameters: Call arguments:", docstring)
    text = _ATTRIBUTES.sub(_as_list, text)
    text = _RETURNS.sub(lambda match: f"**Returns:**\n\n{textwrap.dedent(match[1])}\n", text)
    return _EXAMPLE.sub(_as_code, _EXAMPLE_TITLE.sub("**Example:**", text))


def _as_list(match):
    """Writes attributes as plain text. griffe would show an attribute with the type of another one."""
    return "**Attributes:**\n\n" + _ATTRIBUTE.sub(r"- **`\1`** – ", textwrap.dedent(match[1]))


def _as_code(match):
    indent, example = match.groups()
    return f"{indent}```pycon\n{indent}{example}\n{indent}```"
