"""A signature or login in the address of a recording is written down nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from nwb_files import behavior, units, write
from pynwb import TimeSeries
from range_server import Web, web_server

from synapsnet.data.__main__ import main
from synapsnet.data.readers import read_sessions
from synapsnet.data.web import http
from synapsnet.data.web.address import public
from synapsnet.errors import UserError

SECRET = "letmein"


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


@pytest.fixture
def signed(web: Web, tmp_path: Path) -> str:
    """An address with a login and a signature, of a file there is."""
    rng = np.random.default_rng(0)
    running = TimeSeries(name="speed", data=rng.random(600), unit="cm/s", rate=20.0)
    trains = [np.sort(rng.uniform(0, 30, 300)) for _ in range(4)]
    web.files["/a.nwb"] = write(tmp_path / "a.nwb", units(trains), behavior(running))
    return f"{web.url.replace('://', f'://mouse:{SECRET}@')}/a.nwb?token={SECRET}&part=b/c"


def test_what_gives_access_is_not_in_what_is_read(signed: str, web: Web) -> None:
    (session,) = read_sessions(signed, bin_width_s=None)
    assert session.session_id == "a"
    assert session.meta["source"] == f"{web.url}/a.nwb"
    assert SECRET not in repr(session)


@pytest.mark.parametrize(
    "trouble", ["gone", "whole files", "silent", "offline", "damaged", "broken", "unknown", "unopened"]
)
def test_what_gives_access_is_in_no_message(
    signed: str, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """A message goes into logs, and logs go to colleagues."""

    def broken(*_: object) -> None:
        raise OSError(f"Max retries exceeded with url: /a.nwb?token={SECRET} (Caused by {signed!r})")

    if trouble == "gone":
        web.files.clear()
    elif trouble == "whole files":
        web.ranges = False
    elif trouble == "silent":
        monkeypatch.setattr(http, "TIMEOUT_S", (1.0, 0.05))
        web.silent = True
    elif trouble == "offline":
        signed = signed.replace("127.0.0.1", "recordings.invalid")
    elif trouble == "damaged":
        (tmp_path / "a.nwb").write_bytes(b"<html>please log in</html>" * 100)
    elif trouble == "broken":
        monkeypatch.setattr("remfile.File.read", broken)
    elif trouble == "unopened":
        monkeypatch.setattr("remfile.File.__init__", broken)
    elif trouble == "unknown":
        signed = signed.replace(".nwb", ".mp4")
    with pytest.raises(UserError) as error:
        read_sessions(signed, bin_width_s=None)
    assert SECRET not in str(error.value)
    assert "/a." in str(error.value)


def test_what_gives_access_is_not_kept_by_prepare(
    signed: str, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a new signature, as the old one expires, is no other recording."""
    monkeypatch.chdir(tmp_path)
    for address in (signed, signed, signed.replace("token", "key")):
        main(["prepare", address, "--jobs", "1"])
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err
    assert "1 session in" in said.out
    assert "(1 prepared earlier)" in said.out
    kept = [path for path in (tmp_path / "prepared").rglob("*") if path.is_file()]
    assert sorted(path.suffix for path in kept) == [".json", ".npz"]
    for path in kept:
        assert SECRET not in str(path)
        assert SECRET.encode() not in path.read_bytes()
    (session,) = read_sessions(tmp_path / "prepared" / "a.nwb", bin_width_s=None)
    assert SECRET not in repr(session)


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (Path("/data/a?b=1@c.nwb"), "/data/a?b=1@c.nwb"),
        ("dandi://000021@0.1/sub-1/a.nwb", "dandi://000021@0.1/sub-1/a.nwb"),
        ("https://example.org:8000/a%20b.nwb", "https://example.org:8000/a%20b.nwb"),
        ("HTTPS://me:pw@example.org/a.nwb?key=1#b", "https://example.org/a.nwb"),
    ],
)
def test_what_is_public_of_a_place(place: Path | str, shown: str) -> None:
    assert public(place) == shown
