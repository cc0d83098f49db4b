import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from command import write_recording, write_recordings
from prepared import assert_same, prepare, states, unfinished, visible
from range_server import web_server

from synapsnet.data.__main__ import main
from synapsnet.data.prepare import origin
from synapsnet.data.prepare.convert import Job, convert
from synapsnet.data.prepare.folder import Folder, fingerprint
from synapsnet.data.readers import archive, find_recordings, read_sessions
from synapsnet.data.web import download as downloads
from synapsnet.data.web.file import RemoteFile


def fails(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The last line that a failing command writes."""
    capfd.readouterr()
    with pytest.raises(SystemExit) as stopped:
        prepare(*arguments)
    assert stopped.value.code == 2
    lines = capfd.readouterr().err.splitlines()
    assert lines[-1].startswith("error: ")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("source", "width"),
    [
        ("alf_ibl", 0.05),
        ("nwb/A0634-210127.nwb", None),
        ("suite2p", 0.1),
        ("calcium_ca1", None),
        ("spikes_m1/stevenson2011.npz", None),
    ],
)
def test_real_recordings_read_back_as_from_their_source(
    recordings: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], source: str, width: float | None
) -> None:
    given = [] if width is None else ["--bin-width-s", str(width)]
    prepare(recordings / source, "--out", tmp_path / "out", *given)
    expected = read_sessions(recordings / source, bin_width_s=width)
    assert_same(read_sessions(tmp_path / "out", bin_width_s=None), expected)
    assert f"{len(expected)} session" in capfd.readouterr().out
    assert unfinished(tmp_path) == []


def test_the_end_says_how_to_train_and_whom_to_cite(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    meta = {"session_id": "mouse", "signal": "calcium", "citation": "Doe 2020, Nature", "licence": "CC BY 4.0"}
    write_recording(tmp_path / "in" / "a.npz", activity=np.ones((600, 7), np.float32), meta=np.array(json.dumps(meta)))
    prepare(tmp_path / "in", "--out", tmp_path / "my out")
    out = capfd.readouterr().out.splitlines()
    root = tmp_path / "my out"
    assert out == [
        f"1 session in {root}",
        f"train:    python train.py model=synapsnet data=calcium 'data.root=\"{root}\"'",
        "cite:     Doe 2020, Nature",
        "licence:  CC BY 4.0",
    ]


def test_two_signals_do_not_train_together(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_recording(tmp_path / "in" / "a.npz")
    write_recording(tmp_path / "in" / "b.npz", activity=np.ones((600, 7), np.float32), meta=None)
    prepare(tmp_path / "in", "--out", tmp_path / "out")
    assert (
        "calcium and spikes: training needs a single kind, so prepare them into two folders" in capfd.readouterr().out
    )


def test_the_second_time_there_is_nothing_to_do(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source, out = write_recordings(tmp_path / "in"), tmp_path / "out"
    prepare(source, "--out", out)
    before = states(out)
    capfd.readouterr()
    prepare(source, "--out", out)
    said = capfd.readouterr()
    assert states(out) == before
    assert said.out.startswith(f"2 sessions in {out} (2 prepared earlier)\n")
    assert said.err == ""


def test_only_what_changed_is_converted_again(tmp_path: Path) -> None:
    source, out = write_recordings(tmp_path / "in"), tmp_path / "out"
    prepare(source, "--out", out)
    before = states(out)
    write_recording(source / "s1.npz", n_units=5, seed=7)
    prepare(source, "--out", out)
    after = states(out)
    assert after["s0.npz"] == before["s0.npz"]
    assert after["s1.npz"] != before["s1.npz"]
    (out / "s0.npz").unlink()
    prepare(source, "--out", out)
    assert states(out)["s1.npz"] == after["s1.npz"]
    assert_same(read_sessions(out, bin_width_s=None), read_sessions(source, bin_width_s=None))


def test_another_bin_width_needs_another_folder(
    recordings: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    prepare(recordings / "alf_ibl", "--out", tmp_path / "out", "--bin-width-s", "0.5")
    before = states(tmp_path / "out")
    for other, said in ((["--bin-width-s", "0.1"], "not with --bin-width-s 0.1"), ([], "not without --bin-width-s")):
        err = fails(capfd, recordings / "alf_ibl", "--out", tmp_path / "out", *other)
        assert f"with --bin-width-s 0.5, and {said}: choose another --out" in err
    assert states(tmp_path / "out") == before
    (session,) = read_sessions(tmp_path / "out", bin_width_s=None)
    assert session.bin_width_s == 0.5


def test_an_archive_whose_session_is_gone_goes(tmp_path: Path) -> None:
    path, out = write_recording(tmp_path / "in" / "a.npz"), tmp_path / "out"
    prepare(path, "--out", out)
    write_recording(path, meta=np.array('{"session_id": "renamed"}'))
    prepare(path, "--out", out)
    assert visible(out) == ["renamed.npz"]


def test_a_recording_that_fails_does_not_stop_the_others(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source, out = write_recordings(tmp_path / "in"), tmp_path / "out"
    (source / "a_bad.npz").write_bytes(b"PK\x03\x04")
    err = fails(capfd, source, "--out", out)
    assert f"failed: {source / 'a_bad.npz'}: not an archive of NumPy arrays" in err
    assert err.endswith("error: 1 of 3 recordings failed: see above")
    assert visible(out) == ["s0.npz", "s1.npz"]
    before = states(out)
    write_recording(source / "a_bad.npz")
    prepare(source, "--out", out)
    assert visible(out) == ["a_bad.npz", "s0.npz", "s1.npz"]
    assert before.items() <= states(out).items()


def test_a_single_recording_that_fails(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04")
    err = fails(capfd, tmp_path / "bad.npz", "--out", tmp_path / "out")
    assert err.startswith(f"error: {tmp_path / 'bad.npz'}: not an archive of NumPy arrays")
    assert len(err.splitlines()) == 1
    assert visible(tmp_path) == ["bad.npz"]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("mouse", "mouse", "share the session id 'mouse'; rename one of them"),
        ("Mouse", "mouse", "need the same file for 'Mouse' and 'mouse'; rename one of them"),
    ],
)
def test_two_recordings_for_one_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], first: str, second: str, message: str
) -> None:
    for folder, session_id in (("a", first), ("b", second)):
        write_recording(tmp_path / "in" / folder / "x.npz", meta=np.array(json.dumps({"session_id": session_id})))
    err = fails(capfd, tmp_path / "in", "--out", tmp_path / "out")
    a, b = (tmp_path / "in" / folder / "x.npz" for folder in "ab")
    assert f"failed: {b} and {a} {message}" in err
    assert [session.session_id for session in read_sessions(tmp_path / "out", bin_width_s=None)] == [first]


def test_two_commands_into_one_folder(tmp_path: Path) -> None:
    source = write_recordings(tmp_path / "in")
    first, second = Folder(tmp_path / "out"), Folder(tmp_path / "out")
    second.staging = second.staging.with_name("of-another-process")
    for folder in (first, second):  # neither knows at first what the other has done since
        for path in sorted(source.iterdir()):
            outcome = convert(Job(path, archive.__name__, (path.stem,), None, None, None, {}, folder.staged(path)))
            folder.keep(path, fingerprint(path), None, outcome.sessions)
        folder.clean()
    assert visible(tmp_path / "out") == ["s0.npz", "s1.npz"]
    assert sorted(path.suffix for path in (tmp_path / "out" / ".prepared").iterdir()) == [".json", ".json"]


def test_nothing_that_is_not_ours_is_overwritten(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = write_recordings(tmp_path / "in")
    theirs = write_recording(tmp_path / "out" / "s0.npz", seed=9)
    before = theirs.read_bytes()
    err = fails(capfd, source, "--out", tmp_path / "out")
    assert f"{theirs} already exists and was not made by this command" in err
    assert theirs.read_bytes() == before
    assert visible(tmp_path / "out") == ["s0.npz", "s1.npz"]


def test_archives_inside_of_the_source_are_no_recordings(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = write_recordings(tmp_path / "in")
    for _ in range(2):
        prepare(source, "--out", source / "prepared")
        assert visible(source / "prepared") == ["s0.npz", "s1.npz"]
    assert "choose another --out" in fails(capfd, source, "--out", source)


def test_archives_next_to_their_sources_are_not_taken_twice(tmp_path: Path) -> None:
    source = write_recordings(tmp_path / "in")
    prepare(source, "--out", source / "prepared")
    assert len(read_sessions(source, bin_width_s=None)) == 2
    prepare(source, "--out", tmp_path / "out")
    assert visible(tmp_path / "out") == ["s0.npz", "s1.npz"]
    (source / "s0.npz").rename(tmp_path / "s0.npz")  # its archive is now all there is
    assert [recording.path.parent.name for recording in find_recordings(source)] == ["prepared", "in"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing/here"], "no such file or folder, and not a public data set ("),
        ([".", "--bin-width-s", "0"], "--bin-width-s must be a positive number of seconds, got 0"),
        ([".", "--bin-width-s", "nan"], "--bin-width-s must be a positive number of seconds, got nan"),
        ([".", "--jobs", "0"], "--jobs must be 1 or more, got 0"),
        ([".", "--select", "a"], "--select is only for public data sets ("),
        (["."], "no recording in the folder"),
        ([""], "the path is empty"),
        (["https://x.org/a.zip"], "not the address of a recording: https://x.org/a.zip; streaming takes "),
    ],
)
def test_bad_arguments(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["prepare", *arguments])
    assert stopped.value.code == 2
    assert capfd.readouterr().err.startswith(f"error: {message}")
    assert visible(tmp_path) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = write_recordings(tmp_path / "in")
    (tmp_path / "file").touch()
    assert f"error: {tmp_path / 'file'}" in fails(capfd, source, "--out", tmp_path / "file" / "out")


class Source(SimpleNamespace):
    """A public data set on a server of this machine."""

    def __init__(self, **how: Any) -> None:
        super().__init__(TITLE="t", CITATION="Doe 2020", LICENCE="CC0", **how)


def test_a_public_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    meta = {"session_id": "s1", "licence": "CC BY 4.0"}
    write_recordings(tmp_path / "in")
    write_recording(tmp_path / "in" / "s1.npz", meta=np.array(json.dumps(meta)))
    with web_server() as web:
        web.files = {f"/{path.name}": path for path in (tmp_path / "in").iterdir()}

        def files(select: Sequence[str]) -> list[RemoteFile]:
            return [
                RemoteFile(
                    f"{web.url}/{name}.npz",
                    f"{name}/data.npz",
                    (path := tmp_path / "in" / f"{name}.npz").stat().st_size,
                    f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
                )
                for name in select or ("s0", "s1")
            ]

        monkeypatch.setattr(origin, "sources", lambda: {"doe2020": Source(files=files)})
        monkeypatch.chdir(tmp_path)
        prepare("doe2020", "--cache", "cache", "--select", "s1")
        assert visible(tmp_path / "prepared" / "doe2020") == ["s1.npz"]
        prepare("doe2020", "--cache", "cache")
        assert visible(tmp_path / "prepared" / "doe2020") == ["s0.npz", "s1.npz"]
        assert visible(tmp_path / "cache" / "doe2020") == ["s0", "s1"]
        sent = web.sent
        prepare("doe2020", "--cache", "cache")
        assert web.sent == sent
    by_id = {session.session_id: session for session in read_sessions("prepared/doe2020", bin_width_s=None)}
    assert by_id["s0"].meta["citation"] == "Doe 2020"
    assert by_id["s0"].meta["source"] == "doe2020"
    assert (by_id["s0"].meta["licence"], by_id["s1"].meta["licence"]) == ("CC0", "CC BY 4.0")
    out = capfd.readouterr().out
    assert f"data=doe2020 data.root={tmp_path / 'prepared' / 'doe2020'}\ncite:     Doe 2020\n" in out
    prepare("doe2020", "--cache", "cache")  # offline, of what is here
    (tmp_path / "cache" / "doe2020" / "s0" / "data.npz").unlink()
    monkeypatch.setattr(downloads, "PAUSE_S", 0.0)
    err = fails(capfd, "doe2020", "--cache", "cache")
    assert f"earlier downloads are in {tmp_path / 'cache' / 'doe2020'}, which can be prepared like any folder" in err


def test_a_public_data_set_that_another_library_obtains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(folder: Path, select: Sequence[str]) -> list[Path]:
        write_recordings(folder)
        return [folder / f"{name}.npz" for name in select]

    monkeypatch.setattr(origin, "sources", lambda: {"doe2020": Source(fetch=fetch)})
    prepare("doe2020", "--cache", tmp_path / "cache", "--out", tmp_path / "out", "--select", "s1")
    assert visible(tmp_path / "out") == ["s1.npz"]
