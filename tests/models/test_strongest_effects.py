"""The strongest effects, where no matrix of all pairs is made, are entries of the matrix of effects."""

from __future__ import annotations

import pytest
import torch
from laws import KINDS, Kind, names, small_task, trained

from synapsnet.models import synapsnet
from synapsnet.models.synapsnet import SynapsNet
from synapsnet.testing import coupled
from synapsnet.testing.laws.connectivity import windows

N_SENDERS = 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("connectivity", names("model/connectivity"))
def test_they_are_the_largest_entries_of_the_effective_connectivity(
    kind: Kind, connectivity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synapsnet, "RECEIVERS_AT_ONCE", 6)
    task = small_task(coupled(kind), kind)
    model = trained("synapsnet", task, f"model/connectivity={connectivity}", steps=10)
    assert isinstance(model, SynapsNet)
    for session, info in enumerate(task.spec.sessions):
        past, behavior, _, slow = windows(task, session)
        effective = model.effective_connectivity(past, behavior, session, slow, 1)[0]
        senders, found, raw = model.strongest_effects(past, behavior, session, slow, N_SENDERS)
        assert senders.shape == (info.n_units, N_SENDERS)
        torch.testing.assert_close(found, effective.gather(1, senders), rtol=1e-4, atol=1e-6)
        with model.as_read():
            matrix = model.raw_connectivity(session)
        assert torch.equal(raw, matrix.gather(1, senders))
        gain = model.scale(session).input_gain(past).mean((0, 1))
        largest = (matrix.abs() * gain).sort(dim=1, descending=True).values[:, :N_SENDERS]
        torch.testing.assert_close((raw.abs() * gain[senders]).sort(dim=1, descending=True).values, largest)
