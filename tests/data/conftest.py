"""An archive that is moody: it drops connections, hangs, and answers with errors."""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from synapsnet.data.web import download as downloads


@dataclass
class Archive:
    """Contents served by path, and the requests that were sent.

    Attributes:
        url: Address of the server.
        files: Content by path.
        cuts: Bytes after which the next answers of a path break off, one an answer; None is a whole answer.
        hangs: Paths whose answers, rather than to break off there, go on when the server stops.
        statuses: Answers that come first, before the file.
        ranges: Whether the server knows ranges.
        sent: Bytes sent by path.
        requests: Path and range of every request.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: dict[str, list[int | None]] = field(default_factory=lambda: defaultdict(list))
    hangs: set[str] = field(default_factory=set)
    statuses: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    ranges: bool = True
    sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    requests: list[tuple[str, str]] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setattr(downloads, "PAUSE_S", 0.0)
    stopping = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, wanted = self.path.partition("?")[0], self.headers.get("Range", "")
            served.requests.append((path, wanted))
            status = served.statuses[path].pop(0) if served.statuses[path] else 200
            if status != 200 or path not in served.files:
                self.send_error(404 if status == 200 else status)
                return
            content = served.files[path]
            start = int(wanted[6:-1]) if wanted and served.ranges else 0
            if start and start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            cut = served.cuts[path].pop(0) if served.cuts[path] else None
            body = content[start:] if cut is None else content[start : start + cut]
            served.sent[path] += len(body)
            self.wfile.write(body)
            self.wfile.flush()
            if cut is not None and path in served.hangs:
                served.hanging.set()
                stopping.wait()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Archive(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    stopping.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def closed_port() -> str:
    """An address at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"
