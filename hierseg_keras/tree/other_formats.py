"""Signs that a text, or one class's name in it, was written in another format than a class tree's.

Without these checks a list in YAML would make classes named `- cat`. What is refused in a text as a
sign in a class's name is refused in names from everywhere, so that `ClassTree.to_text` never writes
what `ClassTree.from_text` cannot read. The signs of a whole text occur only where no leaf has an
index, and `to_text` gives every leaf one.
"""

import json
import pathlib
import re

REMEDY = "Write one class per line, children indented by a tab under their parent, or nested JSON in a .json file"
JSON_SUFFIX = ".json"

_FORMAT_OF_SUFFIX = {
    ".yaml": "YAML",
    ".yml": "YAML",
    ".toml": "TOML",
    ".ini": "INI",
    ".cfg": "INI",
    ".csv": "CSV",
    ".tsv": "TSV",
    ".xml": "XML",
    ".html": "HTML",
    ".htm": "HTML",
    ".md": "Markdown",
    ".jsonl": "JSON Lines",
    ".json5": "JSON5",
    ".jsonc": "JSON with comments",
    ".pbtxt": "Protocol Buffers text",
    ".py": "Python",
    ".ipynb": "Jupyter",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".npy": "NumPy",
    ".npz": "NumPy",
    ".mat": "MATLAB",
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".keras": "Keras",
    ".parquet": "Parquet",
    ".xls": "Excel",
    ".xlsx": "Excel",
    ".ods": "OpenDocument",
    ".docx": "Word",
    ".pdf": "PDF",
    ".zip": "ZIP",
    ".gz": "gzip",
    ".tar": "tar",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
_SUFFIXES = "|".join(re.escape(suffix) for suffix in (".txt", JSON_SUFFIX, *_FORMAT_OF_SUFFIX))
_FILE_NAME = re.compile(rf"\S.*({_SUFFIXES})", re.IGNORECASE)

# What a class's name must not be, the format that it is a sign of, and the rule.
_SIGNS = (
    (re.compile(r"[-*]\s.*|---+"), "YAML or Markdown", "begin as an item of a list"),
    (re.compile(r".*:"), "YAML", "end in ':'"),
    (re.compile(r".*:\s+([+-]?\d+|~|null|\[.*|\{.*|\".*\"|'.*')"), "YAML", "hold a key and its value"),
    (re.compile(r".*=\s*(\[.*|\{.*|\".*\"|'.*')"), "TOML", "hold a key and its value"),
    (re.compile(r"([\"']).*\1"), "JSON, TOML or CSV", "stand in quotation marks"),
    (re.compile(r".*[,;]"), "JSON or CSV", "end in ',' or ';'"),
    (re.compile(r"\[.*\]"), "TOML or INI", "stand in brackets"),
)
_NUMBERED = re.compile(r"(\d{1,9})[\s:.)]\s*\S.*")


def format_of_file(path):
    """The format that a file's suffix names, where `ClassTree.from_file` does not read it; else `None`."""
    return _FORMAT_OF_SUFFIX.get(pathlib.Path(path).suffix.lower())


def sign_in_name(name):
    """Pair of the format and the broken rule that a class's name is a sign of; `None` for other names."""
    return next(((form, rule) for pattern, form, rule in _SIGNS if pattern.fullmatch(name)), None)


def format_of_text(lines):
    """The format of a text in which no leaf has an index, where it is not a tree's; else `None`.

    Args:
        lines: The lines of the text, stripped, without comments and empty ones.
    """
    ends = lines[0][0] + lines[-1][-1]
    if ends in ("{}", "[]") and _is_like_json("\n".join(lines)):
        return "JSON"
    if ends == "<>":
        return "XML"
    if len(lines) == 1 and _FILE_NAME.fullmatch(lines[0]):
        return "a file's name, which `ClassTree.from_file` takes"
    if all(re.search(r":\s", line) for line in lines):
        return "YAML"
    for delimiter, form in (("\t", "TSV"), (",", "CSV"), (";", "CSV")):
        counts = {len(re.findall(rf"{delimiter}(?!\s)", line)) for line in lines}
        if len(counts) == 1 and counts != {0}:
            return form
    numbers = [int(match[1]) for line in lines if (match := _NUMBERED.fullmatch(line))]
    if len(numbers) == len(lines) > 1 and numbers == list(range(numbers[0], numbers[0] + len(lines))):
        return "a numbered list, where a class tree has `name = n`"
    return None


def _is_like_json(text):
    try:
        json.loads(text)
    except RecursionError:
        return True
    except ValueError:
        return any(mark in text for mark in "\"':,")
    return True
