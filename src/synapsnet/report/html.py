"""HTML from values that a stranger may have written: everything is escaped, and nothing is left to run."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Html(str):
    """Text that is HTML already."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        content: Its content.
        value: Number to sort by; None where there is none, which comes last.
        share: Value between 0 and 1 that shades the cell; None for no shade.
    """

    content: object
    value: float | None = None
    share: float | None = None


def text(value: object) -> Html:
    """Escape a value; control characters and bytes that are no text are written as escapes."""
    if isinstance(value, Html):
        return value
    return Html(html.escape(printable(str(value))))


def printable(text: str) -> str:
    """A text whose control characters, other than line ends, and bytes that are no text are written as escapes."""
    shown = text.encode(errors="backslashreplace").decode()
    return "".join(letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in shown)


def tag(name: str, *content: object, **attributes: object) -> Html:
    """An element; ``class_`` stands for the attribute class, and underscores for hyphens.

    Args:
        name: Its name.
        *content: Its content: `Html` as it is, anything else escaped.
        **attributes: Its attributes; True for one without a value, None or False for none.
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    written = "".join(
        f" {key}" if value is True else f' {key}="{text(value)}"'
        for key, value in given.items()
        if value is not None and value is not False
    )
    return Html(f"<{name}{written}>{join(*content)}</{name}>")


def join(*parts: object) -> Html:
    """Parts in a row, those that are not HTML escaped."""
    return Html("".join(map(text, parts)))


def paragraph(*content: object, class_: str | None = None) -> Html:
    """A paragraph."""
    return tag("p", *content, class_=class_)


def code(value: object) -> Html:
    """A value as code."""
    return tag("code", value)


def bullets(items: Iterable[object]) -> Html:
    """A list; nothing where there are no items."""
    entries = [tag("li", item) for item in items]
    return tag("ul", *entries) if entries else Html()


def folded(summary: object, *content: object, open_: bool = False) -> Html:
    """Content that a reader unfolds."""
    return tag("details", tag("summary", summary), *content, open=open_)


def table(
    caption: object,
    header: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    sorted_by: int | None = None,
    class_: str | None = None,
) -> Html:
    """A table that scrolls in a box of its own; the first cell of each row is its heading.

    Args:
        caption: Text above it.
        header: Headings of the columns.
        rows: Cells, `Cell` or their content.
        sorted_by: Column by which the rows are sorted already, largest first; None if a reader cannot sort them.
        class_: Class of the table.
    """
    heads = [
        tag("th", heading, scope="col", aria_sort="descending" if place == sorted_by else None)
        for place, heading in enumerate(header)
    ]
    body = [tag("tr", *(_cell(place, cell) for place, cell in enumerate(row))) for row in rows]
    made = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *body),
        class_=class_,
        data_sortable=sorted_by is not None,
    )
    return tag("div", made, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _cell(place: int, cell: object) -> Html:
    of = cell if isinstance(cell, Cell) else Cell(cell)
    shade = None if of.share is None else f"--share:{of.share:.0%};--shade:{1.1 * abs(of.share - 0.5):.0%}"
    name, scope = ("th", "row") if place == 0 else ("td", None)
    return tag(
        name, of.content, scope=scope, style=shade, class_=None if shade is None else "shaded", data_value=of.value
    )


def picture(path: Path, label: str) -> Html:
    """A PNG file, held by the page itself.

    Args:
        path: The file.
        label: Description for those who do not see it.
    """
    data = base64.b64encode(path.read_bytes()).decode()
    return Html(f'<img class="picture" alt="{text(label)}" src="data:image/png;base64,{data}">')


def plot(figure: dict[str, Any], label: str, height: int) -> Html:
    """A place for a figure that plotly draws once it is in view; its data lie beside it as JSON.

    Args:
        figure: ``data`` and ``layout`` as plain values.
        label: Description for those who do not see it.
        height: Height in pixels.
    """
    # With these escapes, no text inside can end the element, and "<" is read again as such by the parser of JSON.
    data = json.dumps(figure, allow_nan=False, separators=(",", ":")).replace("<", r"\u003c")
    return tag(
        "figure",
        tag("div", class_="plot", role="img", aria_label=label, style=f"height:{height}px"),
        tag("script", Html(data), type="application/json"),
    )
