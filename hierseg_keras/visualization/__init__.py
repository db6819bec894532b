"""Pictures of label maps at every level, and of a training run."""

from hierseg_keras.visualization.colours import colour_labels, node_colours
from hierseg_keras.visualization.curves import draw_curves
from hierseg_keras.visualization.levels import draw_levels

__all__ = ["colour_labels", "draw_curves", "draw_levels", "node_colours"]
