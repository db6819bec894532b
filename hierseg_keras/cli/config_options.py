"""A run's configuration as options of the command line: `--data.batch_size 4` is `batch_size` in the table `data`."""

import argparse
import datetime
import inspect
import tomllib

from hierseg_command.option_values import name as file_name
from hierseg_command.options import FOLDERS
from hierseg_keras.training import RunConfig, recipes
from hierseg_keras.training.config.changes import nested, with_changes
from hierseg_keras.training.config.checks import FOLDERS as FOLDERS_DATA_SET
from hierseg_keras.training.config.components import KINDS, LOSS, METHOD_LOSSES, options_model
from hierseg_keras.training.config.files import read_values
from hierseg_keras.training.config.options import Record
from hierseg_keras.training.config.problems import ConfigError
from hierseg_keras.training.config.value_types import NotEmpty, Path

# Values are parsed as TOML. No value of a configuration has one of these TOML types.
_NO_VALUES = (datetime.date, datetime.time)
# The types of keys whose values are strings.
_TEXTS = (str, NotEmpty | None, Path | None)
_OF_CLASSES = {kind.what: kind for kind in KINDS}


def add_config_options(parser, names=tuple(RunConfig.model_fields)):
    """Adds one option per fixed key of a configuration, and makes the parser accept the options of classes.

    Args:
        parser: `argparse.ArgumentParser`. Its result gets the attribute `changes`, a dict from dotted names to values.
        names: Names of tables, or of keys outside of tables.
    """
    parser.set_defaults(changes={})
    for name in names:
        field, kind = RunConfig.model_fields[name], _OF_CLASSES.get(name)
        if kind is not None:
            _add_class(parser, name, kind)
        elif inspect.isclass(field.annotation) and issubclass(field.annotation, Record):
            for key, own in field.annotation.model_fields.items():
                _add(parser, f"{name}.{key}", own.description, own.default, own.annotation)
        elif name != "format_version":
            _add(parser, name, field.description, field.default, field.annotation)
    _take_all_options(parser)


def add_sources(parser):
    """Adds `--config` and `--recipe`, which name the configuration that the other options change."""
    sources = parser.add_mutually_exclusive_group()
    sources.add_argument("--config", type=file_name, help="configuration file in TOML, such as a run's config.toml")
    sources.add_argument("--recipe", type=file_name, help="name of a recipe; `hierseg recipes` lists all recipes")


def add_folder_options(parser):
    """Adds short options for the folders of images and masks: `--images` is `--data.images`."""
    group = parser.add_argument_group("your own folders of images and masks")
    for key, text in FOLDERS.items():
        option = f"--{key.replace('_', '-')}"
        type_ = value_of if key == "val_share" else file_name
        group.add_argument(
            option, dest=f"data.{key}", action=ConfigChange, type=type_, default=argparse.SUPPRESS, help=text
        )
    text = "shipped tree or tree file (default: the data set's own tree; required for folders)"
    group.add_argument(
        "--tree", dest="data.tree", action=ConfigChange, type=file_name, default=argparse.SUPPRESS, help=text
    )


def config_of(options):
    """Makes the `RunConfig` that the options describe.

    Raises:
        ConfigError: If a value is invalid, or the file cannot be read.
    """
    values = {}
    if getattr(options, "recipe", None):
        values = recipes.values_of(options.recipe)
    elif getattr(options, "config", None):
        try:
            values = read_values(options.config)
        except OSError as error:
            raise ConfigError([f"--config expects a readable configuration file. Received: {error}."]) from None
    return changed(values, options)


def changed(values, options):
    """Makes the `RunConfig` of a nested dict of values, changed by the options.

    A folder of images is trained on, even if the values name data sets without it, unless the options name data sets.
    """
    changes = options.changes
    if changes.get("data.images") and FOLDERS_DATA_SET not in _data_sets(values):
        changes = {"data.dataset": FOLDERS_DATA_SET, **changes}
    return RunConfig(**with_changes(values, nested(changes)))


def _data_sets(values):
    table = values.get("data")
    names = table.get("dataset") if isinstance(table, dict) else None
    return names if isinstance(names, list) else [names]


