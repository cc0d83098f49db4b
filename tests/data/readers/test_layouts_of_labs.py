"""Folders as labs have them: the same names in many places, own outputs among the data, parts that cannot be read."""

from __future__ import annotations

import contextlib
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from command import write_recording
from layouts import suite2p as suite2p_layout
from nwb_files import clock, units
from nwb_files import write as write_nwb

from synapsnet.data.__main__ import main
from synapsnet.data.readers import find_recordings, iterate_sessions, read_sessions
from synapsnet.data.readers._told_apart import full_id, told_apart
from synapsnet.errors import UserError


def ids(*roots: Path, strict: bool = True) -> list[str]:
    return [session.session_id for session in iterate_sessions(*roots, bin_width_s=0.1, strict=strict, named=None)]


def inspected(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    with contextlib.suppress(SystemExit):
        main(["inspect", *map(str, arguments), "--max-figures", "0"])
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (["/d/a.npz", "/d/b.npz"], ["a", "b"]),
        (["/d/sub-01/ecephys.nwb", "/d/sub-02/ecephys.nwb"], ["sub-01-ecephys", "sub-02-ecephys"]),
        (["/d/m1/x/rec.npz", "/d/m2/x/rec.npz", "/d/m2/y/rec.npz"], ["m1-x-rec", "m2-x-rec", "y-rec"]),
        (["/d/Rec.npz", "/d/e/rec.npz"], ["d-Rec", "e-rec"]),
        (["/d/rec.npz", "/d/rec.nwb"], ["rec", "rec"]),
        (["https://a.org/x/s.nwb", "https://a.org/y/s.nwb"], ["x-s", "y-s"]),
    ],
)
def test_names_and_the_folders_that_tell_them_apart(places: list[str], expected: list[str]) -> None:
    found = told_apart([place if "://" in place else Path(place) for place in places])
    assert ["-".join(names) for names in found] == expected


@pytest.mark.parametrize(
    ("session_id", "names", "expected"),
    [
        ("ecephys-spikes", ("sub-01", "ecephys"), "sub-01-ecephys-spikes"),
        ("2024-05-01-plane0", ("mouse1", "2024-05-01", "suite2p"), "mouse1-2024-05-01-plane0"),
        ("KS023-2019-12-10-001", ("KS023", "2019-12-10", "001", "alf"), "KS023-2019-12-10-001"),
        ("named-by-hand", ("a", "rec"), "named-by-hand"),
        ("rec", ("rec",), "rec"),
    ],
)
def test_an_id_takes_the_folders_that_it_lacks(session_id: str, names: tuple[str, ...], expected: str) -> None:
    assert full_id(session_id, names) == expected


def test_recordings_of_one_name_are_told_apart_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        folder = tmp_path / "in" / f"mouse{number}" / "2024-05-01"
        suite2p_layout.write(folder.parent, frames=(450,)).folder.parent.rename(folder)
        write_nwb_of(folder / "ecephys.nwb", number)
    expected = [f"mouse{number}-{name}" for number in (1, 2) for name in ("2024-05-01-ecephys", "2024-05-01-plane0")]
    assert sorted(ids(tmp_path / "in")) == sorted(expected)
    one, two = tmp_path / "in" / "mouse1", tmp_path / "in" / "mouse2"
    assert sorted(ids(one, two)) == sorted(expected)
    seen = inspected(capsys, tmp_path / "in", "--bin-width-s", 0.1)
    assert all(name in seen for name in expected)
    for number, names in enumerate((one, two), start=1):
        assert all(name.startswith(f"mouse{number}") or name in ("ecephys", "2024-05-01-plane0") for name in ids(names))
    main(["prepare", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--jobs", "1", "--bin-width-s", "0.1"])
    assert sorted(ids(tmp_path / "out")) == sorted(expected)


def write_nwb_of(path: Path, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    return write_nwb(path, units([np.sort(rng.uniform(0, 9, 40)), clock(150)]))


def test_a_copy_beside_a_recording_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(write_nwb_of(tmp_path / "rec.nwb", 0), tmp_path / "rec (copy).nwb")
    assert "rec has the very same content as rec (copy): a copy?" in inspected(capsys, tmp_path)


@pytest.mark.parametrize("marker", [True, False])
def test_own_outputs_are_never_recordings(tmp_path: Path, marker: bool) -> None:
    write_recording(tmp_path / "rec.npz")
    run = tmp_path / "outputs" / "run"
    run.mkdir(parents=True)
    np.savez(run / "connectivity.npz", **{"rec/raw": np.ones((2, 2))})
    (run / "test_metrics.json").write_text("{}")
    if marker:
        (run / ".synapsnet-run").touch()
    write_recording(run / "evaluations" / "other.npz")
    assert ids(tmp_path) == ["rec"]


def test_what_cannot_be_read_is_named_and_passed_over(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_recording(tmp_path / "good.npz")
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04")
    assert ids(tmp_path, strict=False) == ["good"]
    assert f"passed over, because data.strict=false: {tmp_path / 'bad.npz'}: not an archive" in caplog.text
    with pytest.raises(UserError, match=r"bad\.npz: not an archive"):
        ids(tmp_path)
    (tmp_path / "good.npz").write_bytes(b"PK\x03\x04")
    assert "0 sessions, " in inspected(capsys, tmp_path)
    with pytest.raises(UserError, match=r"bad\.npz: not an archive.* \(1 more recordings cannot be read either\)"):
        ids(tmp_path, strict=False)

    (tmp_path / "closed").mkdir()
    listed = Path.iterdir

    def forbidden(path: Path):
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", forbidden)
    with caplog.at_level(logging.WARNING):
        assert len(find_recordings(tmp_path)) == 2
    assert "closed cannot be opened: Permission denied" in caplog.text


def test_hints_for_what_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "zarr" / "s.nwb.zarr").mkdir(parents=True)
    (tmp_path / "annex").mkdir()
    (tmp_path / "annex" / "s.nwb").symlink_to("../.git/annex/objects/gone")
    for folder, hint in {
        "zarr": "NWB in Zarr is not read: export it to HDF5",
        "annex": "a link to a file that is not there: datalad get",
    }.items():
        with pytest.raises(UserError, match="no recording in the folder") as error:
            read_sessions(tmp_path / folder, bin_width_s=None)
        assert hint in str(error.value)
        assert len(str(error.value)) < 500
