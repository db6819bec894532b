import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.distribution import check_jit_compile, make_strategy, strategy  # noqa: E402


class MakeStrategyTest:
    def test_one_device_is_tensorflows_default(self):
        assert make_strategy(1) is tf.distribute.get_strategy()
        assert not tf.distribute.has_strategy()

    @pytest.mark.parametrize("replicas", ["auto", 2])
    def test_all_visible_devices(self, replicas, two_replicas, monkeypatch):
        asked = []
        monkeypatch.setattr(strategy, "_mirrored", lambda devices: asked.append(devices) or two_replicas)
        assert make_strategy(replicas) is two_replicas
        assert asked == [("/device:CPU:0", "/device:CPU:1")]

    def test_scope_is_used(self, two_replicas):
        with two_replicas.scope():
            assert make_strategy() is two_replicas
            with pytest.raises(ValueError, match="outside of any strategy's scope"):
                make_strategy(1)

    @pytest.mark.parametrize("replicas", [0, 3, "all", 1.0])
    def test_other_numbers_raise(self, replicas):
        with pytest.raises(ValueError, match=f"from 1 to 2, the visible CPUs. Received: replicas={replicas!r}"):
            make_strategy(replicas)


class CheckJitCompileTest:
    def test_refused_on_several_replicas(self, two_replicas):
        with pytest.raises(ValueError, match="`jit_compile=True` expects one replica.*with 2 replicas"):
            check_jit_compile(True, two_replicas)
        with two_replicas.scope(), pytest.raises(ValueError, match="2 replicas"):
            check_jit_compile(True)

    def test_allowed_otherwise(self, two_replicas):
        check_jit_compile(True)
        check_jit_compile("auto", two_replicas)
        check_jit_compile(False, two_replicas)


class CheckBatchSizeTest:
    def test_batch_divides_by_replicas(self, two_replicas):
        strategy.check_batch_size(4, two_replicas)
        with pytest.raises(ValueError, match=r"multiple of the number of replicas \(2\).*batch_size=3. Pass 4"):
            strategy.check_batch_size(3, two_replicas)
