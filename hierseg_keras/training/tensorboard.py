"""Writes a run's metrics and pictures for TensorBoard."""

import importlib.util

import keras
import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg

from hierseg_keras.training.callbacks import DrawPredictions


def check_tensorboard():
    """Checks that TensorBoard is installed. Otherwise a run would fail only at the end of its first epoch.

    Raises:
        ModuleNotFoundError: If the package `tensorboard` is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise ModuleNotFoundError(
            "`tensorboard=True` expects the package tensorboard to be installed. Received: tensorboard=True without "
            "it. Run `pip install tensorboard`."
        )


def tensorboard_callbacks(tree, examples, folder, palette=None):
    """Makes the callbacks that write a run's metrics and pictures for TensorBoard.

    The tab "Scalars" shows the training and validation metrics per epoch. The tab "Images" shows the picture
    of `visualization.draw_levels` for each example: image, ground truth and prediction at every level.

    Args:
        tree: `ClassTree`.
        examples: List of pairs `(image, label)`, `(H, W, 3)` and `(H, W)` arrays.
        folder: `pathlib.Path` of the folder to pass to `tensorboard --logdir`.
        palette: Colors of the nodes, as in `visualization.node_colors`.

    Returns:
        List of callbacks. Place them after callbacks that change the weights at the end of an epoch.
    """
    return [
        keras.callbacks.TensorBoard(folder, write_graph=False),
        DrawPredictions(tree, examples, _image_writer(folder / "pictures"), palette=palette),
    ]


def _image_writer(folder):
    writer = tf.summary.create_file_writer(str(folder))

    def write(figure, index, epoch):
        # Keras's callback counts epochs from 0. Pictures use the same numbers as the curves.
        with writer.as_default(step=epoch - 1):
            tf.summary.image(f"validation_{index + 1}", _pixels(figure)[None])
        writer.flush()

    return write


def _pixels(figure):
    """A figure as an `(H, W, 3)` uint8 array."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]
