"""Nothing is left of the graphs of networks that are gone."""

import gc
import weakref

import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.losses import FocalTreeMin  # noqa: E402
from hierseg_keras.training import evaluate_run, smoke, train  # noqa: E402
from hierseg_keras.training.traced_gradients import traced_gradients_freed  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.training.tiny_run import tiny_config  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")


def graphs():
    """How many traced graphs are alive."""
    gc.collect()
    return sum(type(each).__name__ == "FuncGraph" for each in gc.get_objects())


def network():
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(TREE.num_nodes, 1)])
    model.compile("sgd", loss=FocalTreeMin(TREE), jit_compile=False)
    return model


class TracedGradientsFreedTest:
    def test_graph_goes_with_its_function(self):
        """A loss with a custom gradient, which TensorFlow keeps outside of the block."""
        loss, logits = FocalTreeMin(TREE), tf.zeros((1, 2, 2, TREE.num_nodes))

        def graph_of_step():
            step = tf.function(lambda x: loss(tf.zeros((1, 2, 2), tf.int32), x))
            return weakref.ref(step.get_concrete_function(logits).graph)

        with traced_gradients_freed():
            inside = graph_of_step()
        gc.collect()
        assert inside() is None

    def test_network_is_trained_further(self):
        images, labels = np.ones((6, 4, 4, 3), "float32"), np.zeros((6, 4, 4), "int32")
        with traced_gradients_freed():
            model = network()
            model.fit(images, labels, batch_size=2, verbose=0)
        # The step that is there, and one that is traced anew.
        losses = [model.fit(images, labels, batch_size=size, verbose=0).history["loss"][0] for size in (2, 6, 3)]
        assert losses[0] > losses[1] > losses[2]

    @pytest.mark.large
    def test_runs_leave_no_graphs(self, data_dir, tmp_path):
        """The growth of memory follows them: 42 MB per call before, of a tiny network."""
        config = tiny_config(data_dir, schedule={"epochs": 1})
        counts = []
        for call in range(3):
            train(config, tmp_path / f"{call}", verbose=0)
            evaluate_run(tmp_path / f"{call}", verbose=0)
            smoke(tiny_config(data={"tree": "street_blocks", "crop_size": (24, 32)}))
            counts.append(graphs())
        assert counts[2] == counts[1]
