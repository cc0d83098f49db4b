"""The command as a user runs it."""

import argparse

import pytest

from synapsnet.data.__main__ import main


@pytest.fixture
def inspect(tmp_path, monkeypatch, capsys):
    """The command in a folder of its own: exit code, and what it prints with every run of blanks as one."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = 0
        try:
            main(["inspect", *map(str, arguments)])
        except SystemExit as stopped:
            code = stopped.code
        out, err = capsys.readouterr()
        return argparse.Namespace(code=code, out=out, err=err, words=" ".join(out.split()))

    return run
