"""Overrides as they are typed: paths stay text, and a value that cannot be read is told how to quote it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString

from synapsnet.command_line import quoted
from synapsnet.configuration import conf_folder
from synapsnet.errors import UserError
from synapsnet.experiment.overrides import as_typed


def read(argument: str) -> object:
    """The value that Hydra takes an argument for, as the configuration holds it."""
    (override,) = OverridesParser.create().parse_overrides(as_typed([argument]))
    value = override.value()
    items = value if isinstance(value, list) else [value]
    texts = [item.text if isinstance(item, QuotedString) else item for item in items]
    return texts if isinstance(value, list) else texts[0]


@pytest.mark.parametrize(
    "path",
    ["2024", "2023_05_01", "1e5", "12e4", "true", "NaN", "Null", "~/data", "/x/sub=01/a b.npz", "/x/rec(1).npz",
     "https://x.org/a,b?c=d&e=f", "/x/it's.npz", ".", "C:\\data\\new", "/x/é日本", "0x10", "1_000", ".5", "-5"],
)  # fmt: skip
def test_a_path_is_text_whatever_it_looks_like(path: str) -> None:
    for key in ("data.root", "ckpt_path", "data.task"):
        assert read(f"{key}={path}") == path
    assert read(f"data.root=[{path.replace(',', '')},b]") == [path.replace(",", ""), "b"]
    assert read(f"seed={quoted(path)}") == path


def test_what_is_written_in_the_grammar_of_hydra_stays() -> None:
    kept = [
        "-m",
        'data.root="a b"', "data.root='1e5'", "data.root=${oc.env:HOME}/x", "data.root=glob(*)", "data.root=",
        "data.root=null", "data.root=['a,b',c]", "--config-dir", "/a=b", "~callbacks.figures", "seed=0,1",
    ]  # fmt: skip
    assert as_typed(kept) == kept
    assert as_typed(["data.root=2023,2024"]) == ['data.root="2023","2024"']  # a sweep


def test_a_path_that_is_there_is_no_list_and_no_null(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("null", "a,b", "[a,b]"):
        (tmp_path / name).mkdir()
        assert read(f"data.root={name}") == name


def test_null_switches_a_group_or_a_list_off() -> None:
    groups = ("logger", "callbacks", "method", "experiment", "sweep", "debug")
    for name in (*groups, "reference_models", "trusted_packages"):
        assert as_typed([f"{name}=null"]) == [f"{name}=[]"]


def test_other_values_are_told_how_to_quote_them() -> None:
    with pytest.raises(UserError) as refused:
        as_typed(["logger.wandb.project=a=b"])
    assert str(refused.value) == (
        "cannot read logger.wandb.project=a=b; if its value is text, quote it: 'logger.wandb.project=\"a=b\"'"
    )


@pytest.mark.parametrize("argument", ["+modle=x", "modle=x", "+data.rooot=/x"])
def test_a_typo_is_told_before_torch_is_imported(argument: str, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom synapsnet.experiment.command import main\n"
        f"try:\n    code = main([{argument!r}])\nexcept SystemExit as stopped:\n    code = stopped.code\n"
        "print(code, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "2 False\n"
    (line,) = done.stderr.splitlines()
    assert line.endswith(f"(did you mean {'data.root' if 'data' in argument else 'model'}?)")


@pytest.mark.parametrize(
    "name", ["null", "range(1)", "glob(x)", "a,b", "[a]", "${x}", "'q'", "~nobody", "2023_05_01", "é", "{x}", "a b"]
)
def test_a_folder_that_is_there_is_meant_whatever_it_is_called(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        for typed in (f"data.root={name}", f"data.root={quoted(name)}"):
            assert compose("train", as_typed([typed])).data.root == name


def test_flags_of_a_sweep_may_stand_anywhere() -> None:
    assert as_typed(["debug=fast", "-m", "seed=0,1"]) == ["-m", "debug=fast", "seed=0,1"]
