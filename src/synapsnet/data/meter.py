"""Progress of a long command: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class Meter:
    """Progress towards a known total."""

    def __init__(self, progress: Progress, what: str, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=total)

    @property
    def shows_bar(self) -> bool:
        """True if there is a terminal to draw in."""
        return not self._progress.disable

    def advance(self, amount: int = 1) -> None:
        """Advance by an amount, or go back if it is negative."""
        self._progress.advance(self._task, amount)

    def line(self, text: str) -> None:
        """Print a line that stays."""
        self._progress.console.print(escape(text), soft_wrap=True, highlight=False)

    def detail(self, text: str) -> None:
        """Print a line, but only where there is no bar that shows the same."""
        if not self.shows_bar:
            self.line(text)


@contextmanager
def meter(what: str, total: int, *, of_bytes: bool = False, console: Console | None = None) -> Iterator[Meter]:
    """Show the progress of a command on standard error.

    Args:
        what: Description in front of the bar.
        total: The total amount.
        of_bytes: True if amounts are bytes; the speed is then shown.
        console: Console to use instead of standard error.
    """
    console = console or Console(stderr=True)
    numbers = (DownloadColumn(), TransferSpeedColumn()) if of_bytes else (MofNCompleteColumn(),)
    columns = (TextColumn("{task.description}"), BarColumn(), *numbers, TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield Meter(progress, escape(what), total)
