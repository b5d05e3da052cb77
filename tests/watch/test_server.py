import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bunri.errors import UsageError
from bunri.watch.server import HOST, open_server, serve
from watch.watched_runs import write_run


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    write_run(tmp_path / "fcos" / "fold0")
    with open_server([tmp_path], 0, 1.5) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: ThreadingHTTPServer, path: str, method: str = "GET", host: str | None = None
) -> tuple[HTTPResponse, str]:
    connection = HTTPConnection(HOST, server.server_port, timeout=20)
    connection.request(method, path, headers={} if host is None else {"Host": host})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def test_the_page_and_the_runs(server: ThreadingHTTPServer) -> None:
    answer, html = ask(server, "/")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert html.startswith("<!doctype html>")
    assert '{"seconds": 1.5}' in html
    answer, text = ask(server, "/runs.json")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert [run["label"] for run in json.loads(text)["runs"]] == ["fcos/fold0"]


def test_it_listens_on_this_machine_only(server: ThreadingHTTPServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/etc/passwd", "/../manifest.json", "/fcos/fold0/manifest.json", "/?x"])
def test_no_file_is_given_out(server: ThreadingHTTPServer, path: str) -> None:
    assert ask(server, path)[0].status == 404


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:1", 200), ("127.0.0.1:1", 200), ("evil.example:80", 403), ("", 403)]
)
def test_a_page_from_elsewhere_is_not_answered(server: ThreadingHTTPServer, host: str, status: int) -> None:
    assert ask(server, "/runs.json", host=host)[0].status == status


def test_nothing_can_be_written(server: ThreadingHTTPServer) -> None:
    assert ask(server, "/runs.json", method="POST")[0].status == 501


def test_a_port_that_is_taken_is_told(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{server.server_port}.*--port"):
        open_server([tmp_path], server.server_port, 1)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere is not there"):
        serve([tmp_path / "nowhere"], 0)
