"""Laws of the network in NEST."""

import sys

import pytest

from synapsnet.data.simulate import simulate_nest_network
from synapsnet.errors import UserError


def simulate(**changed):
    settings = {"n_units": 10, "duration_s": 100.0, "bin_width_s": 0.01, "density": 0.2, "dale": True}
    settings |= {"weight_sigma": 0.3, "weight_mv": 2.0, "delays_ms": [1.0, 3.0], "drive_mv": 12.0, "noise_mv": 5.0}
    return simulate_nest_network(**(settings | {"common_drive": 0.0, "seed": 0} | changed))


def test_a_spike_moves_the_rate_of_the_receivers_by_the_sign_of_the_weight():
    pytest.importorskip("nest", reason="needs the extra nest")
    simulation = simulate()
    counts, truth = simulation.session.activity.astype(float), simulation.truth
    after = (counts[1:] - counts.mean(0)).T @ (counts[:-1] > 0) / (counts[:-1] > 0).sum(0)
    assert (after[truth > 0] > 0).mean() > 0.9
    assert after[truth > 0].mean() > 3 * abs(after[truth == 0].mean())
    assert after[truth < 0].mean() < after[truth == 0].mean()


def test_one_spike_moves_a_potential_by_its_weight():
    nest = pytest.importorskip("nest", reason="needs the extra nest")
    from synapsnet.data.simulate import nest as ours

    nest.ResetKernel()
    nest.resolution = ours.RESOLUTION_MS
    (neuron,) = nest.Create("iaf_psc_exp", params=ours.NEURON)
    meter = nest.Create("voltmeter", params={"interval": 0.1})
    nest.Connect(meter, neuron)
    spike = nest.Create("spike_generator", params={"spike_times": [1.0]})
    nest.Connect(spike, neuron, syn_spec={"weight": 1.5 / ours._potential()[0], "delay": 1.0})
    nest.Simulate(50.0)
    assert meter.events["V_m"].max() == pytest.approx(1.5, rel=0.001)


def test_it_is_silent(capfd):
    pytest.importorskip("nest", reason="needs the extra nest")
    simulate(duration_s=1.0)
    assert capfd.readouterr() == ("", "")


def test_without_nest_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "nest", None)
    with pytest.raises(UserError, match=r'pip install "synapsnet\[nest\]"'):
        simulate(duration_s=1.0)
