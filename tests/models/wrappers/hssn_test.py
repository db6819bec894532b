"""HSSN around networks of every kind."""

import keras
import numpy as np
import pytest

from hierseg_keras.losses import FocalTreeMin, TreeBinaryCrossentropy, TreeTriplet
from hierseg_keras.metrics import LevelMeanIoU
from hierseg_keras.models import HSSN, TreeSegmenter, UNet
from hierseg_keras.models.wrappers.cosine_weight import CosineWeight
from hierseg_keras.tree import ClassTree

TREE = ClassTree(["human/person", "human/rider", "vehicle/car", "vehicle/bus", "sky"])
IS_TENSORFLOW = keras.backend.backend() == "tensorflow"
only_tensorflow = pytest.mark.skipif(not IS_TENSORFLOW, reason="TensorFlow's own, or of packages that import it")


def images(count=4, size=(32, 32)):
    return np.random.default_rng(0).uniform(0, 255, (count, *size, 3)).astype("float32")


def labels(count=4, size=(32, 32)):
    return np.random.default_rng(1).integers(0, TREE.num_nodes, (count, *size)).astype("int32")


def unet(**options):
    return UNet(TREE, filters=2, num_stages=2, **options)


def keras_cv_deeplab():
    import keras_cv

    backbone = keras_cv.models.ResNetBackbone(
        stackwise_filters=[64, 8, 8, 8],
        stackwise_blocks=[1, 1, 1, 1],
        stackwise_strides=[1, 2, 2, 2],
        block_type="basic_block",
        include_rescaling=True,
        input_shape=(32, 32, 3),
    )
    return keras_cv.models.DeepLabV3Plus(num_classes=5, backbone=backbone)


def keras_cv_segformer():
    import keras_cv

    backbone = keras_cv.models.MiTBackbone(
        depths=[1, 1, 1, 1], embedding_dims=[32, 64, 160, 256], include_rescaling=True, input_shape=(64, 64, 3)
    )
    return keras_cv.models.SegFormer(num_classes=5, backbone=backbone, projection_filters=8)


def keras_hub_deeplab():
    keras_hub = pytest.importorskip("keras_hub")
    encoder = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 64, 64, 64],
        stackwise_num_blocks=[2, 2, 2, 2],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
        use_pre_activation=True,
        image_shape=(32, 32, 3),
    )
    backbone = keras_hub.models.DeepLabV3Backbone(
        image_encoder=encoder,
        low_level_feature_key="P2",
        spatial_pyramid_pooling_key="P4",
        dilation_rates=[6, 12, 18],
        upsampling_size=4,
        image_shape=(32, 32, 3),
    )
    return keras_hub.models.DeepLabV3ImageSegmenter(backbone=backbone, num_classes=5, preprocessor=None)


def keras_hub_segformer():
    keras_hub = pytest.importorskip("keras_hub")
    encoder = keras_hub.models.MiTBackbone(
        layerwise_depths=[1, 1, 1, 1],
        num_layers=4,
        layerwise_num_heads=[1, 2, 5, 8],
        layerwise_sr_ratios=[8, 4, 2, 1],
        max_drop_path_rate=0.1,
        image_shape=(64, 64, 3),
        layerwise_patch_sizes=[7, 3, 3, 3],
        layerwise_strides=[4, 2, 2, 2],
        hidden_dims=[32, 64, 160, 256],
    )
    backbone = keras_hub.models.SegFormerBackbone(image_encoder=encoder, projection_filters=8)
    return keras_hub.models.SegFormerImageSegmenter(backbone=backbone, num_classes=5)


def functional():
    """A user's own, with a head that only names tell apart."""
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="encoder")(image)
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="decoder")(x)
    x = keras.layers.Conv2DTranspose(5, 2, strides=2, name="to_classes")(x)
    return keras.Model(image, keras.layers.Softmax()(x))


def nested():
    """A network behind a layer that scales images."""
    image = keras.Input((32, 32, 3))
    return keras.Model(image, unet()(keras.layers.Rescaling(1 / 255)(image)))


def normalized():
    """A network behind a layer whose weights are not trained."""
    image = keras.Input((32, 32, 3))
    normalize = keras.layers.Normalization()
    normalize.adapt(images())
    return keras.Model(image, unet()(normalize(image)))


