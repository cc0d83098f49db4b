from typing import Any

import pytest
from range_server import web_server

from synapsnet.data.web.file import RemoteFile
from synapsnet.data.web.osf import osf_file
from synapsnet.errors import UserError

ANSWER = {
    "data": {
        "id": "5f1c0b9ab2a5e0",
        "type": "files",
        "attributes": {
            "name": "steinmetz_part0.npz",
            "kind": "file",
            "size": 12345,
            "extra": {"hashes": {"md5": "0a", "sha256": "0b"}},
        },
        "links": {"download": "https://osf.io/download/5f1c0b9ab2a5e0/"},
    }
}


def answered(answer: Any) -> RemoteFile:
    with web_server() as web:
        web.answers["/v2/files/agvxh/"] = answer
        return osf_file("agvxh", "part0.npz", api=f"{web.url}/v2")


def test_size_checksum_and_address_are_those_of_the_archive() -> None:
    assert answered(ANSWER) == RemoteFile("https://osf.io/download/5f1c0b9ab2a5e0/", "part0.npz", 12345, "sha256:0b")


@pytest.mark.parametrize("answer", [{}, {"data": []}, {"data": {"attributes": {"extra": {"hashes": {}}}}}, []])
def test_another_answer_is_one_line(answer: Any) -> None:
    with pytest.raises(UserError, match=r"/v2/files/agvxh/ lists a file without .*; its API may have changed"):
        answered(answer)


def test_offline(closed_port: str) -> None:
    with pytest.raises(UserError, match="is this computer online"):
        osf_file("agvxh", "part0.npz", api=closed_port)
