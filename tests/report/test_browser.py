"""The page of a report in a browser, where there is one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import CHROMIUM, Browser, browser
from reported import noise, plant_run, plant_scores, planted

from synapsnet.report.__main__ import main
from synapsnet.results.traces import Traces

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]

FIRST_COLUMN = "[...document.querySelectorAll('#scores tbody tr')].map(row => row.cells[0].textContent)"
CLICK = "document.querySelectorAll('#scores thead button')[{}].click()"
UNFOLD = "document.querySelectorAll('details').forEach(of => of.open = true)"
COLORS = "[document.body, document.querySelector('.plot .xtick text')].map(of => getComputedStyle(of))"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep whose names and settings would be markup if they were not escaped."""
    root = tmp_path_factory.mktemp("runs")
    odds = {name: np.full((20, 20), 0.9) for name in ("evidence", "standard_error", "positive", "replication")}
    waves = np.sin(np.arange(300)[:, None] / [3.0, 5.0])
    hostile = "<script>console.error(1)</script><img src=http://127.0.0.1/x>"
    for place, model in enumerate(("net", "var", hostile)):
        config = {"choices": {"model": model}}
        run = plant_run(root / f"run{place}", planted() + noise(place), config=config, also=odds, tags=hostile)
        traces = Traces(
            hostile, (hostile, "u1"), ("best", "poorest"), np.array([0.5, 0.1]), waves, waves / 2, 3.0, 0.05
        )
        plant_scores(run, [0.5 + place / 10, 0.6, 0.7 - place / 10], traces=traces)
    main([str(root)])
    return root / "report.html"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def quiet(tab: Browser) -> bool:
    assert tab.requests == []
    assert tab.complaints == []
    return True


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1200, 390])
def test_everything_is_drawn_and_nothing_is_loaded(tab: Browser, page: Path, width: int, dark: bool) -> None:
    tab.open(page, width=width, height=20_000, dark=dark)
    tab.evaluate(UNFOLD)
    tab.settle()
    assert tab.evaluate("[...document.querySelectorAll('.plot')].every(of => of.querySelector('.main-svg'))")
    assert tab.evaluate("document.querySelectorAll('.plot').length") == 1 + 3 + 3 * 4
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    back, text, tick = (
        sum(map(int, re.findall(r"\d+", color)[:3])) / 765
        for color in tab.evaluate(f"(([body, tick]) => [body.backgroundColor, body.color, tick.fill])({COLORS})")
    )
    assert (back < 0.2, text > 0.8, tick > 0.8) == (dark, dark, dark)
    assert (back > 0.8, text < 0.2, tick < 0.2) == (not dark, not dark, not dark)
    assert quiet(tab)


def test_a_click_on_a_heading_sorts(tab: Browser, page: Path) -> None:
    tab.open(page)

    def order(column: int) -> tuple[str, list[str]]:
        tab.evaluate(CLICK.format(column))
        states = "document.querySelectorAll('#scores thead th')"
        return tab.evaluate(f"{states}[{column}].getAttribute('aria-sort')"), tab.evaluate(FIRST_COLUMN)

    before = tab.evaluate(FIRST_COLUMN)
    way, names = order(0)
    assert (way, names) == ("ascending", sorted(before, key=str.lower))
    way, reverse = order(0)
    assert (way, reverse) == ("descending", names[::-1])
    way, by_nll = order(4)
    assert (way, len(by_nll)) == ("descending", 3)
    assert tab.evaluate("document.querySelectorAll('#scores th[aria-sort]').length") == 1
    assert quiet(tab)


def test_matrices_are_unpacked(tab: Browser, page: Path) -> None:
    tab.open(page, height=9000)
    drawn: Any = tab.evaluate("document.querySelector('#connectivity .plot').data[0].z")  # of the first name
    assert sorted(value for row in drawn for value in row if value is not None) == pytest.approx(
        sorted((planted() + noise(2))[~np.eye(20, dtype=bool)].tolist()), abs=1e-3
    )
    assert all(row[place] is None for place, row in enumerate(drawn))
    assert quiet(tab)
