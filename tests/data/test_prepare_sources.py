"""Public data sets from their archives to sessions, on bytes in their layouts that this machine serves."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from layouts import bugeon2022 as bugeon2022_layout
from layouts import ibl as ibl_layout
from layouts import steinmetz2019 as steinmetz2019_layout
from prepared import assert_same, prepare
from range_server import Web, web_server

from synapsnet.data.readers import read_sessions
from synapsnet.data.sources import bugeon2022, steinmetz2019


def figshare(web: Web, record: int, files: dict[str, Path]) -> None:
    """Serve files as a record of figshare does."""
    web.files |= {f"/{number}": path for number, path in enumerate(files.values())}
    web.answers[f"/articles/{record}/files"] = [
        {
            "name": name,
            "size": path.stat().st_size,
            "download_url": f"{web.url}/{number}",
            "computed_md5": hashlib.md5(path.read_bytes()).hexdigest(),
        }
        for number, (name, path) in enumerate(files.items())
    ]


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., None]:
    """Prepares a data set and compares what came with what its layout holds."""

    def run(source: str, expected: Path, *select: str) -> None:
        out = tmp_path / "out"
        prepare(source, "--cache", tmp_path / "cache", "--out", out, *(["--select", *select] if select else []))
        assert_same(read_sessions(out, bin_width_s=None), read_sessions(expected, bin_width_s=None))

    return run


def test_steinmetz2019(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepared: Callable[..., None]) -> None:
    steinmetz2019_layout.write(tmp_path / "layout")
    session = tmp_path / "layout" / "Cori_2016-12-14"
    prefix = "nicklab~Subjects~Cori~2016-12-14~001~alf~"
    with web_server() as web:
        figshare(web, 9974357, {f"{prefix}{path.name}": path for path in session.iterdir()})
        monkeypatch.setattr(steinmetz2019, "files", partial(steinmetz2019.files, figshare_api=web.url))
        prepared("steinmetz2019", session, "Cori_2016-12-14")


def test_bugeon2022(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepared: Callable[..., None]) -> None:
    layout = tmp_path / "layout"
    bugeon2022_layout.write(layout)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in layout.rglob("*"):
            archive.write(path, path.relative_to(layout))
    with web_server() as web:
        figshare(web, 19448531, {"all.zip": tmp_path / "all.zip"})
        monkeypatch.setattr(bugeon2022, "files", partial(bugeon2022.files, api=web.url))
        prepared("bugeon2022", layout)


def test_ibl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepared: Callable[..., None]) -> None:
    class ONE:
        """Keeps one session of the layout; what it downloads, it copies."""

        def __init__(self, *, base_url: str, password: str, silent: bool, cache_dir: Path) -> None:
            self.kept, self.cache = tmp_path / "layout" / ibl_layout.SESSION, cache_dir / ibl_layout.SESSION

        def list_datasets(self, eid: str) -> list[str]:
            return [str(path.relative_to(self.kept)) for path in self.kept.rglob("*") if path.is_file()]

        def load_datasets(self, eid: str, datasets: list[str], *, download_only: bool) -> None:
            for dataset in datasets:
                (self.cache / dataset).parent.mkdir(parents=True, exist_ok=True)
                (self.cache / dataset).write_bytes((self.kept / dataset).read_bytes())

        def eid2path(self, eid: str) -> Path:
            return self.cache

    ibl_layout.write(tmp_path / "layout")
    api = ModuleType("one.api")
    monkeypatch.setattr(api, "ONE", ONE, raising=False)
    monkeypatch.setitem(sys.modules, "one", ModuleType("one"))
    monkeypatch.setitem(sys.modules, "one.api", api)
    prepared("ibl", tmp_path / "layout", "an-eid")
