"""Settings in which the runs differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from synapsnet.plain import Plain
from synapsnet.report.html import Html, code, folded, join, paragraph, table, tag
from synapsnet.results import Run
from synapsnet.results.run import flat

_PARTS: Mapping[str, Callable[[Run], object]] = {
    "model": lambda run: run.model_name,
    "recording": lambda run: run.recording,
    "seed": lambda run: run.seed,
}
_NOT_SHOWN = ("run_dir", "run_id", "seed", "choices.model", "choices.data", "data.name")
_MOST_VALUES, _MOST_LETTERS = 8, 80
_ABSENT, _NOTHING = "(not set)", ""
_HEADER = ("setting", "values (runs)")


def settings_section(runs: Sequence[Run]) -> Html:
    """A row for every setting that differs; those that follow from the model, the recording or the seed are folded."""
    if len(runs) < 2:
        return paragraph("There is one run, and nothing to compare it with.")
    settings = [flat(run.config) for run in runs]
    keys = sorted({key for of in settings for key in of if key not in _NOT_SHOWN})
    rows: dict[str, list[list[object]]] = {}
    for key in keys:
        values = [of.get(key, _ABSENT) for of in settings]
        if len(set(map(repr, values))) > 1:
            rows.setdefault(_explained(list(map(repr, values)), runs), []).append([code(key), _values(values)])
    same = len(keys) - sum(map(len, rows.values()))
    parts = [paragraph(f"{same} settings are the same in all {len(runs)} runs.")]
    own = rows.pop(_NOTHING, [])
    if own:
        parts.append(table("Settings that model, recording and seed do not explain", _HEADER, own, class_="words"))
    elif rows:
        parts.append(paragraph("All differences follow from the model, the recording and the seed."))
    for by, of in rows.items():
        summary = f"{len(of)} settings that follow from the {by}"
        parts.append(folded(summary, table(summary, _HEADER, of, class_="words")))
    return join(*parts)


def _explained(values: Sequence[str], runs: Sequence[Run]) -> str:
    """The fewest of model, recording and seed that a value follows from, or `_NOTHING`."""
    for size in range(1, len(_PARTS) + 1):
        for names in combinations(_PARTS, size):
            found: dict[tuple[object, ...], str] = {}
            keys = [tuple(_PARTS[name](run) for name in names) for run in runs]
            if size > 1 and len(set(keys)) == len(runs):
                continue  # anything follows from what is different in every run
            if all(found.setdefault(key, value) == value for key, value in zip(keys, values, strict=True)):
                return " and ".join(names)
    return _NOTHING


def _values(values: Sequence[Plain]) -> Html:
    counts: dict[str, int] = {}
    for value in values:
        counts[str(value)] = counts.get(str(value), 0) + 1
    most = sorted(counts.items(), key=lambda item: -item[1])
    shown = [join(code(_cut(value)), tag("small", f" ({count}) ")) for value, count in most[:_MOST_VALUES]]
    more = len(most) - len(shown)
    return join(*shown, f"and {more} more" if more else "")


def _cut(value: str) -> str:
    return value if len(value) <= _MOST_LETTERS else f"{value[:_MOST_LETTERS]}…"
