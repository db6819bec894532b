"""Frees the memory of TensorFlow graphs that are no longer used."""

import contextlib
import gc


@contextlib.contextmanager
def traced_gradients_freed():
    """Frees the memory that TensorFlow would keep for training steps traced inside the block.

    TensorFlow (2.21) registers the gradient of every traced `tf.custom_gradient` under a new name and never
    removes it. The gradient refers to tensors, and these refer to the graph of the whole step. The losses of this
    library use custom gradients, and so does the exchange of gradients between replicas, even with one replica.
    Without this function, every call of `fit` kept 40 MB for a tiny network.

    TensorFlow reads these entries only while it differentiates a graph. A network that was trained inside the
    block can be trained again outside of it, because a newly traced step registers its own gradients.
    """
    before = set(_entries())
    try:
        yield
    finally:
        entries = _entries()
        for name in set(entries) - before:
            if name.startswith("CustomGradient-"):
                del entries[name]
        # Graphs and networks contain reference cycles, which only the garbage collector frees.
        gc.collect()


def _entries():
    """Returns TensorFlow's private registry of gradients. TensorFlow has no public function to remove an entry."""
    from tensorflow.python.framework import ops

    return getattr(ops.gradient_registry, "_registry", {})
