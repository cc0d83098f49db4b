"""One self-contained page: nothing is loaded, and only our own two scripts may run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from synapsnet.report.html import Html, tag, text
from synapsnet.viz.interactive.base import plotly_script


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Attributes:
        anchor: Its address within the page.
        title: Its heading.
        content: Its content.
    """

    anchor: str
    title: str
    content: Html


def page(title: str, lead: Html, sections: Sequence[Section]) -> str:
    """The whole page as text.

    Args:
        title: Title of the page.
        lead: Content above the table of contents.
        sections: The sections, in order.
    """
    style, script = (_beside(f"page.{kind}") for kind in ("css", "js"))
    scripts = [plotly_script(), script] if any('class="plot"' in of.content for of in sections) else [script]
    # A policy that the browser keeps: no connection, and no script but those with these hashes.
    allowed = " ".join(f"'sha256-{_digest(of)}'" for of in scripts)
    policy = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:"
    contents = [tag("li", tag("a", of.title, href=f"#{of.anchor}")) for of in sections]
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<link rel="icon" href="data:,">',
        f"<title>{text(title)}</title>",
        f"<style>{style}</style>",
    ]
    body = [
        tag("header", tag("h1", title), lead),
        tag("nav", tag("ol", *contents), aria_label="Contents"),
        tag("main", *map(_section, sections)),
        *(f"<script>{of}</script>" for of in scripts),
    ]
    whole = ["<!doctype html>", '<html lang="en">', "<head>", *head, "</head>", "<body>", *body, "</body>", "</html>"]
    return "\n".join([*whole, ""])


def _section(of: Section) -> Html:
    heading = f"{of.anchor}-title"
    return tag("section", tag("h2", of.title, id=heading), of.content, id=of.anchor, aria_labelledby=heading)


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
