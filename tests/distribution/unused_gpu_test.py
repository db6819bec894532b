import warnings

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.distribution import unused_gpu  # noqa: E402


@pytest.fixture
def warn(monkeypatch, tmp_path):
    """The warning of a machine that has a GPU, which TensorFlow does not see."""
    monkeypatch.setattr(unused_gpu, "DEVICE_FILE", tmp_path)
    monkeypatch.setattr(unused_gpu.tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return unused_gpu.warn_of_unused_gpu.__wrapped__


class WarnOfUnusedGpuTest:
    def test_gpu_that_tensorflow_does_not_see(self, warn):
        with pytest.warns(UserWarning, match=r"cannot use the GPU .*pip install 'tensorflow\[and-cuda\]'"):
            warn()

    def test_gpu_that_the_user_hides(self, warn, monkeypatch):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warn()

    def test_machine_without_gpu(self, warn, monkeypatch, tmp_path):
        monkeypatch.setattr(unused_gpu, "DEVICE_FILE", tmp_path / "nvidia0")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warn()
