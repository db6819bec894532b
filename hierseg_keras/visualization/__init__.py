"""Pictures of class trees, label maps at every level, training curves, per-class scores and clusters; report pages."""

from hierseg_keras.visualization.clusters import draw_clusters
from hierseg_keras.visualization.colors import color_labels, node_colors
from hierseg_keras.visualization.confidence import draw_confidence_curve
from hierseg_keras.visualization.contact_sheet import draw_contact_sheet
from hierseg_keras.visualization.curves import draw_curves
from hierseg_keras.visualization.embedding import draw_embedding
from hierseg_keras.visualization.levels import draw_levels
from hierseg_keras.visualization.page import ReportedRun, report_page
from hierseg_keras.visualization.report import draw_report
from hierseg_keras.visualization.trade_offs import draw_trade_offs
from hierseg_keras.visualization.trees import draw_tree

__all__ = [
    "ReportedRun",
    "color_labels",
    "draw_clusters",
    "draw_confidence_curve",
    "draw_contact_sheet",
    "draw_curves",
    "draw_embedding",
    "draw_levels",
    "draw_report",
    "draw_trade_offs",
    "draw_tree",
    "node_colors",
    "report_page",
]
