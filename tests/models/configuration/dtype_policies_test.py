"""The dtype policy of a network's layers is saved with it, and scales the loss of what trains it."""

import copy
import itertools
import json

import keras
import pytest

from hierseg_keras.models import HS3, HSSN, MaskClassification, MaskFormer, MultiScale, TreeSegmenter, UNet
from hierseg_keras.models.configuration.dtype_policies import under_policy
from hierseg_keras.tree import ClassTree

TREE = ClassTree(["human/person", "human/rider", "sky"])
STAGE = "encoder_0_a_relu"
MIXED = "mixed_float16"


def unet():
    return UNet(TREE, filters=2, num_stages=1)


def flat():
    image = keras.Input((8, 8, 3))
    return keras.Model(image, keras.layers.Conv2D(3, 1)(keras.layers.Conv2D(4, 1)(image)))


def policies(model):
    return [layer.dtype_policy.name for layer in (model, *model._flatten_layers(include_self=False))]


MAKERS = [unet, lambda: HSSN(unet()), lambda: HS3(unet(), [STAGE], [1]), lambda: TreeSegmenter(flat(), TREE)]


class UnderPolicyTest:
    def test_the_global_policy_is_restored_after_an_error(self):
        with pytest.raises(ValueError, match="any"), under_policy(MIXED):
            assert keras.config.dtype_policy().name == MIXED
            raise ValueError("any")
        assert keras.config.dtype_policy().name == "float32"


class SavedPolicyTest:
    @pytest.mark.parametrize("make", [*MAKERS, lambda: MultiScale(unet())])
    def test_layers_have_the_policies_that_they_were_built_under(self, make):
        for built, loaded in itertools.permutations(("float32", MIXED)):
            with under_policy(built):
                model = make()
            with under_policy(loaded):
                again = type(model).from_config(model.get_config())
                assert keras.config.dtype_policy().name == loaded
            assert policies(again) == policies(model) and built in policies(model)

    def test_files_and_copies_keep_them(self, tmp_path):
        with under_policy(MIXED):
            model = unet()
        model.save(tmp_path / "model.keras")
        for other in (keras.models.load_model(tmp_path / "model.keras"), copy.deepcopy(model)):
            assert policies(other) == policies(model) and other.compute_dtype == "float16"

    def test_a_policy_may_map_layers(self):
        with under_policy(keras.dtype_policies.DTypePolicyMap(default_policy="mixed_bfloat16")):
            model = unet()
        again = UNet.from_config(json.loads(json.dumps(model.get_config())))
        assert again.layers[-1].compute_dtype == model.layers[-1].compute_dtype == "float32"
        assert {layer.compute_dtype for layer in again.layers} == {layer.compute_dtype for layer in model.layers}

    def test_a_configuration_without_one_is_built_under_the_global_policy(self):
        config = unet().get_config()
        del config["dtype_policy"]
        with under_policy(MIXED):
            assert UNet.from_config(config).dtype_policy.name == MIXED


class ScaleLossForTest:
    @pytest.mark.parametrize(
        "wrap",
        [
            lambda: HSSN(unet_of_mixed()),
            lambda: HS3(unet_of_mixed(), [STAGE], [1]),
            lambda: TreeSegmenter(of_mixed(flat), TREE),
            # Keras saves the policies of layers, but none of the functional model itself.
            lambda: TreeSegmenter(loaded(of_mixed(flat)), TREE),
            lambda: MaskClassification(of_mixed(maskformer)),
        ],
    )
    def test_wrapper_around_a_mixed_network_scales_the_loss(self, wrap):
        model = wrap()
        model.compile("sgd")
        assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)

    def test_others_do_not(self):
        model = HSSN(unet())
        model.compile("sgd")
        assert isinstance(model.optimizer, keras.optimizers.SGD)


def of_mixed(make):
    with under_policy(MIXED):
        return make()


def unet_of_mixed():
    return of_mixed(unet)


def loaded(model):
    return type(model).from_config(model.get_config())


def maskformer():
    return MaskFormer(TREE, backbone="swin_nano", filters=16, num_queries=4, num_layers=1)