def cropped():
    image = keras.Input((30, 32, 3))
    x = keras.layers.ZeroPadding2D(((0, 2), (0, 0)))(image)
    x = keras.layers.Conv2D(4, 3, padding="same", name="decoder")(x)
    return keras.Model(image, keras.layers.Cropping2D(((0, 2), (0, 0)))(keras.layers.Conv2D(5, 1)(x)))


class Inside(keras.Model):
    """A subclassed model, which has no outputs before it is called."""

    def __init__(self):
        super().__init__(name="inside")
        self.convolution = keras.layers.Conv2D(5, 1)

    def call(self, image):
        return self.convolution(image)


def subclassed_inside():
    image = keras.Input((None, None, 3))
    return keras.Model(image, Inside()(image))


def channels_first():
    image = keras.Input((3, 16, 16))
    x = keras.layers.Conv2D(4, 3, padding="same", data_format="channels_first")(image)
    return keras.Model(image, keras.layers.Conv2D(5, 1, data_format="channels_first")(x))


def one_convolution():
    image = keras.Input((None, None, 3))
    return keras.Model(image, keras.layers.Conv2D(5, 1)(image))


NETWORKS = {
    "unet": (unet, {}, 4),
    "keras_cv_deeplab": (keras_cv_deeplab, {}, 304),
    "keras_cv_segformer": (keras_cv_segformer, {}, 8),
    "keras_hub_deeplab": (keras_hub_deeplab, {}, 256),
    "keras_hub_segformer": (keras_hub_segformer, {}, 8),
    "functional": (functional, {"features": "decoder", "embedding": "encoder"}, 4),
}
LARGE = ("keras_cv_deeplab", "keras_cv_segformer", "keras_hub_deeplab", "keras_hub_segformer")


