"""The base class of metrics with several values, which checks that the values of one `compile` have unique names."""

import threading

import keras
from keras import ops

from hierseg_keras.arguments.renamed_arguments import with_new_names

# The metrics that `compile` has named since the last update, per thread. If a metric returns a dict, Keras (3.15) logs
# its values under the keys of the dict, without the name of the metric or of the output, so that keys of two metrics
# may collide. Keras names all metrics of a `compile` before it updates any of them. Metrics that are named without an
# update in between therefore belong to the same `compile`.
_named = threading.local()


class NamedMetric(keras.metrics.Metric):
    """Base class of the metrics with one or several values.

    A subclass implements `values()`, a dict of scalar tensors. `result()` prefixes each key with the
    metric's name and an underscore. If the only key is `""`, `result()` is the scalar itself. All values
    are NaN if `is_invalid()`.

    Args:
        name, dtype: As in `keras.metrics.Metric`. With an empty name, keys have no prefix.

    Raises:
        ValueError: If `dtype` has half precision. At the first update, if another metric of the same `compile` has
            values of the same names.
    """

    def __init__(self, name: str | None = None, dtype: str | None = None):
        super().__init__(name=name, dtype=dtype)
        if self.dtype not in ("float32", "float64"):
            raise ValueError(
                f"`{type(self).__name__}` expects dtype float32 or float64, in which different scores do not tie. "
                f"Received: dtype={self.dtype}. Pass dtype='float32'; the model may have any precision."
            )
        # Keras would replace an empty name by a generated name.
        self._name = self._name if name is None else name
        # This metric is new and belongs to no `compile` yet, so that metrics named before belong to a failed `compile`.
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
        """Returns a dict of scalar tensors."""
        raise NotImplementedError

    def is_invalid(self):
        """Returns whether invalid pixels make all values NaN: a bool tensor, or `False`."""
        return False

    def result(self):
        is_invalid = self.is_invalid()
        values = {key: ops.where(is_invalid, float("nan"), value) for key, value in self.values().items()}
        if list(values) == [""]:
            return values[""]
        return {f"{self.name}_{key}" if self.name else key: value for key, value in values.items()}

    def check_names(self):
        """Raises an error if two metrics of the same `compile` have values with the same name."""
        metrics, _named.metrics = getattr(_named, "metrics", []), []
        if len({id(metric) for metric in metrics}) > 1:
            check_value_names(metrics)

    @classmethod
    def from_config(cls, config):
        return cls(**with_new_names(config))


def check_value_names(metrics):
    """Raises an error if two `NamedMetric`s have values with the same name."""
    owners = {}
    for metric in metrics:
        result = metric.result()
        is_single = not isinstance(result, dict)
        for name in (metric.name,) if is_single else result:
            other, is_other_single = owners.setdefault(name, (metric, is_single))
            # Keras itself makes the names of metrics with one value unique.
            if other is not metric and not (is_single and is_other_single):
                raise ValueError(
                    f"`compile` expects metrics whose values have different names. Received: {name!r} of "
                    f"{type(other).__name__}(name={other.name!r}) and of {type(metric).__name__}"
                    f"(name={metric.name!r}). Pass another `name` to one of them."
                )
