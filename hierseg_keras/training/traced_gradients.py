"""The memory of graphs that are no longer used."""

import contextlib
import gc


@contextlib.contextmanager
def traced_gradients_freed():
    """Frees what TensorFlow keeps of the steps that are traced inside the block.

    TensorFlow (2.21) registers the gradient of every traced `tf.custom_gradient` under a new name, and
    never removes it: the gradient holds tensors, and these hold the graph of the whole step. Our losses
    use custom gradients, and so does the exchange of gradients among replicas, also where there is one:
    every call of `fit` in a process kept 40 MB of a tiny network.

    The entries are only read while a graph is being differentiated. A network that was trained inside of
    the block can be trained further outside: where a new step is traced, it registers its own.
    """
    before = set(_entries())
    try:
        yield
    finally:
        entries = _entries()
        for name in set(entries) - before:
            if name.startswith("CustomGradient-"):
                del entries[name]
        # Graphs, and the networks of earlier calls, refer to themselves.
        gc.collect()


def _entries():
    """TensorFlow's registry of gradients by name; it has no public function that removes an entry."""
    from tensorflow.python.framework import ops

    return getattr(ops.gradient_registry, "_registry", {})
