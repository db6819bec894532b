"""A run on two replicas, of which one fails."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.losses import HierarchicalCrossentropy  # noqa: E402
from hierseg_keras.training import load_run, train  # noqa: E402
from tests.training.tiny_run import tiny_config  # noqa: E402

BATCHES_PER_EPOCH = 4


class FailsOnOneReplica(HierarchicalCrossentropy):
    """Raises an error on the second replica, at the step `at`, from 1."""

    at, steps = None, 0

    def call(self, y_true, y_pred):
        replica = tf.distribute.get_replica_context()
        # Keras also calls losses outside of the replicas, to build its metrics.
        number = 0 if replica is None else replica.replica_id_in_sync_group
        with tf.control_dependencies([tf.numpy_function(self._step, [number], [], stateful=True)]):
            return super().call(y_true, tf.identity(y_pred))

    def _step(self, replica):
        FailsOnOneReplica.steps += replica
        if replica == 1 and FailsOnOneReplica.steps == FailsOnOneReplica.at:
            raise RuntimeError("the device has failed")


def weights(folder):
    return [variable.numpy() for variable in load_run(folder)[1].variables if variable.dtype == "float32"]


@pytest.mark.large
def test_a_run_ends_with_the_error_and_goes_on_from_its_checkpoint(data_dir, tmp_path, two_replicas, monkeypatch):
    loss = {"name": f"{__name__}:FailsOnOneReplica"}
    config = tiny_config(data_dir, loss=loss, save_every=3, schedule={"epochs": 2}, evaluation={"every": None})
    train(config, tmp_path / "whole", verbose=0, strategy=two_replicas)
    monkeypatch.setattr(FailsOnOneReplica, "at", FailsOnOneReplica.steps + BATCHES_PER_EPOCH + 2)
    with pytest.raises(tf.errors.OpError, match="the device has failed"):
        train(config, tmp_path / "failed", verbose=0, strategy=two_replicas)
    assert FailsOnOneReplica.steps == FailsOnOneReplica.at
    assert [path.name for path in (tmp_path / "failed" / "checkpoints").iterdir()] == ["batch_000000003"]
    train(config, tmp_path / "failed", verbose=0, strategy=two_replicas, resume=True)
    for one, two in zip(weights(tmp_path / "whole"), weights(tmp_path / "failed"), strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-5, atol=1e-7)
