"""Keeps AutoGraph from rewriting functions that users call in their own graphs."""

import functools
import sys


def not_converted(function):
    """Decorates a function of tensor operations that contains no Python control flow over tensors.

    AutoGraph, which rewrites what `tf.function` and `Dataset.map` call, cannot read all of Python, and warns of what it
    cannot read. It also makes tracing slower.
    """

    @functools.wraps(function)
    def call(*args, **kwargs):
        # Without TensorFlow there is no AutoGraph.
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is None:
            return function(*args, **kwargs)
        return tensorflow.autograph.experimental.do_not_convert(function)(*args, **kwargs)

    return call
