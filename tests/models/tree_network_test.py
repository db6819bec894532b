"""The base of the networks and wrappers: arguments, auxiliary logits, and what `fit` takes."""

import contextlib
import inspect

import keras
import numpy as np
import pytest

from hierseg_keras import models
from hierseg_keras.decoding import best_path
from hierseg_keras.losses import FocalTreeMin
from hierseg_keras.metrics import LevelMeanIoU
from hierseg_keras.models import HS3, HSSN, MultiScale, Resized, SlidingWindow, TreeSegmenter, UNet
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.tree import ClassTree

TREE = ClassTree(["human/person", "human/rider", "sky"])
# The public networks. Wrappers take a network where these take a tree.
NETWORKS = [
    cls
    for cls in (getattr(models, name) for name in models.__all__)
    if inspect.isclass(cls) and issubclass(cls, TreeNetwork) and next(iter(inspect.signature(cls).parameters)) == "tree"
]
IS_TENSORFLOW = keras.backend.backend() == "tensorflow"
STAGE = "encoder_0_a_relu"


def unet(**options):
    return UNet(TREE, **{"filters": 2, "num_stages": 1, **options})


def batch():
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (2, 4, 4, 3)).astype("float32"), rng.integers(0, TREE.num_nodes, (2, 4, 4))


def make_auxiliary():
    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(4, 1, activation="relu")(image)
    coarse, logits = (keras.layers.Conv2D(TREE.num_nodes, 1)(x) for _ in range(2))
    return TreeNetwork(image, logits, TREE, "nodes", {}, {"coarse": (coarse, 0.4)})


def wrapped():
    return [
        HSSN(unet(), total_steps=4, projection_filters=2, seed=0),
        HS3(unet(), [STAGE], [1]),
        make_auxiliary(),
        unet(),
    ]


