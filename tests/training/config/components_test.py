"""Classes by their names: the library's, with the options of their signatures, and the user's own."""

import inspect
import sys
import types

import keras
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras import losses, models  # noqa: E402
from hierseg_keras.data.class_weights import METHODS  # noqa: E402
from hierseg_keras.losses import FocalTreeMin  # noqa: E402
from hierseg_keras.losses.objectives import loss_by_depth, named_losses  # noqa: E402
from hierseg_keras.metrics import DepthLoss, LevelAccuracy, TreeReport  # noqa: E402
from hierseg_keras.metrics.named_metric import check_value_names  # noqa: E402
from hierseg_keras.models import HSSN, UNet  # noqa: E402
from hierseg_keras.training import ConfigError, RunConfig, build  # noqa: E402
from hierseg_keras.training.config.components import KINDS, METHOD, METRIC, NETWORK, REPORTED, options_model  # noqa: E402
from hierseg_keras.training.config.options import GIVEN_BY_RUNS  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
OURS = [(kind, name) for kind in KINDS for name in kind.classes()]


class MyLoss(FocalTreeMin):
    def __init__(self, tree, sharpness: float = 3.0, **options):
        super().__init__(tree, gamma=sharpness, **options)


class MyNetwork(UNet):
    pass


class FixedNetwork(UNet):
    """Passes what a run gives to its parent."""

    def __init__(self, tree, width: int = 2, **options):
        super().__init__(tree, filters=width, num_stages=1, **options)


class MyMethod(HSSN):
    def __init__(self, segmenter, strength: float = 0.5, **options):
        super().__init__(segmenter, beta=strength, **options)


class NetworkWithoutGraph(keras.Model):
    def __init__(self, tree, scores):
        super().__init__()
        self.tree, self.scores, self.from_logits = tree, scores, True


class MyMetric(LevelAccuracy):
    pass


class MyCallback(keras.callbacks.Callback):
    def __init__(self, every: int, label="epoch"):
        super().__init__()
        self.every, self.label = every, label


class MyOptional(keras.callbacks.Callback):
    def __init__(self, exact: bool | None = None, share: bool | float | None = None):
        super().__init__()
        self.exact, self.share = exact, share


class Shadowing(keras.callbacks.Callback):
    def __init__(self, make: int = 3):
        super().__init__()


class NotScored(keras.losses.Loss):
    pass


@pytest.fixture
def own(monkeypatch):
    """A module of the user's own that is imported."""
    module = types.ModuleType("my_package.parts")
    networks = (MyNetwork, FixedNetwork, NetworkWithoutGraph)
    for cls in (MyLoss, MyMethod, MyMetric, MyCallback, MyOptional, NotScored, Shadowing, *networks):
        setattr(module, cls.__name__, cls)
    monkeypatch.setitem(sys.modules, "my_package.parts", module)
    return "my_package.parts"


