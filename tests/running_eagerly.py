"""Training without the graphs of its steps."""

import contextlib

import pytest


@contextlib.contextmanager
def running_eagerly():
    """Steps are run as they are written: the few of a test take less time than to build their graph."""
    import keras

    as_it_was, eagerly = keras.Model.compile, {"run_eagerly": True, "jit_compile": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "compile", lambda self, *a, **options: as_it_was(self, *a, **options | eagerly))
        yield
