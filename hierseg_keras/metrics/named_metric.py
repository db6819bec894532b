"""Metrics of several values, whose names must differ from those of every other metric of a `compile`."""

import threading

import keras
from keras import ops

from hierseg_keras.tree.renamed_arguments import with_new_names

# The metrics that a `compile` has named since the last update, by thread. Keras (3.15) takes the values of a dict
# into its logs under their own names: without the metric's name, and without that of the output, which it puts
# before the name of a metric of one value. It names all metrics of a `compile` one after the other, and then updates
# them: so metrics that are named without an update between them belong together.
_named = threading.local()


class NamedMetric(keras.metrics.Metric):
    """Base class of the metrics of one or several values.

    A subclass gives `values()`, a dict of scalar tensors. In `result()` a value's name follows the
    metric's name and an underscore, and the value named `""` is the result alone. All are NaN if
    `is_invalid()`.

    Args:
        name, dtype: As in `keras.metrics.Metric`; an empty name puts no prefix before the values' names.

    Raises:
        ValueError: At the first update, if another metric of the same `compile` has values of the same names.
    """

    def __init__(self, name: str | None = None, dtype: str | None = None):
        super().__init__(name=name, dtype=dtype)
        # Keras makes a name of its own of an empty one.
        self._name = self._name if name is None else name
        # What was named before belongs to a `compile` that has failed: this metric is in none yet.
        _named.metrics = []

    @property
    def name(self):
        return self._name

    @name.setter
    def name(self, name):
        is_made = hasattr(self, "_tracker")
        self._name = name
        if is_made:
            _named.metrics = [*getattr(_named, "metrics", []), self]

    def values(self):
        """Dict of scalar tensors."""
        raise NotImplementedError

    def is_invalid(self):
        """Whether something was counted that no value can stand for: a bool tensor, or `False`."""
        return False

    def result(self):
        is_invalid = self.is_invalid()
        values = {key: ops.where(is_invalid, float("nan"), value) for key, value in self.values().items()}
        if list(values) == [""]:
            return values[""]
        return {f"{self.name}_{key}" if self.name else key: value for key, value in values.items()}

    def check_names(self):
        """Refuses the metrics that a `compile` has named together, if values of theirs have one name."""
        metrics, _named.metrics = getattr(_named, "metrics", []), []
        if len({id(metric) for metric in metrics}) < 2:
            return
        owners = {}
        for metric in metrics:
            result = metric.result()
            is_single = not isinstance(result, dict)
            for name in (metric.name,) if is_single else result:
                other, is_other_single = owners.setdefault(name, (metric, is_single))
                # Keras tells metrics of one value apart by itself.
                if other is not metric and not (is_single and is_other_single):
                    raise ValueError(
                        f"`compile` expects metrics whose values have different names. Received: {name!r} of "
                        f"{type(other).__name__}(name={other.name!r}) and of {type(metric).__name__}"
                        f"(name={metric.name!r}). Pass another `name` to one of them."
                    )

    @classmethod
    def from_config(cls, config):
        return cls(**with_new_names(config))
