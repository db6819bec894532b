"""A run's metrics and pictures for TensorBoard."""

import importlib.util

import keras
import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg

from hierseg_keras.training.callbacks import DrawPredictions


def check_tensorboard():
    """Refuses to begin where metrics could not be written at the end of the first epoch.

    Raises:
        ModuleNotFoundError: If the package `tensorboard` is missing, through which TensorFlow
            writes and on which it does not depend.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise ModuleNotFoundError(
            "`tensorboard=True` expects the package tensorboard, which is not installed. Received: tensorboard=True. "
            "Run `pip install tensorboard`."
        )


def tensorboard_callbacks(tree, examples, folder):
    """Writes what TensorBoard shows of a run.

    Its tab Scalars has every figure by epoch, training and validation, and its tab Images the
    picture of `visualization.draw_levels` for each example: image, truth and prediction at every
    level.

    Args:
        tree: `ClassTree`.
        examples: List of pairs `(image, label)`, `(H, W, 3)` and `(H, W)` arrays.
        folder: Folder that `tensorboard --logdir` is given.

    Returns:
        List of callbacks. Those that change weights when an epoch ends come before them.
    """
    return [
        keras.callbacks.TensorBoard(folder, write_graph=False),
        DrawPredictions(tree, examples, _image_writer(folder / "pictures")),
    ]


def _image_writer(folder):
    writer = tf.summary.create_file_writer(str(folder))

    def write(figure, index, epoch):
        # Keras's callback counts epochs from 0, and the curves stand beside the pictures.
        with writer.as_default(step=epoch - 1):
            tf.summary.image(f"validation_{index + 1}", _pixels(figure)[None])
        writer.flush()

    return write


def _pixels(figure):
    """A figure as an `(H, W, 3)` uint8 array."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]