class SignaturesTest:
    @pytest.mark.parametrize("kind, name", OURS, ids=[name for _, name in OURS])
    def test_options_are_the_signatures_with_its_defaults(self, kind, name):
        cls = kind.classes()[name]
        fields = options_model(kind, cls, True).model_fields
        parameters = inspect.signature(cls).parameters.values()
        offered = [p for p in parameters if p.kind is not p.VAR_KEYWORD and p.name not in GIVEN_BY_RUNS]
        for parameter in offered:
            assert parameter.name in fields, parameter
            changed = parameter.name in kind.fields or (kind is METHOD and parameter.name == "clusters")
            if parameter.default is not parameter.empty and not changed:
                assert fields[parameter.name].default == parameter.default

    def test_every_public_network_and_loss_has_a_name(self):
        public = [getattr(models, name) for name in models.__all__]
        networks = [cls for cls in public if inspect.isclass(cls) and "depth" not in cls.__name__]
        first = {cls.__name__: next(iter(inspect.signature(cls).parameters)) for cls in networks}
        assert set(NETWORK.classes()) == {name for name, argument in first.items() if argument == "tree"}
        assert set(METHOD.classes()) == {"HSSN", "HS3", "MaskClassification"}
        of_scores = {name for name in losses.__all__ if hasattr(getattr(losses, name), "per_depth")}
        assert set(named_losses()) == of_scores | {"SparseCategoricalCrossentropy"}

    @pytest.mark.parametrize("name", NETWORK.classes())
    def test_every_network_runs_on_its_defaults(self, name):
        """A3: no default stands in two places."""
        depth = {"max_depth": 10.0} if name == "SAGate" else {}
        config = RunConfig(network={"name": name}, data=depth)
        parameters = inspect.signature(NETWORK.classes()[name]).parameters
        assert config.network.arguments() == {key: parameters[key].default for key in config.network.arguments()}

    def test_a_runs_u_net_is_the_classs(self):
        assert build.make_model(
            RunConfig(network={"name": "UNet"}), ClassTree.load("helen")
        ).count_params() == pytest.approx(31.05e6, rel=1e-3)

    @pytest.mark.parametrize("name", named_losses())
    def test_every_loss_is_made_with_its_options(self, name):
        config = RunConfig(loss={"name": name, "class_weights": {"sky": 2.0}})
        loss = build.make_loss(config, TREE)
        assert loss.scores == config.loss.made.scores and loss.class_weights[2] == 2.0

    @pytest.mark.parametrize("name", named_losses())
    def test_losses_average_by_depth_where_asked_for(self, name):
        """All but the flat crossentropy, whose labels are leaves. Logs per depth are averaged in the same way."""
        if name == "SparseCategoricalCrossentropy":
            with pytest.raises(ConfigError, match="`loss.averaging` is not an option"):
                RunConfig(loss={"name": name, "averaging": "depth"})
            return
        assert RunConfig(loss={"name": name}).loss.averaging == "pixels"
        with pytest.raises(ConfigError, match='`loss.averaging` expects "pixels" or "depth". Received: \'levels\''):
            RunConfig(loss={"name": name, "averaging": "levels"})
        loss = build.make_loss(RunConfig(loss={"name": name, "averaging": "depth"}), TREE)
        assert loss.averaging == loss_by_depth(loss, TREE).averaging == "depth"

    def test_a_metric_can_be_added_unless_every_run_reports_it(self):
        reported = [TreeReport(TREE), DepthLoss(FocalTreeMin(TREE))]
        for cls in REPORTED:
            assert cls.__name__ not in METRIC.classes()
            with pytest.raises(ValueError, match="different names"):
                check_value_names([*reported, cls(TREE)])
        assert {"ConfidenceCurve", "PathCoherence"} <= METRIC.classes().keys()
        check_value_names([*reported, *(cls(TREE) for cls in METRIC.classes().values())])

    def test_methods_of_class_weights_are_the_data_rooms(self):
        for method in METHODS:
            assert RunConfig(loss={"class_weights": method}).loss.class_weights == method