class HSSNTest:
    @only_tensorflow
    # KerasHub's networks have layers beyond those that they classify, and compile themselves.
    @pytest.mark.filterwarnings("ignore:Gradients do not exist", "ignore:`compile.*was not called")
    @pytest.mark.parametrize(
        "name", [pytest.param(name, marks=pytest.mark.large) if name in LARGE else name for name in NETWORKS]
    )
    def test_fits_saves_loads_and_exports(self, name, tmp_path):
        import tensorflow as tf

        make, options, channels = NETWORKS[name]
        model = HSSN(make(), TREE, seed=0, projection_filters=16, **options)
        # SegFormer's last map has a 32nd of the image's size, and more than one pixel.
        size = (64, 64) if "segformer" in name else (32, 32)
        x, y = images(size=size), labels(size=size)
        assert model.training_model.output["embedding"].shape[-1] == channels
        # The graph of a step is built for our own networks; for others' it takes half a minute.
        compiled = {"run_eagerly": True} if "keras" in name else {"jit_compile": False}
        model.compile(keras.optimizers.SGD(0.01), metrics=[LevelMeanIoU(TREE)], **compiled)
        history = model.fit(x, y, batch_size=2, verbose=0).history
        assert {"loss", "focal_tree_min", "tree_triplet", "beta", "miou_1"} <= history.keys()
        assert np.isfinite([values[-1] for values in history.values()]).all()
        expected = model.predict(x, verbose=0)
        assert expected.shape == (4, *size, TREE.num_nodes) and expected.dtype == np.float32

        model.save(tmp_path / "whole.keras")
        loaded = keras.models.load_model(tmp_path / "whole.keras")
        np.testing.assert_allclose(loaded(x), expected, rtol=1e-4, atol=1e-4)
        assert int(loaded.optimizer.iterations) == 2 and loaded.tree == TREE

        inference = model.inference_model
        assert model.count_params() - inference.count_params() == model.projection.count_params() + 2
        inference.save(tmp_path / "inference.keras")
        alone = keras.models.load_model(tmp_path / "inference.keras")
        np.testing.assert_allclose(alone(x, training=False), expected, rtol=1e-4, atol=1e-4)
        assert alone.count_params() == inference.count_params()

        model.export(tmp_path / "export", verbose=False)
        served = tf.saved_model.load(tmp_path / "export")
        np.testing.assert_allclose(served.serve(x), expected, rtol=1e-4, atol=1e-4)
        # None of the projection's: the sizes add up to those of the rest.
        for trainable in (True, False):
            sizes = [v.shape.num_elements() for v in served.variables if v.trainable == trainable]
            kept = inference.trainable_weights if trainable else inference.non_trainable_variables
            assert sum(sizes) == sum(np.prod(weight.shape) for weight in kept)

    def test_a_loss_of_compile_is_logged_by_its_own_name(self):
        model = HSSN(unet(), total_steps=4)
        for loss, name in [(TreeBinaryCrossentropy(TREE), "tree_binary_crossentropy"), (None, "focal_tree_min")]:
            model.compile("sgd", loss=loss)
            history = model.fit(images(), labels(), verbose=0).history
            assert sorted(history) == sorted(["beta", "loss", "tree_triplet", name])

    def test_objective_is_the_sum_of_its_parts(self):
        """Every logged figure, worked out from the network as it was."""
        model = HSSN(unet(), triplet=TreeTriplet(TREE, seed=5), beta=0.3, beta_schedule="constant")
        model.compile(keras.optimizers.SGD(0.0))
        answer = {key: np.asarray(value) for key, value in model(images(), training=True).items()}
        focal = float(FocalTreeMin(TREE)(labels(), answer["logits"]))
        history = model.fit(images(), labels(), batch_size=4, shuffle=False, verbose=0).history
        assert history["focal_tree_min"][0] == pytest.approx(focal, rel=1e-5)
        triplet = float(TreeTriplet(TREE, seed=5)(labels(), model.projection(answer["embedding"])))
        assert history["tree_triplet"][0] == pytest.approx(triplet, rel=1e-4)
        expected = focal + history["beta"][0] * history["tree_triplet"][0]
        assert history["beta"][0] == pytest.approx(0.3)
        assert history["loss"][0] == pytest.approx(expected, rel=1e-5)

    @only_tensorflow
    def test_another_label_may_be_the_ignored_one(self):
        network, seen = unet(), []
        for ignored in (255, -1):
            keras.utils.set_random_seed(0)
            model = HSSN(network, ignore_class=ignored, seed=5, beta_schedule="constant")
            model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
            y = labels(1)
            y[:, :20] = ignored
            history = model.fit(images(1), y, verbose=0).history
            seen.append([history["focal_tree_min"][0], history["tree_triplet"][0]])
        assert np.isfinite(seen[0]).all() and seen[1] == pytest.approx(seen[0], rel=1e-5)

    @only_tensorflow
    def test_loss_averaged_by_depth(self, tmp_path):
        loss = FocalTreeMin(TREE, averaging="depth")
        model = HSSN(unet(), loss=loss, triplet=False)
        model.compile(keras.optimizers.SGD(0.0))
        # Three of four images are labeled at depth 1 only.
        y = labels()
        y[1:] = TREE.depth_table[0][y[1:]]
        logits = model(images(), training=True)
        expected = float(loss(y, logits))
        assert abs(expected / float(FocalTreeMin(TREE)(y, logits)) - 1) > 0.1
        assert model.train_on_batch(images(), y) == pytest.approx(expected, rel=1e-5)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert loaded.loss.averaging == "depth"
        assert loaded.test_on_batch(images(), y) == pytest.approx(float(loss(y, model(images()))), rel=1e-5)

    def test_test_on_batch_reports_what_evaluate_reports(self):
        model = HSSN(unet(), seed=0)
        model.compile("sgd", metrics=[LevelMeanIoU(TREE)])
        of_batch = model.test_on_batch(images(), labels(), return_dict=True)
        assert of_batch == pytest.approx(model.evaluate(images(), labels(), return_dict=True, verbose=0))
        with pytest.raises(ValueError, match="`HSSN.train_on_batch` expects class weights in the loss"):
            model.train_on_batch(images(), labels(), class_weight={0: 2.0})

    @only_tensorflow
    def test_triplets_train_the_encoder(self):
        model = HSSN(unet(), seed=0, beta=1.0, beta_schedule="constant")
        nothing = lambda y_true, y_pred: 0.0 * keras.ops.sum(y_pred, axis=-1)  # noqa: E731
        model.compile(keras.optimizers.SGD(0.1), loss=nothing, run_eagerly=True)
        before = np.asarray(model.inference_model.get_layer("encoder_0_a_conv").kernel)
        model.fit(images(), labels(), verbose=0)
        assert np.abs(np.asarray(model.inference_model.get_layer("encoder_0_a_conv").kernel) - before).max() > 0

    @only_tensorflow
    @pytest.mark.parametrize(
        "loss, channels",
        [
            ("crossentropy", 5),
            ("hierarchical_crossentropy", 5),
            ("tree_binary_crossentropy", 7),
            ("focal_binary_crossentropy", 7),
            ("tree_min", 7),
        ],
    )
    def test_rows_of_the_papers_tables(self, loss, channels):
        """With triplets and without; the network is given another head where it needs one."""
        if not IS_TENSORFLOW and loss != "crossentropy":
            pytest.skip("slow, and the losses are tested by themselves")
        y = np.minimum(labels(), TREE.num_leaves - 1)
        for triplet in (False, True):
            model = HSSN(unet(), loss=loss, triplet=triplet)
            model.compile("sgd", run_eagerly=True)
            history = model.fit(images(), y, verbose=0).history
            assert ("tree_triplet" in history) == triplet and np.isfinite(history["loss"]).all()
            assert model(images()).shape[-1] == channels
            assert triplet or model.count_params() == model.inference_model.count_params()

    def test_weights_of_the_network_are_kept(self):
        network = unet()
        expected = np.asarray(network(images()))
        np.testing.assert_array_equal(HSSN(network)(images()), expected)
        flat = HSSN(network, loss="crossentropy").inference_model
        assert isinstance(flat, TreeSegmenter)
        assert flat.get_layer("encoder_0_a_conv") is network.get_layer("encoder_0_a_conv")

    def test_evaluation_is_of_the_logits(self):
        model = HSSN(unet(), seed=0)
        model.compile("sgd", metrics=[LevelMeanIoU(TREE)], run_eagerly=True)
        values = model.evaluate(images(), labels(), return_dict=True, verbose=0)
        assert set(values) == {"loss", "miou_1", "miou_2", "miou_mean"}
        expected = float(FocalTreeMin(TREE)(labels(), model.predict(images(), verbose=0)))
        assert values["loss"] == pytest.approx(expected, rel=1e-4)

    def test_any_image_size(self):
        assert tuple(HSSN(unet())(images(1, (31, 45))).shape) == (1, 31, 45, TREE.num_nodes)

    @pytest.mark.large
    @only_tensorflow
    def test_trains_on_images_and_labels_of_unknown_size(self):
        import tensorflow as tf

        batches = [(images(2, size), labels(2, size)) for size in ((16, 24), (24, 16))]
        unknown = (tf.TensorSpec((None, None, None, 3)), tf.TensorSpec((None, None, None), tf.int32))
        data = tf.data.Dataset.from_generator(lambda: batches, output_signature=unknown)
        model = HSSN(unet(), seed=0)
        model.compile(keras.optimizers.SGD(0.01))
        history = model.fit(data.apply(tf.data.experimental.assert_cardinality(2)), verbose=0).history
        assert np.isfinite(history["loss"]).all() and history["tree_triplet"][0] > 0

    @pytest.mark.large
    @only_tensorflow
    def test_mixed_precision(self):
        keras.config.set_dtype_policy("mixed_float16")
        try:
            model = HSSN(unet(), seed=0)
        finally:
            keras.config.set_dtype_policy("float32")
        model.compile(keras.optimizers.SGD(0.01), jit_compile=False)
        history = model.fit(images(), labels(), batch_size=2, verbose=0).history
        assert np.isfinite(history["loss"]).all() and history["beta"][0] > 0
        assert model.projection(model(images(), training=True)["embedding"]).dtype == "float32"

    @pytest.mark.parametrize(
        "make, message",
        [
            (lambda: functional(), "1x1 convolution.*'to_classes' of type Conv2DTranspose.*as `features`"),
            (lambda: keras.Model(*2 * [keras.Input((4,))]), "one image"),
            (nested, "whose weights lie in one nested model. Pass the nested model itself"),
            (normalized, "whose weights lie in one nested model. Pass the nested model itself"),
            (cropped, "whose layer .* of type Cropping2D crops them"),
            (subclassed_inside, "whose last other layer is 'inside' of type .* as `features`"),
            (channels_first, "whose layer .* has data_format='channels_first'"),
            (one_convolution, "whose weights lie in its classifier. Pass the name"),
        ],
    )
    def test_network_that_cannot_be_cut_open_raises(self, make, message):
        with pytest.raises(ValueError, match=message):
            HSSN(make(), TREE)

    def test_crop_after_a_named_layer_raises(self):
        with pytest.raises(ValueError, match="crops them"):
            HSSN(cropped(), TREE, features="decoder")

    def test_network_that_is_not_functional_raises(self):
        class Subclassed(keras.Model):
            def call(self, x):
                return x

        with pytest.raises(TypeError, match="functional `keras.Model`.*Subclassed"):
            HSSN(Subclassed(), TREE)

    @pytest.mark.parametrize(
        "options, message",
        [
            ({"tree": None}, "expects a `tree`"),
            ({"loss": "dice"}, "`loss` to be one of .*Received: loss='dice'"),
            ({"features": "nowhere"}, "the name of a layer of .*Received: 'nowhere'.*decoder"),
            ({"features": "decoder", "embedding": "nowhere"}, "Received: 'nowhere'"),
            ({"features": "decoder", "beta": -1}, "`peak`"),
            ({"features": "decoder", "beta_schedule": "linear"}, "`beta_schedule` of `HSSN`. expects one of"),
            ({"features": "decoder", "total_steps": 0}, "`total_steps`"),
        ],
    )
    def test_invalid_arguments_raise(self, options, message):
        with pytest.raises(ValueError, match=message):
            HSSN(functional(), **{"tree": TREE, **options})


