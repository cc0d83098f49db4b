"""SynapsNet without one of its parts, or with another in its place."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from experiments._study import TINY, Job, Study, main, tiny
from experiments.forecasting.study import RECORDINGS as SETTINGS
from synapsnet.data.training_command import quoted

FULL = "full"
_FIXED = (
    "hydra.searchpath=[file://experiments/ablations/conf]",
    "trusted_packages=[experiments]",
    "model/connectivity=fixed",
    "model.connectivity.source={before}/connectivity.npz",
)
VARIANTS: Mapping[str, tuple[str, ...]] = {
    FULL: (),
    "no_connectivity": ("model=synapsnet_no_connectivity",),
    "no_unobserved": ("model=synapsnet_no_unobserved",),
    "no_embedding": ("model.embedding_dim=0",),
    "no_behavior": ("data.behavior=[]",),
    "no_slow_state": ("model.slow_state=false",),
    "paper": ("model=synapsnet_plain",),
    "A_fixed": _FIXED,
    "A_shuffled": (*_FIXED, "model.connectivity.shuffled=true"),
    "A_correlation": (*_FIXED, "model.connectivity.matrix=method/correlation"),
    "A_dense": ("model/connectivity=dense",),
    "A_rank_4": ("model/connectivity=low_rank", "model.connectivity.rank=4"),
    "A_rank_16": ("model/connectivity=low_rank",),
    "decoder_gru": ("model/decoder=gru",),
    "decoder_transformer": ("model/decoder=transformer",),
    "memory_1_bin": ("model.decoder.lags=1", "model.decoder.time_constants=[]"),
    "memory_10_bins": ("model.decoder.time_constants=[]",),
    "embedding_2": ("model.embedding_dim=2",),
    "embedding_64": ("model.embedding_dim=64",),
}
"""Settings of each variant; ``{before}`` is the run of the full model that is done first."""
RECORDINGS = ("spikes_m1", "calcium_worm", "neuropixels_v1")
ALONE, THREE = "one_session", "three_sessions"
_QUICK = ("no_connectivity", "A_shuffled", "A_correlation", "no_embedding")


def _job(variant: str, folder: str, settings: tuple[str, ...]) -> Job:
    given = VARIANTS.get(variant, ())
    before = Path(FULL, folder) if set(_FIXED) <= set(given) else None
    return Job(Path(variant, folder), (0,), ("model=synapsnet", *given, *settings), before)


def jobs(data: Path) -> list[Job]:
    """Every variant on every recording, and the full model on fewer sessions of a recording."""
    made = []
    for name in RECORDINGS:
        root = data / name
        made += [_job(variant, name, (*SETTINGS[name], f"data.root={quoted(str(root))}")) for variant in VARIANTS]
        files = sorted(root.glob("*.npz"))
        fewer = {ALONE: [[file] for file in files], THREE: [files[:3]]} if len(files) > 1 else {}
        for variant, parts in fewer.items():
            for part in parts:
                roots = ",".join(quoted(str(file)) for file in part)
                of_part = (*SETTINGS[name], f"data.name={name}", f"data.root=[{roots}]")
                made.append(_job(variant, f"{name}-{part[0].stem}", of_part))
    return made


def _quick() -> list[Job]:
    (of_tiny,) = tiny(["synapsnet"])
    return [_job(variant, TINY, of_tiny.settings[1:]) for variant in (FULL, *_QUICK)]


STUDY = Study("ablations", jobs, quick=_quick(), recordings=RECORDINGS, by_recording=True)

if __name__ == "__main__":
    sys.exit(main(STUDY))
