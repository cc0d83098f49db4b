"""A checkpoint or a configuration from a stranger runs no code, chooses no folder, and is refused in one line."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from command import QUICK, Command
from runs import checkpoint, contents, rewrite

from synapsnet.errors import UserError
from synapsnet.experiment import load
from synapsnet.results import Run

RUN = "touch ran"  # in the working folder
SHELL = {"_target_": "torch.utils.collect_env.run", "command": RUN}
EXEC = {"_target_": "builtins.exec", "_args_": ["open('ran', 'w')"]}
INTERPOLATED = "${oc.create:{_target_:torch.utils.collect_env.run,command:" + RUN + "}}"


Change = Callable[[dict[str, Any]], None]


def put(path: str, value: Any) -> Change:
    """Set one entry of the hyper-parameters by its path."""

    def change(said: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        for key in parents:
            said = said[int(key) if isinstance(said, list) else key]
        said[last] = value

    return change


CODE: dict[str, Change] = {
    "a function as the model": put("model", {"part": "torch.utils.collect_env.run", "settings": {"command": RUN}}),
    "a function of ours": put("model", {"part": "synapsnet.experiment.run_folder.remove", "settings": {"path": "x"}}),
    "a module of ours and another's function": put("model/part", "synapsnet.models.synapsnet.nn.Linear"),
    "a class of torch": put("model", {"part": "torch.nn.Linear", "settings": {"in_features": 1, "out_features": 1}}),
    "a function as a layer": put("model/settings/decoder/part", "os.system"),
    "a target as a setting": put("model/settings/decoder/settings/hidden", SHELL),
    "a target as a layer": put("model/settings/decoder", EXEC),
    "a tuple": put("model/settings/decoder", (SHELL,)),
    "an interpolation": put("model/settings/embedding_dim", INTERPOLATED),
    "an interpolation as a part": put("model/part", INTERPOLATED),
    "an interpolation in a list": put("likelihood/settings", {"values": [INTERPOLATED]}),
    "a target in a recorded value": put("record/values", {"callbacks.x": SHELL}),
    "a target as a recorded key": put("record/values", {"model._target_": "torch.utils.collect_env.run"}),
    "an interpolation in a recorded value": put("record/values", {"data.root": INTERPOLATED}),
    "an interpolation in a recorded group": put("record/groups", {"model": INTERPOLATED}),
    "an option from elsewhere": put("record/groups", {"model": "../../../evil"}),
    "a launcher as an option": put("record/groups", {"hydra/launcher": "joblib"}),
    "an override as an option": put("record/groups", {"model": "lstm,+callbacks.x={_target_:os.system}"}),
    "a package to trust": put("record/values", {"trusted_packages": ["os"]}),
    "settings of Hydra": put("record/values", {"hydra.run.dir": "elsewhere"}),
    "a key of many words": put("record/values", {"a b": 1}),
    "a key that deletes Hydra": put("record/deleted", ["hydra.run"]),
}


@pytest.mark.parametrize("case", [case for case in CODE if "record" not in case and "option" not in case])
def test_nothing_in_a_checkpoint_is_run_by_loading_it(case: str, victim: Path, train: Command) -> None:
    saved = checkpoint(victim, "last")
    CODE[case](saved["hyper_parameters"])
    path = rewrite(train.folder / "evil.ckpt", saved)
    train.monkeypatch.chdir(train.folder)
    with pytest.raises(UserError) as refused:
        load(path)
    assert "\n" not in str(refused.value)
    assert {found.name for found in train.folder.iterdir()} == {"evil.ckpt"}


@pytest.mark.parametrize("case", CODE)
def test_nothing_in_a_checkpoint_is_run_by_a_command(case: str, victim: Path, train: Command) -> None:
    saved = checkpoint(victim, "last")
    CODE[case](saved["hyper_parameters"])
    path = rewrite(train.folder / "evil.ckpt", saved)
    before = contents(victim)
    for mode in ("test", "train") if case in ("an interpolation", "a function as a layer") else ("train",):
        done = train(f"mode={mode}", f"ckpt_path={path}", "logger=csv", "reference_models=[]", "trainer.max_epochs=1")
        assert done.code == 2, done.out
        (line,) = done.err.splitlines()
        assert line.startswith("error: ")
    assert {found.name for found in train.folder.iterdir()} == {"evil.ckpt"}
    assert contents(victim) == before


@pytest.mark.parametrize("mode", ["test", "train"])
@pytest.mark.parametrize(
    "change",
    [
        put("settings/choices/model", "x/../../run"),
        put("settings/run_dir", "run"),
        put("record/values", {"data.name": "../../../run"}),
        put("record/values", {"callbacks.best_checkpoint.dirpath": "run/checkpoints"}),
        put("record/values", {"callbacks.connectivity.run_dir": "run"}),
    ],
)
def test_a_checkpoint_chooses_no_folder(
    change: Change, mode: str, victim: Path, train: Command, sessions: Path
) -> None:
    (train.folder / "stranger" / "checkpoints").mkdir(parents=True)
    saved = checkpoint(victim, "last")
    saved["hyper_parameters"]["record"]["values"] = {"data.root": str(sessions)}
    change(saved["hyper_parameters"])
    saved["hyper_parameters"]["record"]["values"].setdefault("data.root", str(sessions))
    path = rewrite(train.folder / "stranger" / "checkpoints" / "last.ckpt", saved)
    before = contents(victim)
    train(f"mode={mode}", f"ckpt_path={path}", *QUICK, "debug=fast", f"data.root={sessions}")
    assert contents(victim) == before
    assert {found.name for found in train.folder.iterdir()} <= {"stranger", "outputs"}
    outside = [found for found in train.folder.rglob("config.yaml") if found.parent.name == "run"]
    assert not outside


MALFORMED: dict[str, Change] = {
    "no model": lambda said: said.pop("model"),
    "no spec": lambda said: said.pop("spec"),
    "no sessions": put("spec/sessions", []),
    "units without a mean": put("spec/sessions/0/mean", []),
    "a mean of text": put("spec/sessions/0/mean", ["a"] * 7),
    "a mean that is not finite": put("spec/sessions/0/mean", [float("nan")] * 7),
    "units that are no text": put("spec/sessions/0/unit_ids", [1] * 7),
    "a context below 1": put("spec/context_bins", -3),
    "an unknown signal": put("spec/signal", "voltage"),
    "a model that is text": put("model", "synapsnet"),
    "a setting that the model does not know": put("model/settings/color", "red"),
    "a size below 0": put("model/settings/embedding_dim", -3),
    "a size that is text": put("model/settings/embedding_dim", "big"),
    "another size": put("model/settings/embedding_dim", 3),
    "a layer as the model": lambda said: said.update(model=copy.deepcopy(said["model"]["settings"]["decoder"])),
    "a run named by a path": put("run_id", "../../x"),
    "deep nesting": put("model/settings/decoder", eval("[" * 60 + "]" * 60)),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_checkpoint_is_one_line(case: str, victim: Path, train: Command) -> None:
    saved = checkpoint(victim, "last")
    MALFORMED[case](saved["hyper_parameters"])
    path = rewrite(train.folder / "odd.ckpt", saved)
    with pytest.raises(UserError, match=r"odd\.ckpt"):
        load(path)
    done = train("mode=test", f"ckpt_path={path}", *QUICK)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1


def test_a_checkpoint_of_an_earlier_version_is_refused(victim: Path, tmp_path: Path) -> None:
    saved = checkpoint(victim, "last")
    for change in (lambda said: said.pop("format"), put("format", [3])):
        change(saved["hyper_parameters"])
        with pytest.raises(
            UserError, match=r"old\.ckpt is a checkpoint of format (1|\[3\]), and this synapsnet reads 2"
        ):
            load(rewrite(tmp_path / "old.ckpt", saved))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        *(("state_dict", value) for value in (None, 3, "text", {"model.x": 3})),
        *(("hyper_parameters", value) for value in (None, 3, "text", {"model.x": 3})),
        *(("ending", value) for value in (3, "text", {"model.x": 3})),
        *(("global_step", value) for value in (None, "text", {"model.x": 3})),
    ],
)
def test_a_part_of_another_kind_is_one_line(part: str, value: Any, victim: Path, tmp_path: Path) -> None:
    saved = checkpoint(victim, "last")
    saved[part] = value
    with pytest.raises(UserError, match=r"odd\.ckpt"):
        load(rewrite(tmp_path / "odd.ckpt", saved))


def test_a_tensor_that_claims_more_than_the_file_holds(victim: Path, tmp_path: Path) -> None:
    saved = checkpoint(victim, "last")
    saved.pop("digest")
    saved["state_dict"]["model.huge"] = torch.zeros(1).expand(10**12)
    saved["digest"] = "0" * 64
    torch.save(saved, tmp_path / "huge.ckpt")
    with pytest.raises(UserError, match="larger than the file"):
        load(tmp_path / "huge.ckpt")


def test_no_flipped_bit_loads_other_weights(victim: Path, tmp_path: Path) -> None:
    whole = (victim / "checkpoints" / "last.ckpt").read_bytes()
    expected = load(victim / "checkpoints" / "last.ckpt").state_dict()
    chance, refused = random.Random(0), 0
    for _ in range(150):
        place, bit = chance.randrange(len(whole)), 1 << chance.randrange(8)
        damaged = bytearray(whole)
        damaged[place] ^= bit
        (tmp_path / "flipped.ckpt").write_bytes(damaged)
        try:
            weights = load(tmp_path / "flipped.ckpt").state_dict()
        except UserError:
            refused += 1
        else:  # a byte of padding
            assert all(torch.equal(weights[name], expected[name]) for name in expected), (place, bit)
    assert refused > 75


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "data: ${oc.env:HOME}",
        "data: !!python/object/apply:os.system ['touch ran']",
        "[" * 5000,
        "a: " + "x" * 5_000_000,
        "\x00",
        "- a list",
        "{1: 2}",
        "a: 2020-02-02",
    ],
)
def test_a_configuration_from_a_stranger_is_refused_at_once(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(text)
    start = time.process_time()
    with pytest.raises(UserError, match=r"config\.yaml"):
        _ = Run(tmp_path).config
    assert time.process_time() - start < 5  # a bomb would take minutes, and gigabytes
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
