"""The benchmark suite: the same training in both loops, countable arithmetic, first times, and the command."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from laws import names

from experiments.benchmark import arithmetic, fixed_score, gpu, startup, throughput
from experiments.benchmark._kit import Plan, in_turns, ratio
from experiments.benchmark._own_loop import attention
from experiments.benchmark._training import bare_loop, composed, real_loop
from experiments.benchmark.run import main
from experiments.benchmark.throughput import REFERENCE
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.experiment.build import Config, build_data

TINY = ("data.network.n_units=8", "data.network.duration_s=20")


@pytest.fixture(scope="module")
def nlinear() -> Config:
    """A model without dropout, whose training does not depend on the random generator."""
    return composed("model=nlinear", *TINY)


@pytest.fixture(scope="module")
def task(nlinear: Config) -> Task:
    return build_data(nlinear["data"]).task


def test_both_loops_train_the_same_model_on_the_same_batches(task: Task, nlinear: Config) -> None:
    real, bare = (loop(task, nlinear, 4) for loop in (real_loop, bare_loop))
    assert real.unit_bins == bare.unit_bins
    assert len(real.unit_bins) == len(real.seconds) == 4
    for name, value in real.model.state_dict().items():
        torch.testing.assert_close(bare.model.state_dict()[name], value, rtol=0, atol=0)


def test_operations_are_those_of_every_matrix_product(task: Task) -> None:
    low_rank = ("model=synapsnet_plain", "model/connectivity=low_rank", *TINY)
    two, five = (composed(*low_rank, f"model.connectivity.rank={rank}") for rank in (2, 5))
    batch = next(iter(task.train_loader(batch_size=two["data"]["batch_size"], seed=0)))
    # Forward x S and (x S) Rᵀ, backward to S, to R and to x S: a multiplication and an addition each.
    expected = batch.past.numel() * (5 - 2) * 5 * 2
    assert arithmetic.flops_of_step(task, five) - arithmetic.flops_of_step(task, two) == expected


def test_operations_are_those_of_a_recurrent_layer_too(task: Task) -> None:
    one, two = (composed("model=lstm", "model.width=24", f"model.layers={layers}", *TINY) for layers in (1, 2))
    batch = next(iter(task.train_loader(batch_size=one["data"]["batch_size"], seed=0)))
    # Four gates, each a product with 24 inputs and one with 24 states; twice as many operations backward.
    expected = batch.past.shape[:2].numel() * 4 * (24 + 24) * 24 * 2 * 3
    assert arithmetic.flops_of_step(task, two) - arithmetic.flops_of_step(task, one) == expected


def test_contestants_take_turns_and_ratios_are_of_neighbours() -> None:
    order: list[str] = []
    found = in_turns({name: lambda name=name: order.append(name) or len(order) for name in "ab"}, 3)
    assert order == list("ababab")
    assert found == {"a": [1, 3, 5], "b": [2, 4, 6]}
    assert ratio([2, 30, 8], [1, 10, 2]) == 3


def test_the_first_validation_that_reaches_the_goal_counts(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("step,train/nll,validation/nll\n9,,0.5\n14,0.4,\n19,,0.3\n29,,0.4\n")
    (tmp_path / "clock.csv").write_text("10,1.5\n20,2.5\n30,4\n")
    points = fixed_score.read(tmp_path / "metrics.csv", tmp_path / "clock.csv", "nll")
    assert fixed_score.best(points) == fixed_score.Point(20, 2.5, 0.3)
    assert fixed_score.first_reaching(0.45, points).step == 20
    assert fixed_score.first_reaching(0.5, points).seconds == 1.5
    assert fixed_score.first_reaching(0.2, points) is fixed_score.NEVER


def test_a_command_that_ends_otherwise_is_not_timed() -> None:
    with pytest.raises(SystemExit, match="ended with 2: error: there is no setting modle"):
        startup.cpu_seconds(["modle=synapsnet"], 0)


def test_rows_of_a_gpu_are_run_as_they_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[Config] = []
    monkeypatch.setattr(gpu, "_cost", lambda plan, task, config, **_: run.append(config) or gpu.Cost(1.0, 1.0, 1.0))
    tiny = Plan(quick=True, repeats=1, recording=None)
    for (_, n_windows, form, *_), config in zip(gpu.precisions(tiny).rows, run, strict=True):
        assert config["trainer"]["cuda_graphs"] == form.endswith("replayed")
        assert (config["trainer"]["precision"] == "bf16-mixed") == form.startswith("bfloat16")
        assert config["data"]["batch_size"] == int(n_windows)
    run.clear()
    gpu.models(tiny)
    for alone, few, many in zip(run[::3], run[1::3], run[2::3], strict=True):
        assert [of["trainer"]["cuda_graphs"] for of in (alone, few, many)] == [False, True, True]
        assert [of["data"]["batch_size"] for of in (alone, few, many)] == [8, 8, 64]
    run.clear()
    gpu.sizes(tiny)
    assert all(of["trainer"]["cuda_graphs"] for of in run)


@pytest.mark.slow
def test_without_a_gpu_the_table_says_so_and_keeps_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    table = tmp_path / "table.md"
    table.write_text("<!-- gpu -->\n## Steps\nmeasured\n")
    assert main(["--parts", "gpu,gpu_units", "--out", str(tmp_path)]) == 0
    written = table.read_text()
    assert "<!-- gpu -->\n## Steps\nmeasured\n" in written
    assert "<!-- gpu_units -->\n## `gpu_units`\nNot measured, because there was no GPU.\n" in written


def test_a_part_that_runs_alone_keeps_the_sections_of_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("loop", "throughput", "loop"):
        assert main(["--quick", "--parts", part, "--out", str(tmp_path)]) == 0
    table = (tmp_path / "table.md").read_text()
    assert [line for line in table.splitlines() if line.startswith("## ")] == [
        "## Throughput of training",
        "## Lightning's loop",
    ]
    (reference,) = (line for line in table.splitlines() if REFERENCE in line)
    assert reference.endswith("| 1.0 |")
    by_formula = {"ar", "lasso_var", "mean", "persistence", "var"}
    for model in names("model"):
        assert (f"| `{model}` |" in table) != (model in by_formula), model
    for decoder in ("gru", "transformer"):
        assert f"| `synapsnet model/decoder={decoder}` |" in table
    assert "| ratio |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--parts", "lop"], "no lop among throughput"),
        (["--repeats", "0"], "above 0"),
        (["--recording", "nowhere.npz"], "no nowhere.npz"),
    ],
)
def test_bad_input_costs_one_line(options: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(options)
    assert stopped.value.code == 2
    assert named in capsys.readouterr().err


@pytest.fixture
def netformer(tmp_path: Path) -> Plan:
    """A stand-in for the clone: its module gives the one class that is asked for."""
    package = tmp_path / "clone" / "NetFormer"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "models.py").write_text(
        "import pytorch_lightning as pl, torch\n"
        "class NetFormer_sim(pl.LightningModule):\n"
        "    def __init__(self, neuron_num, window_size, learning_rate, scheduler, dim_E):\n"
        "        super().__init__()\n"
        "        self.read_out = torch.nn.Linear(window_size - 1, 1)\n"
        "    def training_step(self, batch, index):\n"
        "        return (self.read_out(batch[0]) - batch[1]).square().mean()\n"
        "    def validation_step(self, batch, index):\n"
        "        self.log('VAL_loss', self.training_step(batch, index))\n"
        "    def configure_optimizers(self):\n"
        "        return torch.optim.Adam(self.parameters())\n"
    )
    return Plan(quick=True, repeats=1, recording=None, clones={"netformer": tmp_path / "clone"})


@pytest.mark.slow
def test_netformers_own_loop_is_measured_and_its_failure_is_one_line(netformer: Plan) -> None:
    task = build_data(composed(*netformer.data, "model=nlinear")["data"]).task
    assert throughput.own_loop(task, netformer, "netformer") > 0
    (netformer.clones["netformer"] / "NetFormer" / "models.py").write_text("raise ImportError('no einops here')\n")
    with pytest.raises(UserError, match=r"^netformer's own code failed: ImportError: no einops here$"):
        throughput.own_loop(task, netformer, "netformer")


@pytest.mark.slow
def test_with_a_clone_the_goal_is_what_its_own_schedule_reaches(netformer: Plan) -> None:
    table = fixed_score.measured(netformer)
    own, ours, synapsnet = table.rows
    assert [own[0], ours[0], synapsnet[0]] == [fixed_score.OWN_SCHEDULE, "`netformer`", "`synapsnet`"]
    assert f"the goal is the best validation mse of {own[0]}, {own[1]}" in table.subject
    assert 0.5 < float(own[1]) < 3  # of z-scored activity
    assert own[2] == own[3]


@pytest.mark.slow
def test_pocos_own_code_is_measured(tmp_path: Path) -> None:
    """A stand-in for the clone: its module imports what the real one imports, and gives the two classes asked for."""
    package = tmp_path / "clone" / "zapbench_scripts"
    package.mkdir(parents=True)
    (package / "standalone_poco.py").write_text(
        "import torch\n"
        "import xformers.ops as xops\n"
        "from torchtyping import TensorType\n"
        "class NeuralPredictionConfig:\n"
        "    seq_length, pred_length = 64, 16\n"
        "class POCO(torch.nn.Module):\n"
        "    Tin = 48\n"
        "    def __init__(self, settings, sizes):\n"
        "        super().__init__()\n"
        "        self.read_out = torch.nn.Linear(48, 16)\n"
        "    def forward(self, pasts) -> TensorType['bins', 'windows', 'units']:\n"
        "        return [self.read_out(pasts[0].permute(1, 2, 0)).permute(2, 0, 1)]\n"
    )
    plan = Plan(quick=True, repeats=1, recording=None, clones={"poco": tmp_path / "clone"})
    task = build_data(composed(*plan.data, "model=nlinear")["data"]).task
    assert throughput.own_loop(task, plan, "poco") > 0


@pytest.mark.parametrize("kv_seqlen", [None, [4, 4, 4]])
def test_attention_in_place_of_xformers_stays_within_sequences(kv_seqlen: list[int] | None) -> None:
    """Against torch's attention over everything, with a mask of blocks."""
    n_keys = 15 if kv_seqlen is None else 12
    q = torch.randn(1, 15, 2, 6)
    k, v = torch.randn(2, 1, n_keys, 2, 6)
    ops = attention()
    bias = ops.fmha.BlockDiagonalMask.from_seqlens(q_seqlen=[5, 5, 5], kv_seqlen=kv_seqlen)
    found = ops.memory_efficient_attention(q, k, v, attn_bias=bias, p=0.0)
    mask = torch.block_diag(*[torch.ones(5, n_keys // 3)] * 3).bool()
    heads_first = (part.transpose(1, 2) for part in (q, k, v))
    expected = torch.nn.functional.scaled_dot_product_attention(*heads_first, attn_mask=mask).transpose(1, 2)
    torch.testing.assert_close(found, expected)
    with pytest.raises(ValueError, match="several lengths"):
        ops.fmha.BlockDiagonalMask.from_seqlens(q_seqlen=[5, 4], kv_seqlen=None)
