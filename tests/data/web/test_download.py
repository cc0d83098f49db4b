import json
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from served import CONTENT, left_in, served

from synapsnet.data.web import download as downloads
from synapsnet.data.web.download import download
from synapsnet.data.web.file import RemoteFile
from synapsnet.errors import UserError

CHUNK = downloads._CHUNK


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_files_come_whole_and_only_once(archive: Any, tmp_path: Path, algorithm: str) -> None:
    files = [served(archive, name, CONTENT + name.encode(), algorithm) for name in ("a.npy", "deep/er/b.npy")]
    assert download(files, tmp_path) == [tmp_path / "a.npy", tmp_path / "deep" / "er" / "b.npy"]
    assert left_in(tmp_path) == ["a.npy", "deep/er/b.npy"]
    assert all((tmp_path / file.path).read_bytes() == archive.files[f"/{file.path}"] for file in files)
    download(files, tmp_path)
    assert len(archive.requests) == 2


def test_the_size_is_stated_before_the_first_byte(
    archive: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = served(archive, "a.npy")
    archive.statuses["/a.npy"] = [404]
    with pytest.raises(UserError):
        download([file], tmp_path)
    assert f"Downloading 1 file, 409.6 kB, to {tmp_path}" in capfd.readouterr().err


def test_an_empty_file(archive: Any, tmp_path: Path) -> None:
    download([served(archive, "empty", b"")], tmp_path)
    assert left_in(tmp_path) == ["empty"]


def test_a_file_that_is_not_right_any_more_is_replaced(archive: Any, tmp_path: Path) -> None:
    file = served(archive, "a.npy")
    (tmp_path / "a.npy").write_bytes(CONTENT[:-1] + b"?")
    download([file], tmp_path)
    assert (tmp_path / "a.npy").read_bytes() == CONTENT


def test_a_dropped_connection_is_taken_up_where_it_broke(archive: Any, tmp_path: Path) -> None:
    file = served(archive, "a.npy")
    archive.cuts["/a.npy"] = [CHUNK, 2 * CHUNK, None]
    archive.statuses["/a.npy"] = [503, 200, 429]
    download([file], tmp_path)
    assert (tmp_path / "a.npy").read_bytes() == CONTENT
    assert archive.sent["/a.npy"] == len(CONTENT)


def test_a_server_without_ranges_begins_anew(archive: Any, tmp_path: Path) -> None:
    file = served(archive, "a.npy")
    archive.ranges = False
    archive.cuts["/a.npy"] = [1000, None]
    download([file], tmp_path)
    assert (tmp_path / "a.npy").read_bytes() == CONTENT


def test_a_server_that_always_fails_is_given_up(archive: Any, tmp_path: Path) -> None:
    file = served(archive, "a.npy")
    archive.cuts["/a.npy"] = [CHUNK]
    archive.statuses["/a.npy"] = [200] + [500] * 50
    with pytest.raises(UserError, match=r"HTTP 500.*continues where it stopped") as error:
        download([file], tmp_path)
    assert "\n" not in str(error.value)
    assert len(archive.requests) == 1 + downloads.RETRIES
    assert left_in(tmp_path) == ["a.npy.part"]


def in_new_process(file: RemoteFile, folder: Path, limit: int | None = None) -> "subprocess.Popen[str]":
    script = (
        "import sys, json; from pathlib import Path\n"
        "from synapsnet.data.web import download; from synapsnet.data.web.file import RemoteFile\n"
        "from synapsnet.errors import UserError\n"
        "try: download.download([RemoteFile(*json.loads(sys.argv[1]))], Path(sys.argv[2]))\n"
        "except UserError as error: sys.exit(f'error: {error}')"
    )
    arguments = json.dumps([file.url, file.path, file.size, file.checksum]), str(folder)

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stderr=subprocess.PIPE, text=True, preexec_fn=limited
    )


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_download_goes_on_where_it_was(archive: Any, tmp_path: Path, ending: signal.Signals) -> None:
    content = CONTENT * 4
    file = served(archive, "a.npy", content)
    cut = 7 * CHUNK
    archive.cuts["/a.npy"], archive.hangs = [cut], {"/a.npy"}
    process = in_new_process(file, tmp_path)
    assert archive.hanging.wait(60)
    while not (tmp_path / "a.npy.part").exists() or (tmp_path / "a.npy.part").stat().st_size < cut:
        assert process.poll() is None
    process.send_signal(ending)
    process.communicate()
    assert left_in(tmp_path) == ["a.npy.part"]
    download([file], tmp_path)
    assert (tmp_path / "a.npy").read_bytes() == content
    assert archive.sent["/a.npy"] == len(content)
    assert archive.requests[-1] == ("/a.npy", f"bytes={cut}-")


