"""The verb ``serve``: the model is loaded, the page is there, and nobody else is let in unless told."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bunri.errors import MissingPackageError, UsageError
from bunri.inference.models import TrainedModel
from bunri.inference.opening import open_session
from bunri.inference.warm import WarmModel
from bunri.serve.settings import LOOPBACK, ServeSettings
from bunri.serve.sorting_rules import SortingRules

if TYPE_CHECKING:
    from fastapi import FastAPI
    from uvicorn import Config

Say = Callable[[str], None]


def serve(
    model: TrainedModel, rules: SortingRules, settings: ServeSettings, corrections: Path | None, say: Say
) -> None:
    """Serve a model until it is interrupted.

    Args:
        model: What looks at photos.
        rules: How its classes are sorted.
        settings: Where to listen, and limits.
        corrections: Folder for corrected photos; None saves nothing.
        say: Shows a sentence to people.

    Raises:
        MissingPackageError: FastAPI or uvicorn is missing.
        UsageError: The address cannot be listened on.
    """
    try:
        import uvicorn

        from bunri.serve.app import create_app
        from bunri.serve.corrections import Corrections
        from bunri.serve.served import Served
    except ImportError as error:
        raise MissingPackageError(f"`bunri serve` needs {error.name}. Run: pip install 'bunri[serve]'") from error
    classes = model.classes()
    with ExitStack() as stack:
        kept = stack.enter_context(closing(Corrections(corrections, classes))) if corrections else None
        listening = stack.enter_context(_listening(settings))
        warm = stack.enter_context(closing(warm_model(model, say)))
        served = Served(model.name, tuple(model.members), classes, warm, rules, settings, kept)
        _announce(listening, settings, len(model.runs), corrections, say)
        uvicorn.Server(uvicorn_config(create_app(served), settings)).run(sockets=[listening])


def uvicorn_config(app: "FastAPI", settings: ServeSettings) -> "Config":
    """How an application is served: no logs of who asks, bounded connections, heads and waiting."""
    from uvicorn import Config

    from bunri.serve.patience import patient_protocol

    return Config(
        app,
        http=patient_protocol(settings.seconds_for_head),
        log_level="warning",
        access_log=False,  # who sends which photo is nobody's business
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=5,
        limit_concurrency=64,
        h11_max_incomplete_event_size=2**16,
        ws="none",
    )


def warm_model(model: TrainedModel, say: Say) -> WarmModel:
    """All runs of a model, loaded side by side, each with the threads of its training."""
    return WarmModel(model, say, open_session)


@contextmanager
def _listening(settings: ServeSettings) -> Iterator[socket.socket]:
    """The open port; taken before the model is loaded, so that a taken one is told at once.

    Raises:
        UsageError: It cannot be listened on.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        raise UsageError(f"{place} must be free to listen on, but: {error.strerror}. Choose another --port.") from error
    with listening:
        yield listening


def _announce(listening: socket.socket, settings: ServeSettings, runs: int, corrections: Path | None, say: Say) -> None:
    port = listening.getsockname()[1]
    if settings.host not in LOOPBACK:
        say(
            f"WARNING: listening on {settings.host}: everyone who reaches this machine can use the model"
            f"{' AND SAVE CORRECTIONS' if corrections else ''}. There is neither password nor encryption; "
            "put a reverse proxy with both before it, or stay on 127.0.0.1."
        )
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    say(f"open http://{shown}:{port} ({runs} model{'s' if runs > 1 else ''} loading; Ctrl-C ends it)")
    say(f"corrections are saved to {corrections}" if corrections else "nothing is saved (--corrections DIR would)")
