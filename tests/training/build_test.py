import itertools
import types

import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras import data  # noqa: E402
from hierseg_keras.cli.config_options import config_of  # noqa: E402
from hierseg_keras.cli.main import parser  # noqa: E402
from hierseg_keras.losses import FocalTreeMin  # noqa: E402
from hierseg_keras.metrics import TreeReport  # noqa: E402
from hierseg_keras.models import HS3, HSSN  # noqa: E402
from hierseg_keras.training import ConfigError, RunConfig, build, evaluate_published  # noqa: E402
from hierseg_keras.training.data_sets import DataSets  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.training.tiny_run import tiny_config  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
# 255 is a node.
LARGE = ClassTree([f"leaf {number}" for number in range(256)])


def data_sets_of(config):
    return DataSets(config.data, build.tree_of(config.data))


def all_layers(model):
    """Those of the models inside too."""
    for layer in model.layers:
        yield from all_layers(layer) if isinstance(layer, keras.Model) else [layer]


REGION = {"name": "RegionMutualInformation", "weight": 0.5, "pool_size": 2}


class FurtherLossesTest:
    def test_they_are_added_to_the_loss_with_their_weights(self, tmp_path):
        config = RunConfig(loss={"name": "TreeMin"}, further_losses=[REGION, {"name": "FocalTreeMin"}])
        loss = build.make_loss(config, TREE)
        assert [type(each).__name__ for each in loss.losses] == ["TreeMin", "RegionMutualInformation", "FocalTreeMin"]
        assert (loss.weights, loss.losses[1].pool_size, loss.ignore_class) == ([1, 0.5, 1], 2, 255)
        config.to_file(tmp_path / "config.toml")
        assert RunConfig.from_file(tmp_path / "config.toml") == config
        line = ["train", "--loss.name", "TreeMin", "--further_losses"]
        text = '[{name = "RegionMutualInformation", weight = 0.5, pool_size = 2}, {name = "FocalTreeMin"}]'
        assert config_of(parser().parse_args([*line, text])) == config

    def test_regions_have_the_scores_of_the_loss(self):
        config = RunConfig(loss={"name": "HierarchicalCrossentropy"}, further_losses=[REGION])
        loss = build.make_loss(config, TREE, from_logits=False)
        assert loss.scores == loss.losses[1].scores == "leaves" and not loss.from_logits
        small = {"name": "UNet", "filters": 2, "num_stages": 2}
        assert build.make_model(config.replace(network=small), TREE).output_shape[-1] == TREE.num_leaves

    def test_hssn_is_trained_with_the_sum_and_depths_are_logged_of_the_loss(self):
        network = {"name": "UNet", "filters": 2, "num_stages": 2}
        config = RunConfig(network=network, method={"name": "HSSN", "total_steps": 2}, further_losses=[REGION])
        model = build.make_model(config, TREE)
        build.compile_model(model, config, "sgd")
        x, y = np.zeros((2, 16, 16, 3), "float32"), np.arange(512).reshape(2, 16, 16) // 40 % 3
        logs = model.fit(x, y, verbose=0, batch_size=2).history
        assert np.isfinite(logs["loss"]).all() and {"weighted_sum", "tree_triplet", "depth_loss_1"} <= logs.keys()

    def test_problems_are_reported(self):
        for further, message in (
            ([{"name": "RegionMutualInformatio"}], "Did you mean `?RegionMutualInformation"),
            ([{**REGION, "weight": -1}], "weight. expects"),
            ([{**REGION, "radios": 3}], "Did you mean `?radius"),
        ):
            with pytest.raises(ConfigError, match=message):
                RunConfig(further_losses=further)
        config = RunConfig(loss={"name": "TreeMin"}, further_losses=[{"name": "HierarchicalCrossentropy"}])
        with pytest.raises(ConfigError, match="same `scores`"):
            build.make_loss(config, TREE)


class IgnoreClassOfTest:
    def test_is_255_unless_that_is_a_node(self):
        trees = [ClassTree([f"leaf {number}" for number in range(count)]) for count in (255, 256)]
        assert [build.ignore_class_of(tree) for tree in trees] == [255, -1]

    def test_reaches_method_losses_and_metrics(self):
        config = tiny_config(method={"name": "HSSN"}, evaluation={"metrics": [{"name": "PathCoherence"}]})
        model = build.make_model(config, LARGE)
        report = build.compile_model(model, config, "sgd")
        assert [each.ignore_class for each in (model, model.triplet, model.loss, report)] == [-1] * 4

    def test_is_the_label_of_padding(self, monkeypatch):
        monkeypatch.setattr(data, "load", lambda *args, **options: options["ignore_class"])
        monkeypatch.setattr(build, "evaluation_batches", lambda *args: args)
        config, strategy = tiny_config(), types.SimpleNamespace(num_replicas_in_sync=2)
        label, _, (_, padding), _ = build.load_evaluation(config, DataSets(config.data, LARGE), "validation", strategy)
        assert label == padding == -1


