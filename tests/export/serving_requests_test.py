"""The requests of the page on serving fit the signatures of a SavedModel, read as TensorFlow Serving reads them."""

import base64
import json

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402

from hierseg_keras import export  # noqa: E402
from hierseg_keras.tree import ClassTree  # noqa: E402
from tests.docs_test import ROOT, blocks  # noqa: E402

TREE = ClassTree.from_text("human\n\tperson\n\trider\nsky")
PAGE = ROOT / "docs" / "export_and_serve.md"
REQUESTS = [json.loads(code) for _, language, code in blocks(PAGE) if language == "json"]


@pytest.fixture(scope="module")
def signatures(tmp_path_factory):
    image = keras.Input((None, None, 3))
    path = tmp_path_factory.mktemp("models") / "1"
    export.saved_model(keras.Model(image, keras.layers.Conv2D(TREE.num_nodes, 1)(image)), path, tree=TREE)
    return tf.saved_model.load(str(path)).signatures


def decoded(value):
    """Replaces `{"b64": ...}` by bytes, as the server does."""
    if isinstance(value, dict):
        return base64.b64decode(value["b64"], validate=True)
    return [decoded(item) for item in value] if isinstance(value, list) else value


def inputs_of(request, names):
    """Reads the row format (`instances`) and the columnar format (`inputs`)."""
    if "inputs" in request:
        return {name: decoded(value) for name, value in request["inputs"].items()}
    # A row of a signature with one input is that input, or a dict by its name.
    (name,) = names
    rows = [row[name] if isinstance(row, dict) and name in row else row for row in request["instances"]]
    return {name: decoded(rows)}


class RestRequestTest:
    @pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.get("signature_name", "default"))
    def test_fits_its_signature_and_is_answered(self, request_, signatures):
        signature = signatures[request_.get("signature_name", "serving_default")]
        specs = signature.structured_input_signature[1]
        values = inputs_of(request_, specs)
        assert set(values) == set(specs)
        tensors = {name: tf.constant(value, specs[name].dtype) for name, value in values.items()}
        assert all(tensors[name].shape.is_compatible_with(spec.shape) for name, spec in specs.items())
        answers = signature(**tensors)
        assert all(np.asarray(answer).size for answer in answers.values())
        if "instances" in request_:
            # The row format needs the batch as the first axis of every output.
            assert {len(answer) for answer in answers.values()} == {len(request_["instances"])}

    def test_page_shows_both_formats_and_three_signatures(self):
        assert {"instances", "inputs"} <= {key for request in REQUESTS for key in request}
        assert len(REQUESTS) == 3


class GrpcRequestTest:
    def test_client_of_the_page_builds_a_request_that_fits(self, signatures, tmp_path, monkeypatch):
        pytest.importorskip("tensorflow_serving")
        (code,) = [code for _, _, code in blocks(PAGE) if "PredictRequest" in code]
        (tmp_path / "photo.png").write_bytes(tf.io.encode_png(np.zeros((2, 3, 3), np.uint8)).numpy())
        monkeypatch.chdir(tmp_path)
        names = {}
        exec(code.split("channel = ")[0], names)
        request = names["request"]
        signature = signatures[request.model_spec.signature_name]
        specs = signature.structured_input_signature[1]
        tensors = {name: tf.constant(tf.make_ndarray(proto)) for name, proto in request.inputs.items()}
        assert {name: (tensor.dtype, tensor.shape.rank) for name, tensor in tensors.items()} == {
            name: (spec.dtype, spec.shape.rank) for name, spec in specs.items()
        }
        assert set(request.output_filter) <= set(signature(**tensors))
