"""The page: sections as one HTML file that needs no other. Every text is escaped here."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import TypeAlias

from loadtest.report.drawing import Plot
from loadtest.report.style import STYLE

_SHORT_LINES = 30
"""A text of more than these is shown when it is asked for."""


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code:
    """Text as it stands in a file or a terminal."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of texts under a head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


Block: TypeAlias = Words | Code | Table | Plot


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading; one without blocks is left out."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Head:
    """The top of the page.

    Args:
        title: of the page.
        kind: real, emulated or simulated: what every figure of the page is.
        verdict: passed, failed, invalid or empty.
        reasons: why it is so, and what else to know.
        facts: pairs of a name and a fact.
    """

    title: str
    kind: str
    verdict: str
    reasons: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


def page(head: Head, sections: Sequence[Section]) -> str:
    """Return the page as HTML."""
    shown = [section for section in sections if section.blocks]
    links = "".join(f'<a href="#{one.key}">{escape(one.title)}</a>' for one in shown)
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(head.title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{STYLE}</style></head><body>",
        f"<header>{_head(head)}<nav>{links}</nav></header><main>",
        *(_section(section, head.kind) for section in shown),
        "</main><footer>Percore: load test. The numbers are in JSON beside this page."
        "</footer></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _head(head: Head) -> str:
    verdict = head.verdict and (
        f'<p class="{escape(head.verdict)}"><strong>Verdict: {escape(head.verdict)}</strong></p>'
    )
    reasons = "".join(f"<p>{escape(reason)}</p>" for reason in head.reasons)
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(fact)}</td></tr>'
        for name, fact in head.facts
    )
    return (
        f"<h1>{escape(head.title)} {_kind(head.kind)}</h1>{verdict}{reasons}"
        f'<div class="summary"><table><tbody>{rows}</tbody></table></div>'
    )


def _kind(kind: str) -> str:
    return f'<span class="kind">{escape(kind)}</span>'


def _section(section: Section, kind: str) -> str:
    parts = [f'<section id="{section.key}"><h2>{escape(section.title)}</h2>']
    for are_plots, blocks in groupby(section.blocks, lambda block: isinstance(block, Plot)):
        html = "".join(_block(block, kind) for block in blocks)
        parts.append(f'<div class="plots">{html}</div>' if are_plots else html)
    return "".join([*parts, "</section>"])


def _block(block: Block, kind: str) -> str:
    match block:
        case Words(text):
            return f"<p>{escape(text)}</p>"
        case Code(text):
            lines = text.count("\n") + 1
            shown = f"<pre>{escape(text)}</pre>"
            # Long ones are looked up, not read: whoever wants one opens it.
            if lines <= _SHORT_LINES:
                return shown
            return f"<details><summary>{lines} lines</summary>{shown}</details>"
        case Table():
            return _table(block)
        case Plot():
            return _plot(block, kind)


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.head)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in table.rows
    )
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    body = f"{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    return f'<div class="scroll data"><table>{body}</table></div>'


def _plot(plot: Plot, kind: str) -> str:
    alt = escape(f"{plot.title}. {plot.caption}", quote=True)
    image = (
        '<picture><source media="(prefers-color-scheme: dark)"'
        f' srcset="{_data(plot.dark)}"><img src="{_data(plot.light)}" alt="{alt}"></picture>'
    )
    if plot.wide:
        image = f'<div class="scroll">{image}</div>'
    wide = ' class="wide"' if plot.wide else ""
    caption = f"<figcaption>{escape(plot.caption)}</figcaption>"
    title = f"<h3>{escape(plot.title)} {_kind(plot.kind or kind)}</h3>"
    return f"<figure{wide}>{title}{image}{caption}</figure>"


def _data(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg).decode('ascii')}"
