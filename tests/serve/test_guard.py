"""Who may call, how often, how much and how long."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from bunri.serve.app import create_app
from bunri.serve.errors import Refusal
from bunri.serve.guard import CLIENTS, RateLimit, is_allowed_host
from serve_app import encoded, pretended


def client_of(**settings: Any) -> TestClient:
    return TestClient(create_app(pretended(**settings)), base_url="http://127.0.0.1:7860")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:7860", True),
        ("localhost", True),
        ("LOCALHOST:7860", True),
        ("[::1]:7860", True),
        ("192.168.0.7:7860", True),
        ("bunri.local:7860", True),
        ("evil.example:7860", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("", False),
        ("[::1", False),
        ("a@b:c", False),
    ],
)
def test_a_name_that_may_be_a_strangers_is_refused(host: str, allowed: bool) -> None:
    assert is_allowed_host(host, ("Bunri.local",)) is allowed


def test_a_rebound_name_gets_nothing() -> None:
    with client_of() as client:
        for path in ("/", "/static/page.js", "/api/about"):
            answer = client.get(path, headers={"Host": "evil.example"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (421, "wrong_host")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:7860", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_pages_of_others_cannot_use_it(headers: dict[str, str], status: int) -> None:
    with client_of() as client:
        assert client.post("/api/find", files={"photo": encoded()}, headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/", "/static/page.css", "/api/about", "/api/nothing", "/static/../app.py"])
def test_every_answer_has_the_headers(path: str) -> None:
    with client_of() as client:
        headers = client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers


def test_the_page_has_no_code_in_it_and_files_stay_in_their_folder() -> None:
    with client_of() as client:
        page = client.get("/").text
        assert "<style" not in page
        assert " style=" not in page
        assert "<script>" not in page
        assert "http://" not in page.replace("http://www.w3.org", "")
        for path in ("/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd"):
            assert client.get(path).status_code == 404


def test_a_large_request_is_refused_by_its_head_and_by_its_body() -> None:
    with client_of(max_request_bytes=5000) as client:
        answer = client.post("/api/find", files={"photo": b"\0" * 6000})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_many_bytes")

        def unsized() -> Iterator[bytes]:
            for _ in range(10):
                yield b"\0" * 1000

        answer = client.post(
            "/api/find", content=unsized(), headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_many_bytes")


def test_a_client_that_asks_too_often_waits() -> None:
    with client_of(requests_per_minute=3) as client:
        codes = [client.get("/api/about").status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        assert int(client.get("/api/about").headers["retry-after"]) >= 1
        assert client.get("/").status_code == 200  # the page itself is not counted


def test_tokens_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("bunri.serve.guard.time.monotonic", lambda: now[0])
    limit = RateLimit(per_minute=2)
    limit.count("a")
    limit.count("a")
    with pytest.raises(Refusal, match="2 requests a minute"):
        limit.count("a")
    limit.count("b")
    now[0] += 30
    limit.count("a")
    with pytest.raises(Refusal):
        limit.count("a")


def test_not_more_clients_are_remembered_than_fit() -> None:
    limit = RateLimit(per_minute=1)
    for number in range(CLIENTS + 5):
        limit.count(str(number))
    assert len(limit._buckets) == CLIENTS


def call(settings: dict[str, Any], messages: list[dict[str, Any]], wait: float = 0.0) -> tuple[int, bytes]:
    """Status and body of a POST whose body comes in pieces, each after a while."""
    app, answers = create_app(pretended(**settings)), list[dict[str, Any]]()
    headers = [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=x")]
    scope = {"type": "http", "method": "POST", "path": "/api/find", "headers": headers, "query_string": b""}

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(wait)
        return messages.pop(0)

    async def send(message: Any) -> None:
        answers.append(dict(message))

    asyncio.run(app({**scope, "client": ("1.2.3.4", 5), "http_version": "1.1", "scheme": "http"}, receive, send))
    return answers[0]["status"], answers[1]["body"]


def test_a_request_that_trickles_is_ended() -> None:
    pieces = [{"type": "http.request", "body": b"", "more_body": True}] * 50
    status, body = call({"seconds_to_send": 0.3}, pieces, wait=0.1)
    assert (status, b"too_slow" in body) == (408, True)


def test_too_many_at_once_are_told_to_come_back() -> None:
    async def both() -> list[int]:
        app, statuses = create_app(pretended(max_waiting=1)), list[int]()
        release = asyncio.Event()
        headers = [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=x")]
        scope = {"type": "http", "method": "POST", "path": "/api/find", "headers": headers, "query_string": b""}
        scope |= {"client": ("1.2.3.4", 5), "http_version": "1.1", "scheme": "http"}

        async def receive() -> dict[str, Any]:
            await release.wait()
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        first = asyncio.create_task(app(dict(scope), receive, send))
        await asyncio.sleep(0)
        await app(dict(scope), receive, send)
        release.set()
        await first
        return statuses

    busy, broken = asyncio.run(both())
    assert (busy, broken // 100) == (503, 4)
