"""Functions of the library inside of a user's own graph."""

import inspect
import logging

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras import data, decoding, losses, metrics  # noqa: E402
from hierseg_keras.models import MultiScale, UNet  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from hierseg_keras.tree.not_converted import not_converted  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")


class NotConvertedTest:
    def test_a_graph_of_ones_own_logs_no_warning(self, caplog):
        network, loss, metric = (
            UNet(TREE, filters=2, num_stages=1),
            losses.FocalTreeMin(TREE),
            metrics.LevelMeanIoU(TREE),
        )
        averaged, class_map = MultiScale(network, scales=(1.0,)), data.ClassMap([(0, "", "sky"), (9, "", "person")])

        @tf.function
        def step(image, label):
            scores = network(image)
            metric.update_state(label, scores)
            leaf, _ = decoding.best_path(TREE, scores)
            maps = [*decoding.level_labels(TREE, leaf), decoding.confident_labels(TREE, scores, 0.5)]
            return loss(label, scores), averaged(image), maps, decoding.node_probabilities(TREE, scores)

        with caplog.at_level(logging.WARNING, "tensorflow"):
            step(tf.zeros((1, 4, 4, 3)), tf.zeros((1, 4, 4), tf.int32))
            labels = tf.data.Dataset.from_tensors(np.array([0, 9])).map(lambda label: class_map.apply(label, TREE))
            assert next(iter(labels)).numpy().tolist() == [2, 0]
        assert "AutoGraph" not in caplog.text

    def test_name_signature_and_docstring_stay(self):
        assert decoding.best_path.__name__ == "best_path" and "tree" in inspect.signature(decoding.best_path).parameters
        assert not_converted(len)([1, 2]) == 2
