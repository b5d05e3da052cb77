"""Data and predictions in the words of other tools: supervision, FiftyOne and Label Studio."""

from bunri.sharing.fiftyone_samples import to_fiftyone
from bunri.sharing.label_studio import label_studio_config, label_studio_tasks, write_label_studio
from bunri.sharing.supervision_boxes import from_supervision, to_supervision

__all__ = [
    "from_supervision",
    "label_studio_config",
    "label_studio_tasks",
    "to_fiftyone",
    "to_supervision",
    "write_label_studio",
]
