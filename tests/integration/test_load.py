"""A checkpoint loads in plain Python, in a fresh process, without the data."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from command import QUICK, Command, in_new_process, write_recordings

from synapsnet.errors import UserError
from synapsnet.experiment import load

SCRIPT = """
import numpy as np
from synapsnet.experiment import load
model = load("run/checkpoints/best.ckpt")
np.save("forecast.npy", model.forecast(np.load("activity.npy"), np.load("behavior.npy"), session="s1"))
"""


def test_a_fresh_process_forecasts_without_the_data(train: Command) -> None:
    data = write_recordings(train.folder / "data")
    done = train(*QUICK, f"data.root={data}", "debug=fast", "hydra.run.dir=run")
    assert done.code == 0, done.err
    with np.load(data / "s1.npz") as arrays:
        activity, behavior = arrays["activity"], arrays["behavior"]
    np.save(train.folder / "activity.npy", activity)
    np.save(train.folder / "behavior.npy", behavior)
    shutil.rmtree(data)
    script = in_new_process(train.folder, "-c", SCRIPT)
    assert script.returncode == 0, script.stderr
    forecast = np.load(train.folder / "forecast.npy")
    assert forecast.shape == activity.shape
    assert np.isnan(forecast[:4]).all()
    assert np.isfinite(forecast[4:]).all()
    here = load(train.folder / "run" / "checkpoints" / "best.ckpt")
    np.testing.assert_allclose(forecast, here.forecast(activity, behavior, session="s1"), rtol=1e-5)
    assert not here.training


def test_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint at"):
        load(tmp_path / "nowhere.ckpt")
