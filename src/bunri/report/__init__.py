"""Results as one page: experiments, runs or predictions in, a self-contained HTML file out."""

from bunri.report.page import write_report

__all__ = ["write_report"]
