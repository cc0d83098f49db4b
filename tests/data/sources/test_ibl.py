import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from synapsnet.data.sources import ibl
from synapsnet.errors import UserError

DATASETS = [
    "alf/#2025-03-03#/_ibl_trials.table.pqt",
    "alf/_ibl_trials.table.pqt",
    "alf/_ibl_wheel.position.npy",
    "alf/_ibl_wheel.timestamps.npy",
    "alf/probe00/spikes.times.npy",
    "alf/probe00/spikes.clusters.npy",
    "alf/probe00/pykilosort/spikes.times.npy",
    "alf/probe00/pykilosort/spikes.clusters.npy",
    "alf/probe00/pykilosort/#2024-05-06#/spikes.times.npy",
    "alf/probe00/pykilosort/#2024-05-06#/spikes.clusters.npy",
    "alf/probe00/pykilosort/#2024-05-06#/clusters.waveforms.npy",
    "alf/probe00/pykilosort/#2024-05-06#/channels.brainLocationIds_ccf_2017.npy",
    "alf/probe01/spikes.times.npy",
    "alf/probe01/spikes.clusters.npy",
    "raw_ephys_data/probe00/_spikeglx_ephysData_g0_t0.imec0.ap.cbin",
]
WANTED = {
    "alf/#2025-03-03#/_ibl_trials.table.pqt",
    "alf/_ibl_wheel.position.npy",
    "alf/_ibl_wheel.timestamps.npy",
    "alf/probe00/pykilosort/#2024-05-06#/spikes.times.npy",
    "alf/probe00/pykilosort/#2024-05-06#/spikes.clusters.npy",
    "alf/probe00/pykilosort/#2024-05-06#/channels.brainLocationIds_ccf_2017.npy",
    "alf/probe01/spikes.times.npy",
    "alf/probe01/spikes.clusters.npy",
}


class FakeONE:
    """Stand-in for ONE with one session."""

    def __init__(self, *, base_url: str, password: str, silent: bool, cache_dir: Path) -> None:
        assert base_url == "https://openalyx.internationalbrainlab.org"
        self.folder = cache_dir / "mainenlab" / "Subjects" / "ZM_2241" / "2020-01-30" / "001"

    def list_datasets(self, eid: str) -> list[str]:
        if eid != "known":
            raise ValueError(f"no session\n{eid}")
        return DATASETS

    def load_datasets(self, eid: str, datasets: list[str], *, download_only: bool) -> None:
        assert download_only
        for dataset in datasets:
            (self.folder / dataset).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / dataset).touch()

    def eid2path(self, eid: str) -> Path:
        return self.folder


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> None:
    package, api = ModuleType("one"), ModuleType("one.api")
    api.ONE = FakeONE  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "one", package)
    monkeypatch.setitem(sys.modules, "one.api", api)


def test_the_last_revision_of_the_best_sorting_is_downloaded(one: Any, tmp_path: Path) -> None:
    (place,) = ibl.fetch(tmp_path, ["known", "known"])
    assert {str(path.relative_to(place)) for path in place.rglob("*.*") if path.is_file()} == WANTED


def test_a_session_that_one_does_not_know(one: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="ONE could not download session other: no session other"):
        ibl.fetch(tmp_path, ["other"])


def test_without_a_session(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name the sessions to download by their ids, --select EID"):
        ibl.fetch(tmp_path, [])


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "one.api", None)
    with pytest.raises(UserError, match=r"needs the package ONE-api.*: pip install 'synapsnet\[ibl\]'"):
        ibl.fetch(tmp_path, ["known"])