class OwnClassesTest:
    def test_options_are_checked_against_the_signature(self, own):
        config = RunConfig(loss={"name": f"{own}:MyLoss", "sharpness": 1.5})
        loss = build.make_loss(config, TREE)
        assert type(loss) is MyLoss and loss.gamma == 1.5 and config.loss.name == f"{own}:MyLoss"
        with pytest.raises(ConfigError, match="`loss.sharpnes` is not an option of .* Did you mean `sharpness`"):
            RunConfig(loss={"name": f"{own}:MyLoss", "sharpnes": 1.5})
        with pytest.raises(ConfigError, match="`loss.sharpness` expects a number. Received: 'high'"):
            RunConfig(loss={"name": f"{own}:MyLoss", "sharpness": "high"})

    def test_networks_metrics_and_callbacks(self, own):
        config = RunConfig(
            network={"name": f"{own}:MyNetwork", "filters": 2, "num_stages": 1},
            evaluation={"metrics": [{"name": f"{own}:MyMetric"}]},
            callbacks=[{"name": f"{own}:MyCallback", "every": 2}],
        )
        assert type(build.make_model(config, TREE)) is MyNetwork
        assert type(config.evaluation.metrics[0].make(tree=TREE)) is MyMetric
        (callback,) = (callback.make(tree=TREE) for callback in config.callbacks)
        assert (callback.every, callback.label) == (2, "epoch")

    def test_a_run_gives_values_to_a_class_that_passes_its_options_on(self, own):
        network = {"name": f"{own}:FixedNetwork", "width": 1}
        model = build.make_model(RunConfig(network=network, loss={"name": "HierarchicalCrossentropy"}), TREE)
        assert (model.scores, model.output_shape[-1]) == ("leaves", 3)
        method = {"name": f"{own}:MyMethod", "strength": 0.3}
        model = build.make_model(RunConfig(network=network, method=method), TREE)
        assert (type(model), model.tree, model.ignore_class) == (MyMethod, TREE, 255)
        loss = RunConfig(loss={"name": f"{own}:MyLoss"}).loss.make(tree=TREE, from_logits=False, ignore_class=9)
        assert (loss.from_logits, loss.ignore_class, loss.gamma) == (False, 9, 3.0)

    def test_a_network_without_a_graph_is_refused(self, own):
        """Its weights could not be loaded, because it has none before its first call."""
        config = RunConfig(network={"name": f"{own}:NetworkWithoutGraph"})
        with pytest.raises(ConfigError, match="`network` expects .* functional `keras.Model`"):
            build.make_model(config, TREE)

    def test_a_class_without_options_says_so(self):
        with pytest.raises(ConfigError, match="is not an option of `History`, which has none.$"):
            RunConfig(callbacks=[{"name": "History", "every": 3}])

    @pytest.mark.parametrize("values", [{}, {"exact": False}, {"exact": True, "share": 0.5}, {"share": False}])
    def test_a_boolean_may_be_none_by_default(self, values, own, tmp_path):
        config = RunConfig(callbacks=[{"name": f"{own}:MyOptional", **values}])
        config.to_file(tmp_path / "run.toml")
        assert RunConfig.from_file(tmp_path / "run.toml") == config
        callback = config.callbacks[0].make()
        assert (callback.exact, callback.share) == (values.get("exact"), values.get("share"))

    def test_an_option_without_a_default_is_asked_for(self, own):
        with pytest.raises(ConfigError, match=r"`callbacks\[0\].every` expects a value because it has no default"):
            RunConfig(callbacks=[{"name": f"{own}:MyCallback"}])

    def test_an_argument_with_a_name_of_the_tables_own_is_refused(self, own):
        with pytest.raises(ConfigError, match=r"`callbacks\[0\]` expects a class whose .* no argument `make`"):
            RunConfig(callbacks=[{"name": f"{own}:Shadowing"}])

    def test_a_module_is_never_imported_by_its_name(self, tmp_path, monkeypatch):
        (tmp_path / "side_effect.py").write_text("raise SystemExit('imported')")
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(ConfigError, match="has been imported. Received: 'side_effect:Loss'.*--import side_effect"):
            RunConfig(loss={"name": "side_effect:Loss"})
        (tmp_path / "config.toml").write_text('[callbacks]\n[network]\nname = "side_effect:Network"')
        with pytest.raises(ConfigError, match="--import side_effect"):
            RunConfig.from_file(tmp_path / "config.toml")
        assert "side_effect" not in sys.modules

    @pytest.mark.parametrize("name", ["os:system", "subprocess:Popen", "builtins:eval", "os:", "a:b:c"])
    def test_only_a_class_of_the_kind_is_made(self, name):
        for table in ({"network": {"name": name}}, {"loss": {"name": name}}, {"method": {"name": name}}):
            with pytest.raises(ConfigError, match=r"^`\w+.name` expects a (sub)?class"):
                RunConfig(**table)

    @pytest.mark.parametrize("name", [":", ":x", "x", "", 3, None, ["UNet"]])
    def test_any_other_name_is_refused_with_those_that_exist(self, name):
        with pytest.raises(ConfigError, match='^`network.name` expects one of .*, UNet, or "module:Class"'):
            RunConfig(network={"name": name})

    def test_a_loss_says_which_scores_it_takes(self, own):
        with pytest.raises(ConfigError, match='attribute `scores` is "nodes" or "leaves"'):
            RunConfig(loss={"name": f"{own}:NotScored"})
