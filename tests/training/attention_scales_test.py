"""Predictions of a network with scale attention at other scales than those of its training."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from hierseg_command.grammar import make_parser  # noqa: E402
from hierseg_keras.models import Calibrated, HRNetOCRScaleAttention, MultiScale  # noqa: E402
from hierseg_keras.training import RunConfig, for_inference  # noqa: E402
from hierseg_keras.training.build import make_model, tree_of  # noqa: E402

SMALL = {"width": 2, "num_modules": (1, 1, 1), "num_blocks": 1, "filters": 4, "key_filters": 4}
METHOD = {"name": "HS3", "clusters": [2, 1], "fuse": True}


def run(method=None, **network):
    config = RunConfig(
        data={"tree": "lip"}, network={"name": "HRNetOCRScaleAttention", **SMALL, **network}, method=method
    )
    return config, make_model(config, tree_of(config.data))


@pytest.mark.parametrize("method", [None, METHOD])
def test_other_scales_have_the_weights_of_the_run(method):
    config, model = run(method, scales=(0.5, 1.0))
    three = for_inference(config, model, attention_scales=(0.5, 1, 2))
    expected = getattr(run(method, scales=(0.5, 1.0, 2.0))[1], "inference_model", None) or run(scales=(0.5, 1, 2))[1]
    expected.set_weights(getattr(model, "inference_model", model).get_weights())
    image = np.random.default_rng(0).uniform(0, 255, (1, 24, 32, 3)).astype("float32")
    np.testing.assert_allclose(three(image), expected(image), rtol=1e-4, atol=1e-4)
    assert np.abs(np.asarray(three(image)) - np.asarray(model(image))).max() > 1e-6
    if method is None:
        assert isinstance(three, HRNetOCRScaleAttention) and three.scales == (2.0, 1.0, 0.5)


def test_a_calibrated_network_stays_calibrated():
    config, model = run(scales=(0.5, 1.0))
    plain = for_inference(config, model, attention_scales=(0.5, 1, 2))
    calibrated = for_inference(config, Calibrated(model, 2.0), attention_scales=(0.5, 1, 2))
    image = np.random.default_rng(0).uniform(0, 255, (1, 24, 32, 3)).astype("float32")
    np.testing.assert_allclose(calibrated(image), np.asarray(plain(image)) / 2, rtol=1e-5, atol=1e-5)


def test_networks_that_are_not_those_of_the_run_are_refused():
    config, model = run(scales=(0.5, 1.0))
    with pytest.raises(ValueError, match="`attention_scales` expects the network of the run.*without weights for"):
        for_inference(config, MultiScale(model, flip=True), attention_scales=(0.5, 1, 2))


def test_networks_without_attention_are_refused():
    config = RunConfig(data={"tree": "lip"}, network={"name": "UNet", "filters": 2, "num_stages": 1})
    with pytest.raises(ValueError, match="network has scale attention.*Received: UNet. Use `scales`"):
        for_inference(config, make_model(config, tree_of(config.data)), attention_scales=(1,))


def test_option_of_the_commands_that_predict():
    for command in ("evaluate run", "predict run images --out out", "export run --out out", "report run --out out"):
        options = make_parser().parse_args([*command.split(), "--attention-scales", "0.5,1,2"])
        assert options.attention_scales == (0.5, 1.0, 2.0)