class MakeModelTest:
    def test_deeplab_with_its_own_options(self):
        network = {"backbone": "resnet18_small", "output_stride": 32, "filters": 4, "synchronized_batch_norm": True}
        config = RunConfig(
            network={"name": "DeepLabV3Plus", **network},
            loss={"name": "HierarchicalCrossentropy"},
            precision="mixed_float16",
        )
        model = build.make_model(config, TREE)
        assert (model.tree, model.output_shape[-1], model.dtype_policy.name) == (TREE, 3, "mixed_float16")
        synchronized = [
            layer.synchronized for layer in all_layers(model) if isinstance(layer, keras.layers.BatchNormalization)
        ]
        assert len(synchronized) > 10 and all(synchronized)
        logits = model(np.zeros((1, 33, 40, 3)))
        assert (logits.shape, logits.dtype) == ((1, 33, 40, 3), "float32")

    def test_methods_wrap_the_network(self):
        method = {"name": "HSSN", "beta": 0.3, "triplet": {"num_triplets": 7, "margin": 0.3}}
        hssn = build.make_model(tiny_config(method=method, seed=3), TREE)
        assert isinstance(hssn, HSSN) and (hssn.triplet.num_triplets, hssn.triplet.margin) == (7, 0.3)
        assert hssn.triplet.get_config()["seed"] == 3
        method = {"name": "HS3", "stages": ["encoder_0_b_relu"], "clusters": ["human\n\tperson\n\trider\nsky"]}
        hs3 = build.make_model(tiny_config(method={**method, "weights": 0.2}), TREE)
        assert isinstance(hs3, HS3) and hs3.clusters["encoder_0_b_relu"].tolist() == [0, 0, 1]

    def test_a_method_takes_any_loss(self):
        for loss, scores in (({"name": "HierarchicalCrossentropy"}, "leaves"), ({"name": "TreeMin"}, "nodes")):
            model = build.make_model(tiny_config(loss=loss, method={"name": "HSSN"}), TREE)
            assert model.scores == scores
            revived = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
            assert revived.get_config() == model.get_config()


class CompileModelTest:
    def test_class_weights_reach_the_loss(self):
        config = tiny_config(loss={"name": "FocalTreeMin", "class_weights": {"sky": 3.0}, "gamma": 1.0})
        model = build.make_model(config, TREE)
        build.compile_model(model, config, "sgd")
        assert model.loss.class_weights == [1.0, 1.0, 3.0, 1.0] and model.loss.gamma == 1.0

    def test_further_metrics_are_compiled(self):
        config = tiny_config(evaluation={"metrics": [{"name": "PathCoherence"}]})
        model = build.make_model(config, TREE)
        report = build.compile_model(model, config, "sgd")
        assert isinstance(report, TreeReport) and report.from_logits is True
        names = model.evaluate(np.zeros((1, 8, 8, 3)), np.zeros((1, 8, 8), "int32"), return_dict=True, verbose=0)
        assert any("coheren" in name for name in names) and "miou_1" in names


class LoadTrainingTest:
    @pytest.mark.parametrize("how_often", [{"weights": (1.0, 3.0)}, {"batch_shares": (2, 4)}])
    def test_every_option_of_the_configuration_is_passed_on(self, how_often, monkeypatch):
        monkeypatch.setattr(data, "load", lambda *args, **options: (args, options))
        values = {"batch_size": 6, "size": (20, 30), "crop_size": (8, 9), "scale_range": (0.7, 1.5), "max_depth": 7.5}
        values |= {"max_class_share": 0.6, "distort_colors": True, "label_levels": (1, 2)}
        values |= {"flip": False, "flip_pairs": (("car", "bus"),)}
        values |= {"data_dir": "prepared", "manual_dir": "manual", **how_often}
        sources = {"dataset": ("street_blocks", "lip_tree"), "train_split": ("train[:4]", "train")}
        config = RunConfig(data={**sources, **values}, network={"name": "SAGate"}, seed=5)
        args, options = build.load_training(config, DataSets(config.data, TREE))
        assert args == (["street_blocks", "lip_tree"], ("train[:4]", "train"))
        others = {"weights": None, "batch_shares": None, "batch_part": None, "tree": TREE, "seed": 5}
        assert options == {**others, **values, "training": True, "ignore_class": 255}


