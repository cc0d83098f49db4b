"""Archives that were downloaded: unpacked whole, once, and never elsewhere."""

import errno
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from served import left_in, served

from synapsnet.data.web.download import download
from synapsnet.errors import UserError


def tarred(names: dict[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as file:  # type: ignore[call-overload]
        for name, content in names.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zipped(names: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in names.items():
            file.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".tar", tarred), (".tar.gz", lambda names: tarred(names, "w:gz")), (".zip", zipped)],
)
def test_archives_are_unpacked_once(
    archive: Any, tmp_path: Path, suffix: str, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    file = served(archive, f"mice/session{suffix}", pack({"spikes.npy": b"1", "probe/b.npy": b"2"}))
    assert download([file], tmp_path) == [tmp_path / "mice" / "session"]
    assert left_in(tmp_path / "mice") == ["session/.unpacked", "session/probe/b.npy", "session/spikes.npy"]
    download([file], tmp_path)
    assert len(archive.requests) == 1
    newer = served(archive, f"mice/session{suffix}", pack({"spikes.npy": b"3"}))
    download([newer], tmp_path)
    assert left_in(tmp_path / "mice") == ["session/.unpacked", "session/spikes.npy"]


@pytest.mark.parametrize(("suffix", "pack"), [(".tar", tarred), (".zip", zipped)])
@pytest.mark.parametrize("name", ["../escaped.npy", "a/../../escaped.npy"])
def test_nothing_is_unpacked_elsewhere(
    archive: Any, tmp_path: Path, suffix: str, pack: Callable[[dict[str, bytes]], bytes], name: str
) -> None:
    file = served(archive, f"session{suffix}", pack({"a.npy": b"1", name: b"2"}))
    with pytest.raises(UserError, match=r"session\.(tar|zip) "):
        download([file], tmp_path / "cache")
    assert left_in(tmp_path) == [f"cache/session{suffix}"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(archive: Any, tmp_path: Path, kind: bytes) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        member = tarfile.TarInfo("spikes.npy")
        member.type, member.linkname = kind, "/etc/hostname"
        file.addfile(member)
    with pytest.raises(UserError, match=r"holds .spikes\.npy., which is neither a file nor a folder"):
        download([served(archive, "session.tar", buffer.getvalue())], tmp_path)
    assert left_in(tmp_path) == ["session.tar"]


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz", ".zip"])
def test_a_damaged_archive(archive: Any, tmp_path: Path, suffix: str) -> None:
    file = served(archive, f"session{suffix}", b"no archive at all")
    with pytest.raises(UserError, match=r"cannot be unpacked: ") as error:
        download([file], tmp_path)
    assert "\n" not in str(error.value)
    assert left_in(tmp_path) == [f"session{suffix}"]


def test_what_could_not_be_unpacked_is_not_downloaded_again(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = served(archive, "session.tar", tarred({"a.npy": b"1"}))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfileobj", full)
        with pytest.raises(UserError, match="no space left on the disk"):
            download([file], tmp_path)
    assert left_in(tmp_path) == ["session.tar"]
    download([file], tmp_path)
    assert left_in(tmp_path) == ["session/.unpacked", "session/a.npy"]
    assert len(archive.requests) == 1


@pytest.mark.parametrize("name", ["...zip", "..zip", ".zip", "...tar.gz"])
def test_an_archive_without_a_name_replaces_no_folder(archive: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "before").touch()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("a", "b")
    download([served(archive, f"sub/{name}", content.getvalue())], tmp_path)
    assert left_in(tmp_path) == ["before", f"sub/{name}"]


@pytest.mark.parametrize(
    ("what", "at", "message"), [("a password", 6, "password"), ("a strange method", 8, "not supported")]
)
def test_a_zip_file_that_cannot_be_read(archive: Any, tmp_path: Path, what: str, at: int, message: str) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("a", "b")
    changed = bytearray(content.getvalue())
    for place in (at, changed.find(b"PK\1\2") + at + 2):  # of the file and of its entry in the directory
        changed[place] = 1 if what == "a password" else 99
    with pytest.raises(UserError, match=f"cannot be unpacked: .*{message}"):
        download([served(archive, "a.zip", bytes(changed))], tmp_path)
    assert left_in(tmp_path) == ["a.zip"]
