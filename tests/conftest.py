"""Seeds, the hypothesis profile, and two CPU devices so that distributed code is always tested."""

import fcntl
import os
import signal

import hypothesis
import pytest

from tests.running_eagerly import running_eagerly

# Set before the first import of TensorFlow and JAX, which read them once. JAX compiles anew for every
# random tree, and the compiler's optimizations take longer than all the sums that they could speed up.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

IS_TENSORFLOW = os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow"
if not IS_TENSORFLOW:
    quick_to_compile = ("--xla_cpu_use_fusion_emitters=false", "--xla_cpu_enable_concurrency_optimized_scheduler=false")
    os.environ.setdefault("XLA_FLAGS", " ".join(quick_to_compile))

hypothesis.settings.register_profile(
    "hierseg_keras",
    max_examples=12 if IS_TENSORFLOW else 1,
    derandomize=True,
    deadline=None,
    database=None,
    # The losses share one list of tests, which each of their classes inherits.
    suppress_health_check=[hypothesis.HealthCheck.differing_executors, hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("hierseg_keras")


def pytest_configure(config):
    if IS_TENSORFLOW:
        # Logical devices can be set only before TensorFlow is first used, hence before any test file is read.
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        # What tunes a pipeline sleeps between its looks, each time twice as long, and TensorFlow 2.21 wakes it only
        # most times: an iterator that lived for half a minute may take another half to be deleted.
        untuned = tf.data.Options()
        untuned.autotune.enabled = False
        tf.data.Dataset._apply_debug_options = lambda dataset: dataset.with_options(untuned)
        # To rewrite a graph for speed takes longer than the few steps do that a test runs it for. The notebooks, and
        # the SavedModels that are read in a process of their own, have it rewritten.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture(autouse=True)
def fixed_seed():
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def two_replicas():
    """The strategy of training runs too: that of another object would meet this one's collective operations."""
    from hierseg_keras.distribution import make_strategy

    return make_strategy(2)


@pytest.fixture
def interruptible():
    """Programs that a shell starts in the background ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def run_eagerly():
    with running_eagerly():
        yield


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory, worker_id):
    """One folder of prepared data sets for the whole run; the process that comes first prepares them."""
    from hierseg_keras import data

    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "prepared"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        data.prepare("street_blocks", data_dir=str(folder))
    return folder
