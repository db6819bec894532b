"""What a new training refuses: options without effect, and values with which an optimizer diverges."""

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.training import ConfigError, RunConfig, train  # noqa: E402
from hierseg_keras.training.checkpoints.earlier_run import EarlierRun  # noqa: E402
from hierseg_keras.training.config.checks import training_conflicts, with_effect  # noqa: E402

TREE = "human\n\tperson\n\trider\nsky"
GIVEN = {"theta": 30.0, "ratio": 0.5, "analysis_share": 0.2, "clustering": "kmeans", "embeddings": "features"}


def hs3(**options):
    return RunConfig(network={"name": "HRNet"}, method={"name": "HS3", **options})


def refused(config):
    """The keys that messages begin with."""
    return [line.split("`")[1] for line in training_conflicts(config)]


class OptionsWithoutEffectTest:
    @pytest.mark.parametrize("clusters", [False, [2, 1], [TREE, 1]])
    def test_options_of_a_search_need_one(self, clusters):
        config = hs3(clusters=clusters, **GIVEN)
        assert refused(config) == [f"method.{name}" for name in GIVEN]
        first, *_ = training_conflicts(config)
        assert 'expects `method.clusters` "search", which alone uses it. Received: 30.0 with' in first
        assert "\n" not in first and refused(hs3(clusters=clusters)) == []

    def test_a_search_uses_them_but_theta_only_without_a_ratio(self):
        assert refused(hs3(**{**GIVEN, "ratio": False})) == []
        assert refused(hs3(**GIVEN)) == ["method.theta"]

    @pytest.mark.parametrize(
        "options, is_used",
        [
            ({"clusters": False}, False),
            ({"clusters": False, "fuse": True}, True),
            ({}, False),
            ({"fuse": True}, True),
            ({"clustering": "kmeans"}, False),
            ({"clustering": "kmeans", "embeddings": "regions"}, True),
        ],
    )
    def test_filters_are_those_of_fused_blocks(self, options, is_used):
        assert refused(hs3(filters=8, **options)) == ([] if is_used else ["method.filters"])

    def test_other_methods_have_none(self):
        for method in (None, {"name": "HSSN"}):
            config = RunConfig(method=method)
            assert with_effect(config) is config and refused(config) == []

    def test_phases_of_a_search_do_not_keep_them(self):
        config = hs3(filters=8, **GIVEN).replace(method={"clusters": None})
        assert refused(with_effect(config)) == [] and with_effect(config).method == hs3(clusters=False).method
        fused = with_effect(config.replace(method={"fuse": True}))
        assert (fused.method.filters, fused.method.theta) == (8, "origin")

    def test_a_run_that_was_saved_with_them_is_resumed_without_them(self, tmp_path):
        saved = hs3(clusters=False, **GIVEN)
        EarlierRun(tmp_path, saved, {}, None).check_values(with_effect(saved))
        with pytest.raises(ConfigError, match="`method.fuse` expects False"):
            EarlierRun(tmp_path, saved, {}, None).check_values(saved.replace(method={"fuse": True}))

    @pytest.mark.parametrize(
        "tables, keys",
        [
            (
                {"method": {"name": "HSSN", "triplet": False, "beta": 3.0, "projection_filters": 7}},
                ["method.beta", "method.projection_filters"],
            ),
            ({"method": {"name": "HSSN", "beta_schedule": "constant", "total_steps": 5}}, ["method.total_steps"]),
            ({"method": {"name": "HSSN", "beta": 3.0, "total_steps": 5}}, []),
            ({"schedule": {"power": 0.0, "end_learning_rate": 1e-4}}, ["schedule.end_learning_rate"]),
            ({"schedule": {"end_learning_rate": 1e-4}}, []),
            ({"data": {"weights": [2.0]}}, ["data.weights"]),
            ({"data": {"dataset": ["street_blocks", "camvid_tree"], "weights": [2.0, 1.0]}}, []),
        ],
    )
    def test_options_of_triplets_schedules_and_data(self, tables, keys):
        assert refused(RunConfig(**tables)) == keys

    def test_a_training_refuses_them_at_once(self, tmp_path):
        with pytest.raises(ConfigError, match="`method.theta` expects"):
            train(hs3(clusters=False, theta=30.0), tmp_path / "run")


class CoarseLabelsTest:
    def test_a_flat_crossentropy_has_no_value_for_them(self):
        config = RunConfig(data={"label_levels": 2}, loss={"name": "SparseCategoricalCrossentropy"})
        assert refused(config) == ["data.label_levels"] and refused(config.replace(data={"label_levels": 1})) == []
        assert refused(config.replace(loss={"name": "HierarchicalCrossentropy"})) == []


class SkipBadTest:
    def test_needs_folders(self):
        config = RunConfig(data={"dataset": "camvid_tree", "skip_bad": True})
        assert refused(config) == ["data.skip_bad"]
        assert "`hierseg data NAME --prepare --skip-bad`" in next(training_conflicts(config))

    def test_is_an_option_of_folders(self):
        folders = {"images": "images", "masks": "masks", "tree": "camvid", "skip_bad": True}
        assert refused(RunConfig(data=folders)) == []
        mixed = {**folders, "dataset": ["camvid_tree", "folders"]}
        assert refused(RunConfig(data=mixed)) == []


class OptimizerTest:
    @pytest.mark.parametrize(
        "options",
        [
            {"clipnorm": -1.0},
            {"clipvalue": 0.0},
            {"global_clipnorm": -0.5},
            {"beta_1": 2.0},
            {"beta_2": 1.0},
            {"name": "RMSprop", "rho": -0.1},
            {"name": "Lion", "beta_1": 1.5},
        ],
    )
    def test_values_with_which_it_diverges_are_refused(self, options):
        (name,) = options.keys() - {"name"}
        config = RunConfig(optimizer={"name": "AdamW", **options})
        assert refused(config) == [f"optimizer.{name}"]

    def test_others_are_accepted(self):
        for options in ({}, {"clipnorm": 1.0, "beta_1": 0.0}, {"name": "Muon"}, {"name": "Ftrl"}, {"name": "SGD"}):
            assert refused(RunConfig(optimizer={"name": "AdamW", **options})) == []
