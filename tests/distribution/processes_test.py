import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.distribution import processes as own  # noqa: E402
from hierseg_keras.distribution import start_processes  # noqa: E402
from hierseg_keras.distribution.strategy import check_strategy  # noqa: E402

needs_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="tests the JAX backend")


class ProcessesTest:
    def test_without_others_this_process_is_the_first(self):
        assert own.process_count() == 1 and own.is_first() and own.batch_part() is None
        assert own.largest(3, 4) == (3, 4) and own.texts_of_all("ä") == ["ä"] and own.first_alone(lambda: 5) == 5

    @pytest.mark.skipif(keras.backend.backend() == "jax", reason="tests another backend")
    def test_another_backend_is_refused(self):
        with pytest.raises(ValueError, match="expects the JAX backend. Received: the backend tensorflow. Set .*=jax"):
            start_processes("localhost:80", 2, 0)

    @needs_jax
    @pytest.mark.parametrize(
        "arguments, problem",
        [
            (("localhost:80", 2, 2), "`process_id` expects a number from 0 to 1"),
            ((None, 2, 1), "`coordinator` expects the address host:port of process 0"),
            (("localhost:80", 2, 1, 2), "`model_devices` expects a single process"),
            ((None, 1, 0, 0), "`model_devices` expects an integer >= 1. Received: model_devices=0"),
            (("localhost:80", 0, 0), "`processes` expects an integer >= 1. Received: processes=0"),
            ((None, 1, 0, 7), "`model_devices` expects a divisor of the number of devices"),
        ],
    )
    def test_arguments_that_do_not_fit_are_refused(self, arguments, problem):
        with pytest.raises(ValueError, match=problem):
            start_processes(*arguments)

    @pytest.mark.parametrize("kind", ["MultiWorkerMirroredStrategy", "ParameterServerStrategy"])
    def test_strategies_for_several_machines_are_refused(self, kind):
        cls = getattr(tf.distribute, kind, None) or getattr(tf.distribute.experimental, kind)
        with pytest.raises(ValueError, match=r"keras-team/keras#20585\). Received: .*Strategy.*. Train on "):
            check_strategy(object.__new__(cls))
        check_strategy(tf.distribute.get_strategy())


class GatheredTextsTest:
    def test_texts_of_all_have_their_own_lengths(self, monkeypatch):
        others = {"int32": [[9]], "uint8": [[ord("a")] + [0] * 8]}
        monkeypatch.setattr(own, "process_count", lambda: 2)
        monkeypatch.setattr(
            own, "_gathered", lambda array: np.stack([array, *np.array(others[array.dtype.name], array.dtype)])
        )
        assert own.texts_of_all("bär") == ["bär", "a"]
