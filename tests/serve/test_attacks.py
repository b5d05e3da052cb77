"""A real server on the loopback, and clients that want to wear it out."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from bunri.serve.app import create_app
from bunri.serve.patience import patient_protocol
from bunri.serve.running import uvicorn_config
from serve_app import encoded, pretended

Address = tuple[str, int]


@contextmanager
def running(**settings: Any) -> Iterator[Address]:
    """A server as `bunri serve` makes it, in a thread, with a model that is pretended."""
    served = pretended(**settings)
    server = uvicorn.Server(uvicorn_config(create_app(served), served.settings))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            wait_for(lambda: server.started)
            yield listening.getsockname()
        finally:
            server.should_exit = True
            thread.join(30)


def wait_for(what: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def health(address: Address) -> int:
    return httpx.get(f"http://127.0.0.1:{address[1]}/api/health", timeout=30).status_code


def answer(address: Address, sent: bytes) -> bytes:
    """All that comes back on a connection of its own."""
    with socket.create_connection(address, timeout=30) as client:
        client.sendall(sent)
        parts = list(iter(lambda: client.recv(65536), b""))
    return b"".join(parts)


def is_ended(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("said", [b"", b"GET /api/health HTTP/1.1\r\nHost: local"])
def test_connections_that_say_nothing_or_half_a_head_do_not_keep_others_out(said: bytes) -> None:
    with running(seconds_for_head=1.0) as address, ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(address, timeout=30)) for _ in range(70)]
        for client in idle:
            client.sendall(said)
        wait_for(lambda: health(address) == 503)  # all places are taken
        assert all(map(is_ended, idle))
        assert health(address) == 200


def test_a_second_request_on_a_connection_is_not_waited_for_longer() -> None:
    with running(seconds_for_head=1.0) as address, socket.create_connection(address, timeout=30) as client:
        client.sendall(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        client.sendall(b"GET /api/he")
        while not is_ended(client):  # the rest of the first answer comes before
            pass


def test_a_slow_answer_is_not_cut_by_the_deadline_of_the_head() -> None:
    with running(seconds_for_head=0.3) as address:
        url = f"http://127.0.0.1:{address[1]}/api/find"

        def slowly() -> Iterator[bytes]:
            head, tail = multipart([("photo", encoded())]).split(b"JFIF" if b"JFIF" in encoded() else b"\r\n\r\n", 1)
            yield head
            time.sleep(0.8)
            yield (b"JFIF" if b"JFIF" in encoded() else b"\r\n\r\n") + tail

        answered = httpx.post(url, content=slowly(), headers=FORM, timeout=30)
        assert answered.status_code == 200


FORM = {"Content-Type": "multipart/form-data; boundary=x"}


def multipart(parts: list[tuple[str, bytes]]) -> bytes:
    head = b'--x\r\nContent-Disposition: form-data; name="%s"; filename="a"\r\n\r\n%s\r\n'
    return b"".join(head % (name.encode(), content) for name, content in parts) + b"--x--\r\n"


def test_a_huge_head_is_refused() -> None:
    with running() as address:
        head = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000
        assert b"400" in answer(address, head).split(b"\r\n", 1)[0]
        assert health(address) == 200


@pytest.mark.parametrize("path", ["find", "find/batch", "corrections"])
def test_thousands_of_parts_are_refused(path: str) -> None:
    with running() as address:
        body = multipart([(f"p{number}", b"1") for number in range(5000)])
        answered = httpx.post(f"http://127.0.0.1:{address[1]}/api/{path}", content=body, headers=FORM, timeout=30)
        assert (answered.status_code, answered.json()["error"]["code"]) == (400, "bad_request")
        assert health(address) == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"--x", b"--x\r\n\r\n", b"--y--", b"--x\r\nContent-Disposition: form-data; name=photo", b"\0" * 1000],
)
def test_a_broken_form_is_the_clients_fault(body: bytes) -> None:
    with running() as address:
        answered = httpx.post(f"http://127.0.0.1:{address[1]}/api/find", content=body, headers=FORM, timeout=30)
        assert answered.status_code in (400, 422)
        assert answered.json()["error"]["code"] == "bad_request"


@pytest.mark.parametrize("score", ["nan", "inf", "-1", "1e999", "x", ""])
def test_a_score_that_is_none_is_refused(score: str) -> None:
    with running() as address:
        answered = httpx.post(
            f"http://127.0.0.1:{address[1]}/api/find", files={"photo": encoded()}, data={"min_score": score}, timeout=30
        )
        assert answered.status_code == (200 if score == "" else 422)


def test_the_deadline_is_that_of_the_settings() -> None:
    settings = pretended(seconds_for_head=3.0).settings
    config = uvicorn_config(create_app(pretended()), settings)
    assert config.http.__qualname__ == patient_protocol(3.0).__qualname__  # type: ignore[union-attr]
    assert config.h11_max_incomplete_event_size == 2**16
    assert config.limit_concurrency == 64
    assert not config.access_log
    assert not config.server_header
