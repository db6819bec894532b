"""Changes of a configuration's values before they are checked."""

from hierseg_keras.training.config.problems import ConfigError, shown


def merged(values, changes):
    """Merges changes into values, table by table.

    A table that names another class replaces the whole table, because options of one class are meaningless for another.

    Args:
        values: Nested dict.
        changes: Nested dict of the same form. `None` or `False` disables a table.

    Returns:
        A new dict.
    """
    result = dict(values)
    for name, value in changes.items():
        before = result.get(name)
        if isinstance(value, dict) and isinstance(before, dict) and not _names_another(before, value):
            value = merged(before, value)
        result[name] = value
    return result


def with_changes(values, changes):
    """Merges changes into the values of a run's configuration, as `merged` does.

    A number of epochs removes that of steps, which would be in place of it, unless `changes` has both.

    Raises:
        ConfigError: If `changes` has options of a table, and `values` has a string in its place.
    """
    for name, table in changes.items():
        if isinstance(table, dict) and isinstance(values.get(name), str):
            raise _both(name, values[name], next(iter(table), ""))
    schedule = changes.get("schedule")
    if isinstance(schedule, dict) and "epochs" in schedule:
        changes = {**changes, "schedule": {"steps": False, **schedule}}
    return merged(values, changes)


def nested(dotted):
    """Converts dotted names to a nested dict: `{"network.width": 48}` becomes `{"network": {"width": 48}}`.

    Raises:
        ConfigError: If a name has a value, and so has a name in its table.
    """
    result = {}
    # A table comes before its keys, whatever their order.
    for name in sorted(dotted, key=lambda name: name.count(".")):
        parts, table = name.split("."), result
        for depth, part in enumerate(parts[:-1], start=1):
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise _both(".".join(parts[:depth]), table, ".".join(parts[depth:]))
        table[parts[-1]] = dotted[name]
    return result


def _both(name, value, key):
    advice = "Omit one of them"
    if isinstance(value, str) and "." not in name:
        advice += f", or write the name of a class as `{name}.name`"
    return ConfigError(
        [f"`{name}` expects either a value or a table. Received: {shown(value)} and `{name}.{key}`. {advice}."]
    )


def _names_another(before, value):
    return "name" in before and "name" in value and before["name"] != value["name"]


def dotted_values(values, prefix=""):
    """Yields a pair (dotted name, value) per value of a nested dict. It is the inverse of `nested`."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from dotted_values(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def differences(before, now):
    """Returns a dict from the dotted name of each value that differs to the pair of its values.

    Args:
        before, now: Nested dicts. A value that one of them lacks is `None`.
    """
    before, now = dict(dotted_values(before)), dict(dotted_values(now))
    pairs = {name: (before.get(name), now.get(name)) for name in (*before, *now)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