class EvaluationBatchesTest:
    def test_memory_is_that_of_as_many_images_as_asked_for(self, data_dir, two_replicas):
        """Training batches have 4 images; a replica gets at least one."""
        tree = build.tree_of(tiny_config(data_dir).data)
        one_device = tf.distribute.get_strategy()
        for batch_size, strategy, expected in (
            (None, one_device, [4, 1]),
            (1, one_device, [1] * 5),
            (3, one_device, [3, 2]),
            # An odd number of images leaves one more for each replica in the last batch.
            (1, two_replicas, [2, 3]),
            (3, two_replicas, [2, 3]),
        ):
            config = tiny_config(data_dir, evaluation={"batch_size": batch_size})
            examples, steps = build.load_evaluation(config, DataSets(config.data, tree), "validation[:5]", strategy)
            batches = itertools.islice(iter(examples), steps)
            parts = [strategy.experimental_local_results(label) for _, label in batches]
            assert [sum(len(part) for part in batch) for batch in parts] == expected

    def test_published_protocol_is_required(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="config.toml"):
            evaluate_published(tmp_path)
        tiny_config().to_file(tmp_path / "config.toml")
        for name in ("tree.txt", "model.weights.h5"):
            (tmp_path / name).touch()
        with pytest.raises(ValueError, match="expects a run of a recipe.*whose configuration has none"):
            evaluate_published(tmp_path)


class WithDataTest:
    def test_crops_are_as_large_as_the_first_image(self, data_dir):
        config = RunConfig(data={"data_dir": str(data_dir), "train_split": "train[:4]"})
        data_sets = data_sets_of(config)
        settled = build.with_data(config, data_sets)
        height, width = settled.data.crop_size
        image, _ = build.load_examples(config, data_sets, "train[:1]", 1)[0]
        assert image.shape == (height, width, 3)
        assert build.with_data(tiny_config(data_dir), data_sets) == tiny_config(data_dir)

    def test_class_weights_are_counted(self, data_dir):
        config = tiny_config(data_dir, loss={"class_weights": "median_frequency"}, data={"train_split": "train[:4]"})
        data_sets = data_sets_of(config)
        tree, settled = data_sets.tree, build.with_data(config, data_sets)
        weights = np.array(settled.loss.class_weights)
        assert weights.shape == (tree.num_nodes,) and weights.min() > 0 and len(set(weights)) > 3
        assert build.make_loss(settled, tree).class_weights == pytest.approx(weights.tolist())
        assert RunConfig(**settled.to_values()) == settled


