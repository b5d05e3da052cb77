"""Weights & Biases: curves, configs, manifest and predicted photos of a run, with the package ``wandb``."""

import os
import secrets
import threading
from http.client import HTTPException
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from pydantic import Field

from bunri.errors import UsageError
from bunri.events import Ended, Event, Scalars
from bunri.settings import Settings
from bunri.writers.background import SECONDS_TO_CLOSE
from bunri.writers.base import RecordedRun, need_packages, say_to_stderr
from bunri.writers.remote_run import RemoteRun
from bunri.writers.wandb_photos import photo_table

KEY = "WANDB_API_KEY"
"""The environment variable with the key; it is read by wandb alone and written nowhere."""

SECONDS_TO_BEGIN = 20.0
"""A server that has not answered after this time is taken for away."""


class WandbSettings(Settings):
    """Where W&B keeps the runs; the key comes from the environment variable ``WANDB_API_KEY``."""

    project: str | None = None
    """null takes the experiment's name."""
    entity: str | None = None
    """User or team; null takes the key's default one."""
    group: str | None = None
    """What its runs are grouped by; null takes the model's name."""
    tags: tuple[str, ...] = ()
    """Of every run."""
    run_name: str | None = None
    """With ``{label}`` and ``{model}`` filled in; null takes the run's label, such as ``fcos fold0``."""
    mode: Literal["auto", "online", "offline"] = "auto"
    """``auto``: ``WANDB_MODE``, or online where there is a key. ``wandb sync`` sends what was recorded offline."""
    photos: Annotated[int, Field(ge=0)] = 32
    """Photos of the table of predictions at the end; 0 leaves it out."""

    def chosen_mode(self) -> str:
        """The mode wandb is started in."""
        if self.mode != "auto":
            return self.mode
        return os.environ.get("WANDB_MODE") or ("online" if os.environ.get(KEY) else "offline")


def check_wandb(settings: WandbSettings) -> None:
    """Look whether the package is there, and the key where it is needed.

    Raises:
        MissingPackageError: The package is not.
        UsageError: The key is not.
    """
    need_packages("wandb", ("wandb",))
    if settings.chosen_mode() == "online" and not os.environ.get(KEY):
        raise UsageError(f"writers.wandb: mode online needs a key in {KEY}, but it is not set. Set it, or use offline.")


def answers(url: str) -> bool:
    """Whether a server answers at all; it is asked nothing and told nothing."""
    try:
        with urlopen(Request(url, method="HEAD"), timeout=SECONDS_TO_BEGIN):
            return True
    except HTTPError:
        return True
    except (OSError, ValueError, HTTPException):
        return False


class _Service:
    """wandb's own process, shared by the runs of this one and ended with the last of them."""

    def __init__(self) -> None:
        self._runs, self._lock = 0, threading.Lock()
        self._variables: list[str] = []

    def begin(self, files: Path, **arguments: Any) -> Any:
        """Begin a run of W&B; what wandb would put into the home folder goes to ``files``."""
        import wandb

        with self._lock:
            self._runs += 1
            if self._runs == 1:
                self._set_variables(files)
            wandb.setup(settings=arguments["settings"])  # else it talks while it logs in
        try:
            return wandb.init(**arguments)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Count a run that is over; end the process with the last one."""
        import wandb

        with self._lock:
            self._runs -= 1
            if not self._runs:
                wandb.teardown()
                for name in self._variables:
                    os.environ.pop(name, None)

    def _set_variables(self, files: Path) -> None:
        wanted = {"WANDB_DATA_DIR": str(files), "WANDB_CACHE_DIR": str(files), "WANDB_ERROR_REPORTING": "false"}
        self._variables = [name for name in wanted if name not in os.environ]
        os.environ.update({name: wanted[name] for name in self._variables})


_service = _Service()


class WandbWriter:
    """A run of W&B, the same one where a run goes on."""

    def __init__(self, settings: WandbSettings, run: RecordedRun) -> None:
        """Begin or continue the run; may wait for a network."""
        self._settings, self._recorded, self._remote = settings, run, RemoteRun(run.folder, "wandb")
        self._exit_code = 0
        run_id = self._remote.run_id or secrets.token_hex(4)
        run.folder.wandb_folder.mkdir(parents=True, exist_ok=True)
        self._run = _service.begin(
            (run.experiment_folder or run.folder.path) / "wandb_files",
            project=settings.project or run.experiment,
            entity=settings.entity,
            group=settings.group or run.model,
            name=run.named(settings.run_name),
            tags=list(settings.tags),
            id=run_id,
            resume="allow",
            mode=self._mode(),
            dir=str(run.folder.path),
            config=self._config(),
            reinit="create_new",
            settings=_silent_settings(),
        )
        try:
            self._remote.began(run_id)
            self._run.define_metric("iteration")
            self._run.define_metric("*", step_metric="iteration")
        except BaseException:
            self.close()
            raise

    def _mode(self) -> str:
        """The mode chosen, or offline where the server does not answer."""
        mode = self._settings.chosen_mode()
        if mode != "online" or answers(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")):
            return mode
        folder = self._recorded.folder.wandb_folder
        say_to_stderr(f"warning: W&B does not answer; {self._recorded.label} is recorded for `wandb sync` in {folder}")
        return "offline"

    def _config(self) -> dict[str, Any]:
        run = self._recorded
        return {"recipe": dict(run.recipe), "native": run.native_config(), "manifest": run.folder.read_manifest()}

    def write(self, event: Event) -> None:
        """Record scalars, and at the end the manifest and the photos."""
        if isinstance(event, Scalars) and self._remote.is_new(event):
            self._run.log({"iteration": event.step, "epoch": event.epoch, **event.values}, step=event.step)
            self._remote.told(event.step)
        elif isinstance(event, Ended):
            self._run.config.update(self._config(), allow_val_change=True)
            self._run.summary["status"] = event.status
            self._exit_code = int(event.status == "failed")
            if event.status == "done" and (table := photo_table(self._recorded, self._settings.photos)) is not None:
                self._run.log({"predictions": table, "iteration": self._remote.step})

    def close(self) -> None:
        """Send the rest and end the run."""
        try:
            self._run.finish(exit_code=self._exit_code)
        finally:
            _service.end()


def _silent_settings() -> Any:
    """W&B prints nothing, looks at neither machine nor code, and gives up sending before the run's patience ends."""
    import wandb

    return wandb.Settings(
        silent=True,
        console="off",
        init_timeout=SECONDS_TO_BEGIN,
        finish_timeout=SECONDS_TO_CLOSE * 0.8,
        disable_git=True,
        disable_code=True,
        save_code=False,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )
