"""Provenance: why training stopped, versions, commits, and fingerprints of recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synapsnet.report.html import Cell, Html, bullets, code, folded, join, paragraph, table, tag
from synapsnet.report.study import Study, ending, fact, texts
from synapsnet.results import Run

_LETTERS = 12


def provenance_section(study: Study) -> Html:
    """One table of runs, and one of recordings."""
    if not study.runs:
        return paragraph("No run is finished.")
    shared, varying = _facts(study.runs)
    rows = [
        [
            study.name(run.folder),
            run.model_name,
            run.recording,
            Cell(run.seed, run.seed),
            ending(run) or "not said",
            _number(run, "fit_seconds"),
            *(code(_of(run)[name]) for name in varying),
        ]
        for run in study.runs
    ]
    header = ["run", "model", "recording", "seed", "training", "seconds to fit", *varying]
    runs = table(f"{len(rows)} runs", header, rows, class_="words")
    same = [join(f"{name} ", code(value)) for name, value in shared.items()]
    return join(
        paragraph("The same in all runs: ", *(join(part, "; ") for part in same[:-1]), same[-1], ".") if same else "",
        folded(f"{len(rows)} runs, and why their training ended", runs) if len(rows) > 12 else runs,
        _recordings(study.runs),
    )


def _facts(runs: Sequence[Run]) -> tuple[dict[str, str], list[str]]:
    """Versions and commit that all runs share, and the names of those that vary."""
    found = [_of(run) for run in runs]
    names = dict.fromkeys(name for of in found for name in of)
    shared = {name: found[0][name] for name in names if len({of.get(name) for of in found}) == 1}
    return shared, [name for name in names if name not in shared]


class _Said(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "not said"


def _of(run: Run) -> _Said:
    return _Said({**texts(run, "versions"), "commit": str(run.facts.get("commit") or "not in a git checkout")})


def _number(run: Run, name: str) -> Cell:
    value = fact(run, name)
    return Cell(f"{value:,.0f}", value) if value == value else Cell("-")


def _recordings(runs: Sequence[Run]) -> Html:
    """Fingerprints of the sessions, with a warning where one recording had several."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for run in runs:
        for session, fingerprint in texts(run, "recordings").items():
            counts = found.setdefault((run.recording, session), {})
            counts[fingerprint] = counts.get(fingerprint, 0) + 1
    if not found:
        return paragraph("No run has a fingerprint of its recording.")
    several = [f"{session} of {recording}" for (recording, session), counts in found.items() if len(counts) > 1]
    warning = f"Not the same content in all runs, so these cannot be compared: {', '.join(several)}." if several else ""
    rows = [[recording, session, _fingerprints(counts)] for (recording, session), counts in found.items()]
    made = table(
        f"Fingerprints of {len(rows)} sessions (SHA-256)", ["recording", "session", "fingerprint"], rows, class_="words"
    )
    return join(paragraph(warning, class_="warning") if warning else "", made)


def _fingerprints(counts: Mapping[str, int]) -> Html:
    if len(counts) == 1:
        return code(next(iter(counts)))
    return bullets(join(code(value[:_LETTERS]), tag("small", f" in {count} runs")) for value, count in counts.items())
