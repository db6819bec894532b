"""Recognizes text, or a class name, that was written in another format than a class tree's.

Without these checks a YAML list would create classes named `- cat`. The rules for class names apply
to names from every source, so that `ClassTree.from_text` can read everything that
`ClassTree.to_text` writes. The rules for a whole text apply only if no leaf has an index, and
`to_text` gives every leaf an index.
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

# A pattern that a class name must not match, the format that it indicates, and the broken rule, as errors say it.
_SIGNS = (
    (re.compile(r"[-*]\s.*|---+"), "YAML or Markdown", "begin as an item of a list"),
    (re.compile(r".*:"), "YAML", "end in ':'"),
    (re.compile(r".*:\s+([+-]?\d+|~|null|\[.*|\{.*|\".*\"|'.*')"), "YAML", "hold a key and its value"),
    (re.compile(r".*=\s*(\[.*|\{.*|\".*\"|'.*')"), "TOML", "hold a key and its value"),
    (re.compile(r"([\"']).*\1"), "JSON, TOML or CSV", "be in quotation marks"),
    (re.compile(r".*[,;]"), "JSON or CSV", "end in ',' or ';'"),
    (re.compile(r"\[.*\]"), "TOML or INI", "be in brackets"),
)
_NUMBERED = re.compile(r"(\d{1,9})[\s:.)]\s*\S.*")


def format_of_file(path):
    """Returns the format that a file's suffix stands for, or `None` if `ClassTree.from_file` reads the file."""
    return _FORMAT_OF_SUFFIX.get(pathlib.Path(path).suffix.lower())


def sign_in_name(name):
    """Returns the format that a class name indicates and the rule that it breaks, or `None` for a valid name."""
    return next(((form, rule) for pattern, form, rule in _SIGNS if pattern.fullmatch(name)), None)


def format_of_text(lines):
    """Returns the format of a text in which no leaf has an index, or `None` if it may be a class tree.

    Args:
        lines: List of the stripped lines of the text, without comments and empty lines.
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