class TreeNetworkTest:
    def test_in_another_model_it_is_trained_by_its_logits(self):
        inner = make_auxiliary()
        image = keras.Input((4, 4, 3))
        outer = keras.Model(image, inner(keras.layers.Rescaling(1.0)(image)))
        x = batch()[0]
        answers = keras.ops.convert_to_numpy(outer(x, training=True))
        np.testing.assert_allclose(answers, inner(x), rtol=1e-6)
        assert not np.allclose(answers, inner(x, training=True)["coarse"])

    def test_numpy_numbers_are_arguments(self):
        model = unet(filters=np.int64(2))
        assert UNet.from_config(model.get_config()).filters == 2
        wrapper = HS3(model, [STAGE], [1], weights=np.array([0.5], "float32"))
        assert HS3.from_config(wrapper.get_config()).get_config()["weights"] == [0.5]

    @pytest.mark.skipif(not IS_TENSORFLOW, reason="tf.distribute")
    def test_same_on_one_and_two_replicas(self, two_replicas):
        def stepped(strategy):
            with strategy.scope() if strategy else contextlib.nullcontext():
                model = make_auxiliary()
                model.compile(keras.optimizers.SGD(0.5), loss=FocalTreeMin(TREE), run_eagerly=strategy is None)
            rng = np.random.default_rng(0)
            images, labels = rng.normal(size=(4, 4, 4, 3)), rng.integers(0, TREE.num_nodes, (4, 4, 4))
            loss = model.fit(images.astype("float32"), labels, batch_size=4, shuffle=False, verbose=0).history["loss"]
            return loss, model.get_weights()

        (one_loss, one), (two_loss, two) = stepped(None), stepped(two_replicas)
        np.testing.assert_allclose(two_loss, one_loss, rtol=1e-5)
        for weight, other in zip(one, two):
            np.testing.assert_allclose(other, weight, rtol=1e-4, atol=1e-6)

    @pytest.mark.parametrize("network", NETWORKS)
    def test_unknown_arguments_are_refused_with_the_nearest_name(self, network):
        with pytest.raises(TypeError, match="Received: sccores. Did you mean 'scores'"):
            network(TREE, sccores="leaves")

    @pytest.mark.parametrize(
        "make",
        [
            lambda **k: TreeSegmenter(unet(), TREE, **k),
            lambda **k: HSSN(unet(), **k),
            lambda **k: HS3(unet(), [STAGE], **k),
            lambda **k: MultiScale(unet(), **k),
            lambda **k: Resized(unet(), 4, **k),
            lambda **k: SlidingWindow(unet(), (4, 4), **k),
        ],
    )
    def test_wrappers_refuse_unknown_arguments(self, make):
        with pytest.raises(TypeError, match="Received: nmae. Did you mean 'name'"):
            make(nmae="mine")

    def test_a_subclass_that_passes_options_on_has_its_parents_arguments(self):
        class Narrow(UNet):
            def __init__(self, tree, width=1, **options):
                super().__init__(tree, filters=width, num_stages=1, **options)

        assert Narrow(TREE, scores="leaves", name="narrow").scores == "leaves"
        with pytest.raises(TypeError, match="Received: sccores. Did you mean 'scores'"):
            Narrow(TREE, sccores="leaves")
        # The arguments of the base class of all networks are not those of a network.
        with pytest.raises(TypeError, match="Received: outputs."):
            Narrow(TREE, outputs=None)

    @pytest.mark.parametrize("network", NETWORKS)
    def test_wrong_input_shapes_are_refused_in_a_sentence(self, network):
        for shape in [(None, 3), (8, 8, None), (0, 8, 3), "8x8"]:
            with pytest.raises(ValueError, match=rf"`{network.__name__}` expects `input_shape=\(H, W, "):
                network(TREE, input_shape=shape)

    @pytest.mark.parametrize("network", NETWORKS)
    def test_seven_channels_are_taken_or_refused_in_a_sentence(self, network):
        narrow = {"filters": 8} if "filters" in inspect.signature(network).parameters else {}
        try:
            assert network(TREE, input_shape=(None, None, 7), **narrow).input_shape[-1] == 7
        except ValueError as error:
            assert str(error).startswith(f"`{network.__name__}` expects `input_shape=(H, W, ")

    def test_unet_takes_any_number_of_channels(self):
        assert unet(input_shape=(4, 4, 5))(np.zeros((1, 4, 4, 5))).shape == (1, 4, 4, TREE.num_nodes)

    @pytest.mark.parametrize(
        "make",
        [
            *(lambda network=network: network(TREE) for network in NETWORKS),
            lambda: TreeSegmenter(unet(), TREE),
            lambda: HSSN(unet()),
            lambda: MultiScale(unet()),
        ],
    )
    def test_channels_first_is_refused_in_a_sentence(self, make):
        keras.config.set_image_data_format("channels_first")
        try:
            with pytest.raises(ValueError, match="expects images with channels last"):
                make()
        finally:
            keras.config.set_image_data_format("channels_last")

    @pytest.mark.large
    @pytest.mark.skipif(not IS_TENSORFLOW, reason="the same on both")
    @pytest.mark.parametrize("index", range(4))
    def test_labels_and_weights_in_a_list_of_one_are_those_in_it(self, index):
        (image, label), losses = batch(), []
        weight = np.linspace(0, 1, label.size).reshape(label.shape).astype("float32")
        for y, sample_weight in ((label, weight), ([label], [weight])):
            keras.utils.set_random_seed(0)
            model = wrapped()[index]
            model.compile("sgd", loss=FocalTreeMin(TREE))
            losses.append(model.fit(image, y, sample_weight=sample_weight, verbose=0).history["loss"])
        assert losses[0] == losses[1]

    @pytest.mark.parametrize("index", range(4))
    def test_weights_reach_every_loss_and_metric(self, index):
        (image, label), model = batch(), wrapped()[index]
        model.compile("sgd", loss=FocalTreeMin(TREE), weighted_metrics=[LevelMeanIoU(TREE)])
        answers = model(image, training=True)
        logits = answers["logits"] if isinstance(answers, dict) else answers

        def loss(weight):
            weight = None if weight is None else np.full(label.shape, weight, "float32")
            return float(model.compute_loss(image, label, answers, weight))

        assert loss(None) > 0 and loss(0) == 0
        if not isinstance(model, HSSN):
            assert loss(2) == pytest.approx(2 * loss(None), rel=1e-5)
        else:
            # Triplets are not weighted, only drawn from the pixels whose weight is not 0.
            assert model.trackers["tree_triplet"].result() > 0
        leaf, _ = best_path(TREE, logits)
        assert model.compute_metrics(image, leaf, answers)["miou"]["miou_1"] == 1
        model.reset_metrics()
        no_weight = np.zeros(label.shape, "float32")
        assert model.compute_metrics(image, leaf, answers, no_weight)["miou"]["miou_1"] == 0

    @pytest.mark.parametrize("index", range(4))
    def test_fit_names_the_loss_where_class_weights_belong(self, index):
        model = wrapped()[index]
        model.compile("sgd", loss=FocalTreeMin(TREE))
        with pytest.raises(ValueError, match="expects class weights in the loss"):
            model.fit(*batch(), class_weight={0: 2.0}, verbose=0)
        with pytest.raises(ValueError, match="train_on_batch` expects class weights in the loss"):
            model.train_on_batch(*batch(), class_weight={0: 2.0})

    def test_config_holds_every_argument(self):
        model = unet(scores="leaves", name="mine")
        config = model.get_config()
        assert config == {
            "tree": TREE.to_text(),
            "scores": "leaves",
            "filters": 2,
            "num_stages": 1,
            "input_shape": [None, None, 3],
            "dtype_policy": "float32",
            "name": "mine",
            "frozen": [],
        }
        assert UNet.from_config(config).get_config() == config

    def test_names_of_arguments_of_version_0_1_are_understood(self):
        config = {"tree": TREE.to_text(), "outputs": "leaves", "filters": 2, "num_stages": 1, "trainable": False}
        model = UNet.from_config(config)
        assert (model.scores, model.trainable_variables) == ("leaves", [])


