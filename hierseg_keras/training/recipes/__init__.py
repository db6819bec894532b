"""Recipes that reproduce the papers' training runs: one TOML file per row of their tables.

The tables `published` in a file contain the published results, and how they were measured. The comments state the
paper, the row, the protocol, the commands, and the training time. They also state which values the paper omits, and how
these were chosen.
"""

import importlib.resources
import tomllib

from hierseg_keras.messages.nearest_name import did_you_mean

_FILES = importlib.resources.files("hierseg_keras.training.recipes")
_ENDING = ".toml"


def available():
    """Returns the sorted list of the recipes' names."""
    return sorted(entry.name.removesuffix(_ENDING) for entry in _FILES.iterdir() if entry.name.endswith(_ENDING))


def text_of(name):
    """Returns the text of a recipe's file, including comments.

    Raises:
        ValueError: If there is no recipe of that name.
    """
    if name not in available():
        raise ValueError(
            f"`recipe` expects one of {', '.join(available())}. Received: recipe={name!r}."
            f"{did_you_mean(name, available(), cutoff=0.4)}"
        )
    return (_FILES / f"{name}{_ENDING}").read_text("utf-8")


def values_of(name):
    """Returns the values of a recipe as a nested dict, as `RunConfig` accepts it."""
    return tomllib.loads(text_of(name))


def published(name):
    """Returns the published results of a recipe's rows in percent, in one line.

    Of a recipe whose result cannot be measured, this is what its comment says.
    """
    if entries := values_of(name).get("published", []):
        return "; ".join(map(_line, entries))
    heading = "# Published: "
    [line] = (line for line in text_of(name).splitlines() if line.startswith(heading))
    return line.removeprefix(heading)


def _line(entry):
    return f"{entry['row']}: {', '.join(f'{metric} {value:.2f}' for metric, value in entry['metrics'].items())}"