class PlanTest:
    """The weight of the triplets over the planned updates."""

    @pytest.fixture(autouse=True)
    def skip_what_is_slow(self, request):
        if not IS_TENSORFLOW and "resume" not in request.node.name:
            pytest.skip("slow: one test of `fit` in two parts is enough")

    @staticmethod
    def expected(updates, total, peak=0.5):
        return peak * (1 - np.cos(np.pi * min(updates / total, 1))) / 2

    @staticmethod
    def weights_of(model, **options):
        """The weight at every batch of a `fit`."""
        seen = []
        record = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["beta"]))
        model.fit(images(), labels(), batch_size=1, callbacks=[record], verbose=0, **options)
        # Logs hold the mean of the epoch so far.
        per_epoch = np.array(seen).reshape(-1, 4)
        totals = per_epoch * np.arange(1, 5)
        return np.diff(np.concatenate([np.zeros((len(totals), 1)), totals], axis=1)).reshape(-1)

    def test_grows_over_epochs_times_steps(self):
        model = HSSN(unet(), seed=0)
        model.compile("sgd", run_eagerly=True)
        expected = [self.expected(step, 8) for step in range(8)]
        np.testing.assert_allclose(self.weights_of(model, epochs=2), expected, atol=1e-5)

    def test_callbacks_that_cannot_be_added_to_are_refused(self):
        model = HSSN(unet(), seed=0)
        model.compile("sgd")
        with pytest.raises(ValueError, match="`HSSN.fit` expects a list of callbacks"):
            model.fit(images(), labels(), callbacks=keras.callbacks.CallbackList())

    @pytest.mark.large
    @only_tensorflow
    def test_goes_on_right_after_a_resume(self, tmp_path):
        model = HSSN(unet(), seed=0)
        model.compile("sgd")
        self.weights_of(model, epochs=1)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        expected = [self.expected(step, 12) for step in range(4, 12)]
        np.testing.assert_allclose(self.weights_of(loaded, epochs=3, initial_epoch=1), expected, atol=1e-5)

    @pytest.mark.large
    def test_goes_on_after_being_interrupted(self, tmp_path):
        """Keras's own callback puts weights and epoch back after `fit` has begun."""

        def run(epochs_before_the_end):
            model = HSSN(unet(), seed=0)
            model.compile("sgd", run_eagerly=True)
            model.build(None)
            seen = []

            def on_epoch_end(epoch, logs):
                seen.append(float(logs["beta"]))
                if len(seen) == epochs_before_the_end:
                    raise KeyboardInterrupt

            callbacks = [
                keras.callbacks.BackupAndRestore(tmp_path / "backup"),
                keras.callbacks.LambdaCallback(on_epoch_end=on_epoch_end),
            ]
            try:
                model.fit(images(), labels(), batch_size=1, epochs=3, callbacks=callbacks, verbose=0)
            except KeyboardInterrupt:
                pass
            return seen

        first, second = run(2), run(None)
        per_epoch = [np.mean([self.expected(4 * epoch + step, 12) for step in range(4)]) for epoch in range(3)]
        np.testing.assert_allclose(first, per_epoch[:2], atol=1e-5)
        np.testing.assert_allclose(second, per_epoch[3 - len(second) :], atol=1e-5)
        assert len(second) < 3

    @only_tensorflow
    def test_accumulated_batches_are_one_update(self):
        from hierseg_keras.training import AccumulatedSGD

        model = HSSN(unet(), seed=0)
        model.compile(AccumulatedSGD(0.01, accumulation_steps=2), run_eagerly=True)
        expected = [self.expected(step // 2, 4) for step in range(8)]
        np.testing.assert_allclose(self.weights_of(model, epochs=2), expected, atol=1e-5)
        # Of 32 batches in all, 8 are done.
        model.replan(32)
        assert float(model.beta.next(2)) == pytest.approx(self.expected(4, 16))

    def test_total_steps_and_constant_weight(self):
        for options, expected in (
            ({"total_steps": 2}, [0, 0.25, 0.5, 0.5]),
            ({"beta": 0.2, "beta_schedule": "constant"}, [0.2] * 4),
        ):
            model = HSSN(unet(), seed=0, **options)
            model.compile("sgd", run_eagerly=True)
            np.testing.assert_allclose(self.weights_of(model), expected, atol=1e-5)

    def test_unknown_number_of_updates_raises(self):
        model = HSSN(unet(), seed=0)
        model.compile("sgd", run_eagerly=True)
        with pytest.raises(ValueError, match="Pass `total_steps`"):
            model.train_on_batch(images(), labels())

        def batches():
            while True:
                yield images(), labels()

        with pytest.raises(ValueError, match="data of known length.*Pass `steps_per_epoch`"):
            model.fit(batches(), verbose=0)
        assert np.isfinite(model.fit(batches(), steps_per_epoch=2, verbose=0).history["loss"]).all()

    def test_weight_is_half_a_cosine(self):
        weight = CosineWeight(0.4, total_steps=10)
        values = [float(weight.next()) for _ in range(12)]
        np.testing.assert_allclose(values, [self.expected(step, 10, 0.4) for step in range(12)], atol=1e-6)

    def test_number_of_planned_updates_may_change(self):
        weight = CosineWeight(0.5)
        weight.plan(3, 5, accumulation_steps=2)
        assert int(weight.num_batches) == 6
        assert [float(weight.next(2)) for _ in range(2)] == pytest.approx([self.expected(3, 8)] * 2)
        weight.replan(16)
        assert float(weight.next(2)) == pytest.approx(self.expected(4, 16))
        of_one_length = CosineWeight(0.5, total_steps=10)
        of_one_length.plan(3, 5)
        of_one_length.replan(16)
        assert float(of_one_length.next()) == pytest.approx(self.expected(3, 10))


@only_tensorflow
class ReplicasTest:
    @pytest.mark.large
    def test_one_and_two_replicas(self, two_replicas):
        """The same objective and gradient of what is not drawn; triplets of their own on each replica."""
        import contextlib

        weights, logs = [], []
        y = np.where(np.arange(32) < 30, labels(), 255).astype("int32")
        for strategy, triplet in ((None, False), (two_replicas, False), (None, True), (two_replicas, True)):
            keras.utils.set_random_seed(0)
            with strategy.scope() if strategy else contextlib.nullcontext():
                network = TreeSegmenter(plain_network(), TREE)
                model = HSSN(network, triplet=triplet, seed=0, beta=1.0, beta_schedule="constant")
                model.compile(keras.optimizers.SGD(0.1))
            logs.append(model.fit(images(), y, batch_size=4, epochs=2, shuffle=False, verbose=0).history)
            weights.append(model.inference_model.get_weights())
        assert logs[0]["loss"] == pytest.approx(logs[1]["loss"], rel=1e-5)
        for weight, other in zip(weights[0], weights[1]):
            np.testing.assert_allclose(weight, other, rtol=1e-4, atol=1e-6)
        # In the first step all that differs is which triplets are drawn.
        assert logs[2]["focal_tree_min"][0] == pytest.approx(logs[3]["focal_tree_min"][0], rel=1e-5)
        assert logs[2]["tree_triplet"][0] == pytest.approx(logs[3]["tree_triplet"][0], rel=0.2)
        assert logs[2]["tree_triplet"][0] != logs[3]["tree_triplet"][0]
        total = logs[3]["focal_tree_min"][0] + logs[3]["tree_triplet"][0]
        assert logs[3]["loss"][0] == pytest.approx(total, rel=0.05)


def plain_network():
    image = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="embedding")(x)
    return keras.Model(image, keras.layers.Conv2D(5, 1)(x))
