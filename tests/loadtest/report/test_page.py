"""The page from its parts: every text is escaped, and what is empty is left out."""

from loadtest.report.page import Code, Head, Section, Table, Words, page

EVIL = "<i>\"&'"
SAFE = "&lt;i&gt;&quot;&amp;&#x27;"


def test_every_text_is_escaped() -> None:
    blocks = (Words(EVIL), Code(EVIL), Table((EVIL,), ((EVIL,),), EVIL))
    head = Head(EVIL, EVIL, EVIL, (EVIL,), ((EVIL, EVIL),))
    html = page(head, [Section("one", EVIL, blocks)])
    assert EVIL not in html
    assert "<i>" not in html
    # title twice, kind, verdict twice, reason, a fact's name and text, the section twice, blocks.
    assert html.count(SAFE) == 15


def test_sections_without_blocks_are_left_out() -> None:
    html = page(Head("t", "real", "", (), ()), [Section("none", "Nothing", ())])
    assert "Nothing" not in html
    assert "Verdict" not in html
