"""Loads a SavedModel without Keras and hierseg_keras, and compares its outputs with expected ones.

This is a script, to be run in a new process:

    python standalone_check.py SAVED_MODEL EXPECTED.npz

`EXPECTED.npz` holds the names of all signatures, and one array per input and output of each request:
`<signature>/<request>/input/<name>` and `<signature>/<request>/output/<name>`. The script prints the largest difference
of each output over all requests. Its exit status is 1 if an output differs, or if the SavedModel has other signatures.
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
    arrays = dict(np.load(expected))
    failures = [
        f"{name} is a signature of one of the two only" for name in set(signatures) ^ set(arrays.pop("signatures"))
    ]
    for key, array in arrays.items():
        signature, request, role, name = key.split("/")
        requests[signature, request][role][name] = array
    differences = collections.defaultdict(list)
    for (signature, _), request in requests.items():
        if signature in signatures:
            failures += compare(signatures[signature], signature, differences, **request)
    for (signature, name), found in differences.items():
        print(f"  {signature:21s}  {name:18s}  {len(found)} requests  largest difference {max(found):.1e}")
    for failure in failures:
        print(f"  FAILED: {failure}")
    return 1 if failures or not requests else 0


def compare(call, signature, differences, input, output):
    """Compares the outputs of one request, and adds their differences. Returns the list of failures."""
    answers = call(**{name: tf.constant(value) for name, value in input.items()})
    if set(answers) != set(output):
        return [f"{signature} has the outputs {sorted(answers)}. Expected: {sorted(output)}"]
    failures = []
    for name, answer in sorted(answers.items()):
        answer, expected = answer.numpy(), output[name]
        if (answer.shape, answer.dtype) != (expected.shape, expected.dtype):
            failures.append(f"{signature}: {name} is {answer.dtype} {answer.shape}. Expected: {expected.shape}")
            continue
        difference = np.max(np.abs(answer.astype(np.float64) - expected), initial=0.0)
        differences[signature, name].append(difference)
        allowed = 0 if np.issubdtype(answer.dtype, np.integer) else TOLERANCE
        if not difference <= allowed:
            failures.append(f"{signature}: {name} differs by {difference}")
    return failures


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
