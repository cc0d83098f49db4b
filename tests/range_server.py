"""A web server in a thread: files, whole or in ranges of bytes, and answers of an API; it counts what it sends."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

BLOCK = 2**14


@dataclass
class Web:
    """Served files by path.

    Attributes:
        url: Address of the server.
        files: Files by path, served in ranges; those that are removed while the server runs are not found any more.
        answers: JSON answers by path and, where it matters, query (sorted, as ``/a?b=1&c=2``).
        redirects: Where a path sends those who ask for it.
        ranges: Whether the server knows ranges.
        silent: Whether it answers nothing at all, until it is stopped.
        sent: Bytes of bodies sent so far.
        asked: Paths asked for, in order.
    """

    url: str
    files: dict[str, Path] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    silent: bool = False
    sent: int = 0
    asked: list[str] = field(default_factory=list)


@contextmanager
def web_server() -> Iterator[Web]:
    """Serve on a free port of this machine while the block runs."""
    stopping = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path, urlsplit(self.path).query
            path = unquote(path)
            with lock:
                web.asked.append(path)
            if web.silent:
                stopping.wait()
            full = f"{path}?{'&'.join(f'{key}={value}' for key, value in sorted(parse_qsl(query)))}"
            if path in web.redirects:
                self.send_response(302)
                self.send_header("Location", web.redirects[path])
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif full in web.answers or path in web.answers:
                answer = web.answers.get(full, web.answers.get(path))
                self._send(200, answer if isinstance(answer, bytes) else json.dumps(answer).encode())
            elif path in web.files:
                self._send_file(web.files[path])
            else:
                self._send(404, b"")

        def _send_file(self, file: Path) -> None:
            size = file.stat().st_size
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")) if web.ranges else None
            start, stop = (int(asked[1]), min(int(asked[2] or size - 1) + 1, size)) if asked else (0, size)
            with file.open("rb") as opened:
                opened.seek(start)
                body = opened.read(stop - start)
            self._send(206 if asked else 200, body, f"bytes {start}-{stop - 1}/{size}" if asked else "")

        def _send(self, status: int, body: bytes, content_range: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if content_range:
                self.send_header("Content-Range", content_range)
            self.end_headers()
            try:
                for low in range(0, len(body), BLOCK):
                    self.wfile.write(body[low : low + BLOCK])
                    with lock:
                        web.sent += len(body[low : low + BLOCK])
            except OSError:  # whoever asked has heard enough
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    lock = threading.Lock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False  # closing the server waits for what is still being sent
    web = Web(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
