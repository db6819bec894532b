"""Loads a SavedModel without Keras and hierseg_keras, and compares its outputs with expected ones.

This is a script, to be run in a new process:

    python standalone_check.py SAVED_MODEL EXPECTED.npz

For each case `i`, `EXPECTED.npz` holds `case_i_image` (uint8, `(B, H, W, 3)`) and `case_i_<output>` for
each output of the signature `serving_default`. The script prints the largest difference of each
output. Its exit status is 1 if an output differs.
"""

import sys

# Importing a module that is None here fails, which shows that the SavedModel does not need it.
sys.modules["keras"] = None
sys.modules["hierseg_keras"] = None

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

# Probabilities may differ in their last digits between two runs of the same graph.
TOLERANCE = 1e-5


def main(saved_model, expected):
    serve = tf.saved_model.load(saved_model).signatures["serving_default"]
    expected = np.load(expected)
    cases = sorted({key.split("_")[1] for key in expected.files})
    failures = []
    for case in cases:
        image = expected[f"case_{case}_image"]
        answers = serve(image=tf.constant(image))
        wanted = {key.removeprefix(f"case_{case}_") for key in expected.files if key.startswith(f"case_{case}_")}
        if wanted - {"image"} != set(answers):
            failures.append(f"outputs {sorted(answers)} where {sorted(wanted)} were expected")
            continue
        for name, answer in sorted(answers.items()):
            difference = np.max(np.abs(answer.numpy().astype(np.float64) - expected[f"case_{case}_{name}"]))
            print(f"  {image.shape[1]} x {image.shape[2]}  {name:20s} largest difference {difference:.1e}")
            allowed = 0 if np.issubdtype(answer.numpy().dtype, np.integer) else TOLERANCE
            if not difference <= allowed:
                failures.append(f"{name} of case {case} differs by {difference}")
    for failure in failures:
        print(f"  FAILED: {failure}")
    return 1 if failures or not cases else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
