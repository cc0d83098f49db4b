"""A page in a browser: what it asks for, what it complains about, and what is on it (importable from any test)."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")


@dataclass
class Browser:
    """One tab, driven by the browser's own protocol through two pipes."""

    write: Any
    read: Any
    session: str = ""
    number: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        self.write.write(json.dumps(message).encode() + b"\0")
        self.write.flush()
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def open(self, path: Path, *, width: int = 1200, height: int = 900, dark: bool = False) -> None:
        """Show a file, once every figure in view is drawn."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=scheme)
        self.events.clear()
        self.ask("Page.navigate", url=path.resolve().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())
        self.settle()

    def settle(self) -> None:
        """Wait for two frames, after which the figures that came into view are drawn."""
        frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
        self.evaluate(frames)
        self.evaluate(frames)

    def evaluate(self, expression: str) -> Any:
        answer = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=False)["data"]))

    @property
    def requests(self) -> list[str]:
        """Addresses that the page asked for, besides itself and what it carries."""
        urls = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [url[:100] for url in urls[1:] if not url.startswith(("data:", "blob:"))]

    @property
    def complaints(self) -> list[Any]:
        """Errors and messages of the console."""
        names = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [event["params"] for event in self.events if event.get("method") in names]

    def _next(self) -> dict[str, Any]:
        found = bytearray()
        while (letter := self.read.read(1)) != b"\0":
            assert letter, "the browser ended"
            found += letter
        return json.loads(found)


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser of its own, whose profile lies in a folder."""
    (their_read, our_write), (our_read, their_write) = os.pipe(), os.pipe()
    command = f'exec "$0" "$@" 3<&{their_read} 4>&{their_write}'
    flags = (*_FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}")
    process = subprocess.Popen(
        ["bash", "-c", command, str(CHROMIUM), *flags], pass_fds=(their_read, their_write), stderr=subprocess.DEVNULL
    )
    os.close(their_read)
    os.close(their_write)
    with os.fdopen(our_write, "wb") as write, os.fdopen(our_read, "rb") as read:
        try:
            tab = Browser(write, read)
            target = tab.ask("Target.createTarget", url="about:blank")["targetId"]
            tab.session = tab.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                tab.ask(f"{domain}.enable")
            yield tab
        finally:
            process.kill()
            process.wait()
