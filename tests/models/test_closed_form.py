"""Models that are fitted by formula end the same, whether their batches are kept or cut again at every pass."""

from __future__ import annotations

import pytest
import torch
from laws import KINDS, Kind, build, simulated, small_task

from synapsnet.models import closed_form


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["mean", "persistence", "ar", "var", "lasso_var"])
def test_batches_may_be_kept_or_cut_again(name: str, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    task, fits = small_task(simulated(kind), kind), []
    for most in (0, closed_form.MOST_KEPT):
        monkeypatch.setattr(closed_form, "MOST_KEPT", most)
        model = build(name, task.spec)
        assert isinstance(model, closed_form.ClosedFormForecaster)
        model.fit_closed_form(task.loader("train", batch_size=16), task.loader("validation", batch_size=16))
        fits.append(model.state_dict())
    cut, kept = fits
    assert all(torch.equal(cut[entry], kept[entry]) for entry in kept)
