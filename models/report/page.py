"""The page: sections as one HTML file that needs no other. Every text is escaped here."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from itertools import groupby

from models.report.drawing import Picture
from models.report.section import Block, Section, Shots, Table, Words
from models.report.style import STYLE


def page(title: str, lead: str, summary: Table, sections: Sequence[Section]) -> str:
    """Return the page as HTML.

    Args:
        title: of the page.
        lead: a sentence below it; may be empty.
        summary: pairs of a name and a fact.
        sections: those without blocks are left out.
    """
    shown = [section for section in sections if section.blocks]
    links = "".join(f'<a href="#{one.key}">{escape(one.title)}</a>' for one in shown)
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{STYLE}</style></head><body>",
        f"<header><h1>{escape(title)}</h1>",
        f'<p class="lead">{escape(lead)}</p>' if lead else "",
        f"{_summary(summary)}<nav>{links}</nav></header><main>",
        *map(_section, shown),
        "</main><footer>Percore: model report. Plots stand beside this page as PNG.</footer>",
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _section(section: Section) -> str:
    parts = [f'<section id="{section.key}"><h2>{escape(section.title)}</h2>']
    for are_plots, blocks in groupby(section.blocks, lambda block: isinstance(block, Picture)):
        html = "".join(map(_block, blocks))
        parts.append(f'<div class="plots">{html}</div>' if are_plots else html)
    return "".join([*parts, "</section>"])


def _block(block: Block) -> str:
    match block:
        case Words(text):
            return f"<p>{escape(text)}</p>"
        case Table():
            return _table(block)
        case Shots():
            return _shots(block)
        case Picture():
            return _picture(block)


def _summary(table: Table) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(fact)}</td></tr>'
        for name, fact in table.rows
    )
    return f'<div class="summary"><table><tbody>{rows}</tbody></table></div>'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.head)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in table.rows
    )
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    body = f"{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    return f'<div class="scroll data"><table>{body}</table></div>'


def _picture(picture: Picture) -> str:
    alt = escape(f"{picture.title}. {picture.caption}", quote=True)
    image = (
        '<picture><source media="(prefers-color-scheme: dark)"'
        f' srcset="{_data("svg+xml", picture.dark)}">'
        f'<img src="{_data("svg+xml", picture.light)}" alt="{alt}"></picture>'
    )
    if picture.wide:
        image = f'<div class="scroll">{image}</div>'
    kind = ' class="wide"' if picture.wide else ""
    caption = f"<figcaption>{escape(picture.caption)}</figcaption>"
    return f"<figure{kind}><h3>{escape(picture.title)}</h3>{image}{caption}</figure>"


def _shots(block: Shots) -> str:
    shots = "".join(
        f'<div><img src="{_data("png", png)}" alt="{escape(text, quote=True)}">{escape(text)}</div>'
        for png, text in block.shots
    )
    caption = f"<figcaption>{escape(block.caption)}</figcaption>"
    return f'<figure>{caption}<div class="shots">{shots}</div></figure>'


def _data(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(content).decode('ascii')}"