class WrappedNetworkTest:
    def test_sequences_are_taken_apart_as_functional_models_are(self):
        layers = [keras.layers.Conv2D(2, 1, name="c"), keras.layers.Conv2D(5, 1)]
        sequence = keras.Sequential([keras.Input((4, 4, 3)), *layers])
        for options in ({"features": "c"}, {}, {"embedding": "c"}):
            assert HSSN(sequence, TREE, **options)(batch()[0]).shape == (2, 4, 4, TREE.num_nodes)

    @pytest.mark.parametrize(
        "wrapper",
        [
            lambda model: HSSN(model, TREE),
            lambda model: HS3(model, [STAGE]),
            lambda model: TreeSegmenter(model, TREE),
        ],
    )
    def test_what_cannot_be_taken_apart_is_refused_with_what_to_pass(self, wrapper):
        class Subclassed(keras.Model):
            def call(self, x):
                return x

        with pytest.raises(TypeError, match="Pass its `inference_model`"):
            wrapper(HSSN(unet()))
        with pytest.raises(TypeError, match="keras.Model\\(inputs, outputs\\)"):
            wrapper(Subclassed())
        with pytest.raises(TypeError, match="expects a functional `keras.Model`"):
            wrapper("unet")

    @pytest.mark.large
    @pytest.mark.skipif(not IS_TENSORFLOW, reason="`BackupAndRestore` with TensorFlow's checkpoints")
    def test_an_interrupted_fit_draws_the_triplets_of_one_never_stopped(self, tmp_path):
        class Stop(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2:
                    raise KeyboardInterrupt

        image, label = batch()

        def model():
            keras.utils.set_random_seed(3)
            network = HSSN(unet(), total_steps=4, projection_filters=2, seed=0)
            network.compile(keras.optimizers.SGD(0.1))
            return network

        options = {"epochs": 4, "shuffle": False, "verbose": 0, "batch_size": 2}
        whole = model().fit(image, label, **options).history["tree_triplet"]
        backup = keras.callbacks.BackupAndRestore(str(tmp_path))
        with pytest.raises(KeyboardInterrupt):
            model().fit(image, label, callbacks=[backup, Stop()], **options)
        rest = model().fit(image, label, callbacks=[keras.callbacks.BackupAndRestore(str(tmp_path))], **options)
        assert len(set(whole)) == 4
        assert rest.history["tree_triplet"] == whole[2:]
