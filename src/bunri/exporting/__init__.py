"""The verb ``export``: the framework writes networks, they are converted, tried against the framework, quantized."""

from bunri.exporting.running import Exported, ExportOrder, export_run

__all__ = ["ExportOrder", "Exported", "export_run"]
