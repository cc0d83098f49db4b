"""A page as a parser of HTML sees it (importable from any test)."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

_VOID = {"meta", "link", "br", "img"}


@dataclass
class Element:
    """An element with its attributes, its children and all the text below it."""

    name: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, name: str) -> list[Element]:
        """Elements of a name at any depth, in order."""
        return [found for child in self.children for found in ([child] if child.name == name else []) + child.all(name)]

    def one(self, name: str, /, **attributes: str) -> Element:
        (found,) = (e for e in self.all(name) if all(e.attributes.get(key) == of for key, of in attributes.items()))
        return found

    def rows(self, caption: str) -> list[list[str]]:
        """The cells of the table whose caption contains a text, heading first."""
        (table,) = (of for of in self.all("table") if caption in of.one("caption").text)
        return [[cell.text for cell in row.children] for row in table.all("tr")]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("document")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def parsed(path: Path) -> Element:
    parser = _Parser()
    parser.feed(path.read_text(encoding="utf-8"))
    parser.close()
    (document,) = parser.open
    return document
