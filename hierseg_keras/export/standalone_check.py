"""Loads a SavedModel without Keras and hierseg_keras, and compares its outputs with expected ones.

This is a script, to be run in a new process:

    python standalone_check.py SAVED_MODEL EXPECTED.npz

`EXPECTED.npz` holds one array per input and output of each request: `<signature>/<request>/input/<name>` and
`<signature>/<request>/output/<name>`. The script prints the largest difference of each output. Its exit status is 1
if an output differs, or if the SavedModel has a signature without a request.
"""

import collections
import sys

# Importing a module that is None here fails, which shows that the SavedModel does not need it.
sys.modules["keras"] = None
sys.modules["hierseg_keras"] = None

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

# Probabilities may differ in their last digits between two runs of the same graph.
TOLERANCE = 1e-5


def main(saved_model, expected):
    signatures = tf.saved_model.load(saved_model).signatures
    requests = collections.defaultdict(lambda: {"input": {}, "output": {}})
    for key, array in np.load(expected).items():
        signature, request, role, name = key.split("/")
        requests[signature, request][role][name] = array
    failures = [f"{name} was not compared" for name in set(signatures) - {name for name, _ in requests}]
    for (signature, _), request in requests.items():
        failures += compare(signatures, signature, **request)
    for failure in failures:
        print(f"  FAILED: {failure}")
    return 1 if failures or not requests else 0


def compare(signatures, signature, input, output):
    """Compares the outputs of one request. Returns the list of failures."""
    if signature not in signatures:
        return [f"there is no signature {signature}"]
    answers = signatures[signature](**{name: tf.constant(value) for name, value in input.items()})
    if set(answers) != set(output):
        return [f"{signature} has the outputs {sorted(answers)}. Expected: {sorted(output)}"]
    failures = []
    for name, answer in sorted(answers.items()):
        answer, expected = answer.numpy(), output[name]
        if (answer.shape, answer.dtype) != (expected.shape, expected.dtype):
            failures.append(f"{signature}: {name} is {answer.dtype} {answer.shape}. Expected: {expected.shape}")
            continue
        difference = np.max(np.abs(answer.astype(np.float64) - expected), initial=0.0)
        size = " x ".join(map(str, answer.shape[1:3]))
        print(f"  {signature:21s}  {size:10s}  {name:18s}  largest difference {difference:.1e}")
        allowed = 0 if np.issubdtype(answer.dtype, np.integer) else TOLERANCE
        if not difference <= allowed:
            failures.append(f"{signature}: {name} differs by {difference}")
    return failures


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
