"""An export where a trained run may stand: it has a run's facts, and looks at photos in this process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bunri.engines.exported.files import read_spec
from bunri.engines.exported.model import open_export
from bunri.engines.predicting import looking_with
from bunri.photos import Photo
from bunri.predictions import Predictions
from bunri.run_folder import RunFolder


@dataclass(frozen=True)
class ExportedRun(RunFolder):
    """An export as a run; ``path`` is its JSON."""

    def read_manifest(self, *needed: str) -> dict[str, Any]:
        """What of a run's manifest an export knows."""
        spec = read_spec(self.path)
        facts = {"model": spec.source.model, "engine": spec.source.engine, "fold": spec.source.fold}
        classes = {"class_names": list(spec.class_names), "category_ids": list(spec.category_ids)}
        return {**facts, **classes, "status": "done"}


class ExportedSession:
    """An export that looks at photos (:class:`bunri.engines.session.Session`); it needs no worker."""

    def __init__(self, run: ExportedRun, threads: int | None = None) -> None:
        """Load the export; ``threads`` of the CPU, None takes those this process may use.

        Raises:
            BunriError: As :func:`bunri.engines.exported.model.open_export`.
        """
        model = open_export(run.path, threads)
        self._look = looking_with(model, model.recipe)

    @property
    def alive(self) -> bool:
        """Always: there is no process that could die."""
        return True

    def find(self, photos: Sequence[Photo]) -> Predictions:
        """Boxes on some photos in all views; the image ids of the result are the rows.

        Raises:
            EngineError: The runtime failed on these photos.
        """
        return self._look(photos)

    def close(self) -> None:
        """Nothing is held beyond the object."""
