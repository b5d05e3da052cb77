"""A small server on 127.0.0.1 with two answers: the page, and all runs as JSON. It writes nothing."""

import json
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

from bunri.errors import UsageError
from bunri.watch.overview import Overview
from bunri.watch.page import page

HOST = "127.0.0.1"
HERE = (HOST, "localhost")
"""Names a browser on this machine may call it by; another name is a page from elsewhere that was pointed here."""


def serve(
    roots: Sequence[Path], port: int, seconds: float = 2.0, started: Callable[[str], None] = lambda address: None
) -> None:
    """Show the runs below some folders until Ctrl-C.

    Args:
        roots: Folders of runs, such as ``runs``; here or on a disk shared with the machine that trains.
        port: On 127.0.0.1; 0 takes a free one.
        seconds: Between two looks of the page.
        started: Told the address when the page can be opened.

    Raises:
        UsageError: A folder is not there, or the port is taken.
    """
    absent = [str(root) for root in roots if not root.is_dir()]
    if absent:
        raise UsageError(f"runs must be a folder, but {', '.join(absent)} is not there. Give the folder of your runs.")
    with open_server(roots, port, seconds) as server:
        started(f"http://{HOST}:{server.server_port}/")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def open_server(roots: Sequence[Path], port: int, seconds: float) -> ThreadingHTTPServer:
    """The server, listening.

    Raises:
        UsageError: The port is taken, or not one.
    """
    try:
        server = ThreadingHTTPServer((HOST, port), _handler_of(Overview(roots), page(seconds)))
    except (OSError, OverflowError) as error:
        raise UsageError(f"the port must be free, but {port}: {error}. Choose another with --port.") from error
    server.daemon_threads = True
    return server


def _handler_of(overview: Overview, html: str) -> type[BaseHTTPRequestHandler]:
    reading = Lock()  # several tabs do not read the same files at once

    class Handler(BaseHTTPRequestHandler):
        """Answers GET for two paths."""

        def do_GET(self) -> None:
            if not self._is_called_by_name_of_ours():
                self._answer(HTTPStatus.FORBIDDEN, "text/plain", "this server answers on 127.0.0.1 only\n")
            elif self.path == "/":
                self._answer(HTTPStatus.OK, "text/html", html)
            elif self.path == "/runs.json":
                with reading:
                    values = overview.read(time.time())
                self._answer(HTTPStatus.OK, "application/json", json.dumps(values, ensure_ascii=False))
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", "there is / and /runs.json\n")

        def _is_called_by_name_of_ours(self) -> bool:
            return self.headers.get("Host", "").rpartition(":")[0] in HERE

        def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base
            """Every look of the page is not news."""

    return Handler
