"""The report page: a folder that a browser opens from disk."""

from hierseg_keras.visualization.page.report_page import report_page
from hierseg_keras.visualization.page.reported_run import ReportedRun

__all__ = ["ReportedRun", "report_page"]
