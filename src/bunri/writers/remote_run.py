"""What a run folder remembers of a run that is also kept by a service, such as W&B or MLflow."""

from bunri.events import Scalars
from bunri.files import read_json, write_json
from bunri.run_folder import RunFolder


class RemoteRun:
    """Which run of a service a run folder belongs to, and up to which step it has been told; kept in the run folder.

    A continued run goes on with the service's same run. Its steps never go back: what was told before it was killed
    comes once more after the checkpoint, with the same numbers, and is left out.
    """

    def __init__(self, folder: RunFolder, service: str) -> None:
        """Read what a former start of the run left.

        Raises:
            DataError: The file is not what it was written as.
        """
        self._path = folder.remote_run_file(service)
        values = dict(read_json(self._path, f"the {service} run")) if self._path.exists() else {}
        self.run_id: str | None = values.get("run_id")
        self.step = int(values.get("step", -1))
        self._new_from = self.step

    def began(self, run_id: str) -> None:
        """Keep the id the service knows the run by."""
        self.run_id = run_id
        self._write()

    def is_new(self, event: Scalars) -> bool:
        """Whether the service has not been told of this step by a former start of the run."""
        return event.step > self._new_from

    def told(self, step: int) -> None:
        """Keep up to which step the service has been told."""
        if step > self.step:
            self.step = step
            self._write()

    def _write(self) -> None:
        write_json(self._path, {"run_id": self.run_id, "step": self.step})
