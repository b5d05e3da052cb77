"""Every fault of a data set at once.

The doctor reads the JSON itself, so that it survives a file that :func:`bunri.load_dataset` refuses at its first fault.
"""

from os import PathLike
from pathlib import Path

from bunri.doctor.findings import Finding, Report, Severity, collected
from bunri.doctor.labels import faults_of_labels, read_labels
from bunri.doctor.photo_files import faults_of_photos
from bunri.errors import DataError

__all__ = ["Finding", "Report", "Severity", "examine"]


def examine(
    path: str | PathLike[str],
    image_folder: str | PathLike[str] | None = None,
    photos: bool = True,
    max_places: int = 5,
) -> Report:
    """Examine COCO JSON and its photos.

    Args:
        path: The COCO JSON file; it may be broken.
        image_folder: Where the file names start; by default the folder of the JSON file.
        photos: Read the photos too; each is decoded whole.
        max_places: Places named for each kind of fault; all are counted.
    """
    path = Path(path)
    folder = path.parent if image_folder is None else Path(image_folder)
    try:
        labels = read_labels(path)
    except DataError as error:
        return Report(path, 0, 0, collected([("not_coco", str(error))], max_places))
    faults = list(faults_of_labels(labels))
    if photos:
        faults.extend(faults_of_photos(labels, folder))
    return Report(path, len(labels.images), len(labels.annotations), collected(faults, max_places))