class SeveralDataSetsTest:
    """A data set whose images are mostly labeled coarsely."""

    @pytest.fixture
    def config(self, data_dir):
        sources = {"dataset": ["street_blocks"] * 2, "train_split": ["train[:4]", "train[4:12]"]}
        return tiny_config(data_dir, data={**sources, "batch_shares": [1, 3], "label_levels": [1, 2]})

    def reach_the_finest_level(self, tree, labels):
        """Whether an image has a label at depth `D`, one Boolean per image."""
        return np.isin(labels, np.flatnonzero(tree.depths == tree.num_levels)).any(axis=(1, 2)).tolist()

    def test_training_labels_are_coarse_and_validation_labels_as_stored(self, config):
        data_sets = data_sets_of(config)
        tree, train = data_sets.tree, build.load_training(config, data_sets)
        assert len(train) == 3
        for _, label in train.as_numpy_iterator():
            assert self.reach_the_finest_level(tree, label) == [False, True, False, False]
        validation, _ = build.load_evaluation(config, data_sets, "validation[:2]", tf.distribute.get_strategy())
        (_, label), *_ = validation.as_numpy_iterator()
        assert self.reach_the_finest_level(tree, label) == [True, True]

    def test_held_out_labels_are_those_of_the_training(self, config):
        data_sets, strategy = data_sets_of(config), tf.distribute.get_strategy()
        held_out, _ = build.load_held_out(config, data_sets, ["train[:2]", "train[4:6]"], strategy)
        labels = np.concatenate([label for _, label in held_out.as_numpy_iterator()])
        assert self.reach_the_finest_level(data_sets.tree, labels) == [True, True, False, False]

    def test_class_weights_count_the_labels_of_the_training(self, config):
        data_sets = data_sets_of(config)
        tree = data_sets.tree
        settled = build.with_data(config.replace(loss={"class_weights": "inverse_frequency"}), data_sets)
        options = {"tree": tree, "size": (24, 32), "label_levels": [1, 2], "data_dir": config.data.data_dir}
        counts = data.label_counts(tree, data.load(config.data.names, config.data.splits, **options))
        assert counts[tree.num_leaves : -1].any() and counts[: tree.num_leaves].any()
        np.testing.assert_allclose(settled.loss.class_weights, data.class_weights(tree, counts), rtol=1e-6)

    def test_first_image_sets_the_crop_size(self, config):
        config = config.replace(data={"size": None})
        assert build.with_data(config, data_sets_of(config)).data.crop_size == (96, 128)

    def test_a_tree_of_one_leaf_is_refused(self, config, tmp_path):
        (tmp_path / "tree.txt").write_text("crack\n")
        with pytest.raises(ConfigError, match="expects at least two leaves, .* 'crack'. Add the others"):
            build.tree_of(config.replace(data={"tree": str(tmp_path / "tree.txt")}).data)

    def test_data_sets_without_class_names_are_refused_before_they_are_prepared(self, config):
        values = tiny_config(data={"dataset": "oxford_iiit_pet", "tree": "camvid", "train_split": "train"}).data
        with pytest.raises(ConfigError, match="a run expects data sets that name .*: oxford_iiit_pet, which does not"):
            build.check_classes(values)
        with pytest.raises(ConfigError, match="a run expects data sets that name"):
            build.check_classes(tiny_config(data={"tree": "street_blocks"}).data, "oxford_iiit_pet")
        with pytest.raises(ValueError, match="Did you mean 'street_blocks'"):
            build.check_classes(values.model_copy(update={"dataset": "street_block"}))

    def test_what_only_the_trees_tell_is_a_refused_option(self, config):
        with pytest.raises(ConfigError, match="^`data.label_levels` expects levels between 1, .* 3, .*: \\(1, 4\\).$"):
            build.tree_of(config.replace(data={"label_levels": [1, 4]}).data)
        with pytest.raises(ConfigError, match="^`data.label_levels` expects .* 2, .*: 3.$"):
            build.tree_of(config.replace(data={"tree": "camvid", "label_levels": 3}).data)
        with pytest.raises(ConfigError, match=r"^`data.tree` expects .* \('street_blocks', 'lip_tree'\).$"):
            build.tree_of(config.replace(data={"dataset": ["street_blocks", "lip_tree"]}).data)
        named = config.replace(data={"dataset": ["street_blocks", "lip_tree"], "tree": "cityscapes"})
        assert build.tree_of(named.data) == ClassTree.load("cityscapes")


class PrecisionTest:
    @pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
    def test_two_steps_are_finite_and_logits_float32(self, precision):
        model = build.make_model(tiny_config(precision=precision, loss={"name": "FocalTreeMin"}), TREE)
        assert keras.config.dtype_policy().name == "float32"
        assert model.get_layer("encoder_0_a_conv").compute_dtype == precision.removeprefix("mixed_")
        model.compile("adamw", loss=FocalTreeMin(TREE))
        assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer) == (precision == "mixed_float16")
        images = np.random.default_rng(0).uniform(0, 255, (4, 9, 8, 3)).astype("float32")
        train = tf.data.Dataset.from_tensor_slices((images, np.zeros((4, 9, 8), "int32"))).batch(2, drop_remainder=True)
        losses = model.fit(train, shuffle=False, verbose=0).history["loss"]
        assert np.isfinite(losses).all()
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
        assert model(images).dtype == "float32"

    @pytest.mark.parametrize("name", ["HSSN", "HS3"])
    def test_losses_of_methods_are_scaled(self, name):
        stages = {"stages": ["encoder_0_b_relu"], "clusters": None} if name == "HS3" else {}
        options = {"method": {"name": name, **stages}, "loss": {"name": "FocalTreeMin"}}
        model = build.make_model(tiny_config(precision="mixed_float16", **options), TREE)
        assert keras.config.dtype_policy().name == "float32"
        model.compile("sgd", loss=None if name == "HSSN" else FocalTreeMin(TREE))
        assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)

    def test_policy_comes_back_after_an_error(self):
        config = tiny_config(network={"name": "DeepLabV3Plus", "backbone": "vgg"}, precision="mixed_float16")
        with pytest.raises(ValueError, match="backbone"):
            build.make_model(config, TREE)
        assert keras.config.dtype_policy().name == "float32"
