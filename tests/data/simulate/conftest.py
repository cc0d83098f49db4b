"""Every generator with the settings of its yaml, made small."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.utils import get_method
from omegaconf import OmegaConf

from synapsnet.data.simulate import Simulation

NETWORKS = sorted((Path(__file__).parents[3] / "conf" / "data" / "network").glob("*.yaml"))
SMALL = {"n_units": 30, "duration_s": 20.0, "seed": 0}

Simulate = Callable[..., Simulation]


@pytest.fixture(scope="session", params=[path.stem for path in NETWORKS])
def simulate(request: pytest.FixtureRequest) -> Simulate:
    return generator(request.param)


def generator(name: str) -> Simulate:
    """The generator of a yaml; its arguments override those of the yaml and of `SMALL`."""
    if name == "nest":
        pytest.importorskip("nest", reason="needs the extra nest")
    (path,) = (path for path in NETWORKS if path.stem == name)
    config = OmegaConf.load(path)
    settings = {key: config[key] for key in config if key not in ("seed", "_target_")}
    plain = OmegaConf.to_container(OmegaConf.create(settings))
    return lambda **changed: get_method(config["_target_"])(**(plain | SMALL | changed))
