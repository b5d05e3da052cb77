"""What a server allows."""

from typing import Annotated

from pydantic import Field

from bunri.settings import Settings


class ServeSettings(Settings):
    """Limits of a server, and where it listens."""

    host: str = "127.0.0.1"
    """Address to listen on; another than loopback lets others in."""
    port: Annotated[int, Field(ge=0, le=65535)] = 7860
    """Port to listen on; 0 takes a free one."""
    allowed_hosts: tuple[str, ...] = ()
    """Further names by which browsers may call the server; addresses and ``localhost`` always may."""
    max_photo_bytes: Annotated[int, Field(ge=1)] = 20 * 2**20
    """Of one photo."""
    max_photo_pixels: Annotated[int, Field(ge=1)] = 50_000_000
    """Width times height of one photo."""
    max_batch: Annotated[int, Field(ge=1)] = 16
    """Photos in one request of the batch endpoint."""
    max_request_bytes: Annotated[int, Field(ge=1)] = 64 * 2**20
    """Of the body of one request."""
    requests_per_minute: Annotated[int, Field(ge=1)] = 240
    """Of one client to the API."""
    max_waiting: Annotated[int, Field(ge=1)] = 8
    """Requests with a body that are read or looked at at once; more are told to come back."""
    seconds_to_send: Annotated[float, Field(gt=0)] = 60.0
    """A client may take so long to send its request."""
    seconds_for_head: Annotated[float, Field(gt=0)] = 10.0
    """A client that has connected may take so long to say what it wants."""


LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Hosts that only this machine reaches."""