def test_a_full_disk_is_one_line_and_goes_on_later(archive: Any, tmp_path: Path) -> None:
    file = served(archive, "a.npy")
    process = in_new_process(file, tmp_path, limit=100_000)
    _, err = process.communicate()
    assert process.returncode != 0
    assert err.splitlines()[-1].startswith(f"error: no space left on the disk of {tmp_path}; free some space")
    assert left_in(tmp_path) == ["a.npy.part"]
    download([file], tmp_path)
    assert left_in(tmp_path) == ["a.npy"]


def test_too_little_room_is_known_before(archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = served(archive, "a.npy")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(UserError, match=r"409\.6 kB are needed in .* but only 1\.0 kB are free; free some space"):
        download([file], tmp_path)
    assert archive.requests == []


def test_what_does_not_match_its_checksum_is_removed(archive: Any, tmp_path: Path) -> None:
    file = served(archive, "a.npy")
    archive.files["/a.npy"] = CONTENT[:-1] + b"?"
    with pytest.raises(UserError, match=r"/a\.npy has the wrong checksum") as error:
        download([file], tmp_path)
    assert "\n" not in str(error.value)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("length", [10, len(CONTENT) + 10])
def test_a_part_of_another_file_is_noticed(archive: Any, tmp_path: Path, length: int) -> None:
    file = served(archive, "a.npy")
    (tmp_path / "a.npy.part").write_bytes(b"?" * length)
    if length < file.size:
        with pytest.raises(UserError, match="the download was removed"):
            download([file], tmp_path)
    download([file], tmp_path)
    assert (tmp_path / "a.npy").read_bytes() == CONTENT


@pytest.mark.parametrize(("sent", "message"), [(CONTENT + b"more", "larger than"), (CONTENT[:-5], "ended after")])
def test_a_file_of_another_size(archive: Any, tmp_path: Path, sent: bytes, message: str) -> None:
    file = served(archive, "a.npy")
    archive.files["/a.npy"] = sent
    with pytest.raises(UserError, match=rf"{message}|416"):
        download([file], tmp_path)
    archive.files["/a.npy"] = CONTENT
    download([file], tmp_path)
    assert (tmp_path / "a.npy").read_bytes() == CONTENT


def test_a_missing_file(archive: Any, tmp_path: Path) -> None:
    file = served(archive, "a.npy")
    del archive.files["/a.npy"]
    with pytest.raises(UserError, match=r"127\.0\.0\.1:\d+ has no http://.*/a\.npy \(HTTP 404\)"):
        download([file], tmp_path)


def test_offline(closed_port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "PAUSE_S", 0.0)
    file = RemoteFile(f"{closed_port}/a.npy", "a.npy", 3, "md5:0")
    with pytest.raises(UserError, match=r"cannot reach 127\.0\.0\.1:\d+ .*; is this computer online\?") as error:
        download([file], tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("path", ["../a.npy", "/etc/a.npy", "b/../../a.npy", "", "..\\a.npy", "C:/a.npy", "a\0.npy"])
def test_a_file_outside_of_the_folder(archive: Any, tmp_path: Path, path: str) -> None:
    with pytest.raises(UserError, match="would be outside of the folder"):
        download([RemoteFile(f"{archive.url}/a.npy", path, 3, "md5:0")], tmp_path / "cache")


@pytest.mark.parametrize(
    ("url", "size", "checksum", "named"),
    [
        ("file:///etc/passwd", 1, "md5:0", "file:///etc/passwd"),
        ("http://[::1/a", 1, "md5:0", "address"),
        ("https://x.org/a", -1, "md5:0", "size -1"),
        ("https://x.org/a", 1, "md5:None", "md5:None"),
        ("https://x.org/a", 1, "shake_128:aa", "shake_128"),
    ],
)
def test_what_an_archive_cannot_mean(url: str, size: int, checksum: str, named: str) -> None:
    with pytest.raises(UserError, match=f"lists 'a' with the invalid .*{named}"):
        RemoteFile(url, "a", size, checksum)
