"""Results as one page: an experiment's folder in, a self-contained HTML file out."""

from bunri.report.page import write_report

__all__ = ["write_report"]