def value_of(text):
    """Parses the value of an option: as TOML if it is valid TOML, else as a list if it has commas, else as a string.

    A list may end in a comma, so that `stage2,` is a list of one.
    """
    try:
        table = tomllib.loads(f"value = {text}")
        if table.keys() == {"value"} and not isinstance(table["value"], _NO_VALUES):
            return table["value"]
    except (ValueError, RecursionError):
        pass
    if "," in text and text[0] not in "[{\"'":
        return [value_of(part.strip()) for part in text.removesuffix(",").split(",")]
    return text


def text_of(text):
    """Parses the value of an option that takes a string: false switches it off, and quotes around it are removed."""
    value = value_of(text)
    return value if value is False or isinstance(value, str) else text


class ConfigChange(argparse.Action):
    """Adds the option's value to `changes`."""

    def __call__(self, parser, namespace, values, option_string=None):
        namespace.changes = {**namespace.changes, self.dest: values}


def _add_class(parser, name, kind):
    if kind.default is None:
        _add(parser, name, f"false removes the {name} that the recipe or the configuration file contains", None)
    classes = f"{', '.join(kind.classes())}, or module:Class for your own class"
    _add(parser, f"{name}.name", f"class of the {name}: {classes}", _default_text(kind))
    for key, (_, field) in kind.fields.items():
        _add(parser, f"{name}.{key}", field.description, field.default)
    if kind.is_ours:
        parser.add_argument_group(f"further options of the {name}, --{name}.OPTION VALUE", _classes_text(kind))


def _add(parser, name, description, default, annotation=None):
    text = " ".join(description.split()).rstrip(".")
    # An acronym keeps its capital letters.
    text = text[:1].lower() + text[1:] if text[1:2].islower() else text
    if "Defaults to" not in text:
        text = f"{text} (default: {'off' if default is False else _shown(default)})"
    flag = {"nargs": "?", "const": True} if annotation is bool else {}
    parser.add_argument(
        f"--{name}",
        action=ConfigChange,
        type=text_of if annotation in _TEXTS else value_of,
        default=argparse.SUPPRESS,
        metavar="VALUE",
        help=text.replace("%", "%%"),
        **flag,
    )


def _default_text(kind):
    """Returns the name of the class that is used if none is named, and its options."""
    if kind.default is None:
        return None
    text = kind.default["name"]
    if len(kind.default) > 1:
        text += " with " + " ".join(f"{key}={value}" for key, value in kind.default.items() if key != "name")
    others = [f"{loss} with {method}" for method, loss in METHOD_LOSSES.items()] if kind is LOSS else []
    return ", ".join([text, *others])


def _classes_text(kind):
    """Returns the help text that lists the classes for a part of a run, with their options and defaults."""
    return " | ".join(f"{name}: {_options_text(kind, cls)}" for name, cls in kind.classes().items()).replace("%", "%%")


def _options_text(kind, cls):
    fields = options_model(kind, cls, True).model_fields
    return " ".join(f"{k}={_shown(field.default)}" for k, field in fields.items() if k not in ("name", *kind.fields))


def _shown(default):
    if isinstance(default, tuple):
        return ",".join(map(str, default)) or "none"
    return "off" if default is None else str(default)


def _take_all_options(parser):
    """Makes a parser accept every unknown option. The configuration checks the names later."""
    parser.refuses_unknown = False
    parse_known = parser.parse_known_args

    def parse_known_args(args=None, namespace=None):
        options, rest = parse_known(args, namespace)
        changes, others = _changes(rest)
        options.changes = {**options.changes, **changes}
        return options, others

    parser.parse_known_args = parse_known_args


def _changes(arguments):
    """Splits arguments into a dict from the names of options to their values, and a list of the other arguments."""
    changes, others, arguments = {}, [], list(arguments)
    while arguments:
        option, given, text = arguments.pop(0).partition("=")
        name = option.removeprefix("--")
        if name == option or not name:
            others.append(option + given + text)
            continue
        if not given:
            has_value = arguments and not arguments[0].startswith("--")
            text = arguments.pop(0) if has_value else "true"
        changes[name] = value_of(text)
    return changes, others
