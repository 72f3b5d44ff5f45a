"""The page and all beside it, from a run's folder alone."""

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from loadtest.errors import LoadTestError
from loadtest.record import Outcome, write_records
from loadtest.report import rebuild
from loadtest.report.drawing import GRID, INK
from tests.loadtest.report.evidence import frozen_for_six_seconds, record, report, written


class Links(HTMLParser):
    """Everything that a browser would fetch or follow, and the texts of headings."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.targets += [v or "" for k, v in attrs if k in {"src", "srcset", "href", "data"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("run <b>one")
    records = frozen_for_six_seconds(4000)
    records[100] = replace(records[100], outcome=Outcome.LOST, cause="timeout", status=0)
    written(path, records)
    return path


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def test_the_page_needs_nothing_but_itself(page: str) -> None:
    links = Links(page)
    assert links.targets
    assert all(target.startswith(("data:", "#")) for target in links.targets)
    assert not {"script", "link", "iframe"} & set(links.tags)
    assert "http" not in re.sub(r"data:[^\"]*", "", page)


def test_texts_of_the_run_are_escaped(page: str) -> None:
    assert "run &lt;b&gt;one" in page
    assert "a &lt;fast&gt; one" in page
    assert "<b>" not in page
    assert "<fast>" not in page


def test_the_page_says_what_was_measured_and_how(page: str) -> None:
    for text in (
        "open: Poisson arrivals, 400 a second for 10 s",
        "2 replicas of 1 worker, least_outstanding; iris 1",
        "4,000 sent = 3,999 right + 0 wrong + 0 refused + 1 lost (timeout: 1)",
        "python -m loadtest run &lt;x&gt;.toml",
        "2026-01-02T03:04:05+00:00",
        "Verdict: failed",
        "&quot;rate_per_s&quot;: 400.0",
    ):
        assert text in page


def test_every_plot_says_whether_it_is_real(page: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    assert len(figures) == 5
    assert all('<span class="kind">real</span>' in figure for figure in figures)


def test_dark_renderings_have_no_dark_ink(page: str) -> None:
    sources = re.findall(r'srcset="data:image/svg\+xml;base64,([^"]*)"', page)
    assert len(sources) == 5
    for source in sources:
        svg = base64.b64decode(source)
        assert b"<svg" in svg
        assert INK.encode() not in svg
        assert GRID.encode() not in svg


def test_the_frozen_server_shows_the_percentiles_that_theory_gives(tmp_path: Path) -> None:
    written(tmp_path, frozen_for_six_seconds())
    rows = dict(re.findall(r"<tr><td>(p[0-9.]+)</td><td>(.*?)</td>", _page(tmp_path)))
    assert rows["p50"] == "1,000 ms"
    assert rows["p90"] == "5,000 ms"
    assert rows["p99"] == "5,900 ms"


def test_percentiles_that_the_sample_does_not_support_are_nowhere(tmp_path: Path) -> None:
    written(tmp_path, [record(number / 10) for number in range(100)])
    names = re.findall(r"<tr><td>(p[0-9.]+)</td>", _page(tmp_path))
    assert names == ["p50", "p90", "p95"]
    assert "support percentiles up to 95 " in _page(tmp_path)


def test_percentiles_among_the_lost_have_no_number(tmp_path: Path) -> None:
    lost = [record(number / 10, 10, Outcome.LOST) for number in range(20)]
    written(tmp_path, [record(number / 10) for number in range(80)] + lost)
    rows = dict(re.findall(r"<tr><td>(p[0-9.]+)</td><td>(.*?)</td>", _page(tmp_path)))
    assert rows == {"p50": "10 ms", "p90": "wrong or lost", "p95": "wrong or lost"}


def test_what_was_left_out_as_warm_up_is_not_in_the_percentiles(tmp_path: Path) -> None:
    records = [record(number / 100, 1.0 if number < 500 else 0.01) for number in range(1000)]
    written(tmp_path, records)
    path = tmp_path / "report.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["warm_up"] = {"until_s": 5.0}
    path.write_text(json.dumps(content), encoding="utf-8")
    before = dict(re.findall(r"<tr><td>(p[0-9.]+)</td><td>(.*?)</td>", _page(tmp_path)))
    rebuild(tmp_path)
    after = dict(re.findall(r"<tr><td>(p[0-9.]+)</td><td>(.*?)</td>", _page(tmp_path)))
    assert (before["p99"], after["p99"]) == ("1,000 ms", "10 ms")
    assert "warm-up, left out" in _page(tmp_path)


def test_records_of_several_generators_are_put_together(tmp_path: Path) -> None:
    records = frozen_for_six_seconds(400)
    write_records(tmp_path / "requests-1.csv", records[1::2])
    written(tmp_path, records[::2], report(records))
    assert "400 requests support" in _page(tmp_path)


def test_histograms_agree_with_the_records_to_three_digits(folder: Path) -> None:
    lines = (folder / "latency.hgrm").read_text(encoding="ascii").splitlines()
    cells = [line.split() for line in lines]
    rows = [[float(cell) for cell in each[:3]] for each in cells if each and each[0][0].isdigit()]
    above = next(row for row in rows if row[1] >= 0.99)
    # Microseconds. Which of the library's steps comes after 0.99 is its own: at most 0.9912.
    assert 5.9e6 * 0.999 < above[0] < 5.92e6
    assert rows[-1] == [pytest.approx(6e6, rel=1e-3), 1.0, 4000]
    whole = HdrHistogram(1, 3_600_000_000, 3)
    reader = HistogramLogReader(str(folder / "latency.hlog"), whole)
    seconds = 0
    while interval := reader.get_next_interval_histogram():
        seconds += 1
        whole.add(interval)
    reader.close()
    assert seconds == 10
    assert whole.get_total_count() == 4000
    assert whole.get_value_at_percentile(99) / 1e6 == pytest.approx(5.9, rel=2e-3)


def test_junit_has_a_case_for_each_check(folder: Path) -> None:
    suite = ET.parse(folder / "junit.xml").getroot()[0]
    cases = {case.get("name"): case.find("failure") for case in suite.iter("testcase")}
    assert list(cases) == [
        "the generator can vouch for the run",
        "no answer is wrong",
        "lost at most 0.00%",
    ]
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    failure = cases["lost at most 0.00%"]
    assert failure is not None
    assert failure.get("message") == "0.03%"
    assert cases["no answer is wrong"] is None


def test_a_folder_without_a_report_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LoadTestError, match=r"report\.json cannot be read.*Give the folder"):
        rebuild(tmp_path)


@pytest.mark.parametrize("text", ["{}", "[]", '{"schema_version": 2}'])
def test_a_report_of_another_version_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    with pytest.raises(LoadTestError, match="this version reads 1"):
        rebuild(tmp_path)


def _page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")
