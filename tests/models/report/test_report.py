"""The report: what stands on the page is what scikit-learn says, and odd rows break nothing."""

import base64
import builtins
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.metrics import brier_score_loss, f1_score, r2_score, roc_auc_score

from models.errors import StoreError
from models.evidence import Evidence
from models.extract.extracted import RowCounts
from models.fit.run import Chosen, Epoch
from models.metrics import METRICS
from models.report import write_report
from models.report.calibration import bins, brier
from models.report.importance import importances
from models.report.judged import judge
from models.report.numbers import percent
from models.report.scoring import interval, score
from tests.models.report import evidence as made


class Page(HTMLParser):
    """What a page has in it: tags with attributes, texts, headings' keys."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def sections(self) -> list[str]:
        return [attributes["id"] for tag, attributes in self.tags if tag == "section"]

    def sources(self) -> list[str]:
        return [
            attributes[key]
            for _, attributes in self.tags
            for key in ("src", "srcset")
            if key in attributes
        ]


def written(evidence: Evidence, folder: Path) -> Page:
    write_report(evidence, folder)
    return read(folder)


def read(folder: Path) -> Page:
    return Page((folder / "report" / "index.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def students() -> Evidence:
    return made.students()


@pytest.fixture(scope="module")
def churn() -> Evidence:
    return made.churn()


@pytest.fixture(scope="module")
def students_folder(students: Evidence, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("students")
    write_report(students, folder)
    return folder


@pytest.fixture(scope="module")
def churn_folder(churn: Evidence, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("churn")
    write_report(churn, folder)
    return folder


def test_a_regression_has_every_part(students: Evidence, students_folder: Path) -> None:
    page = read(students_folder)
    assert page.sections() == [
        "answers", "importance", "runs", "training", "comparison", "data", "features",
        "correlations",
    ]  # fmt: skip
    expected = r2_score(students.y, students.model.predict(students.X))
    assert f"r2 {expected:.3g} (95" in page.text
    assert "Not promoted: version 2 stays the production version." in page.text
    assert "below production's 0.81" in page.text
    assert "age: 99 is above 30" in page.text
    assert "Of 1,100 rows 560 are enough. From 35 to" in page.text
    missing = percent(float(students.known["absences"].isna().mean()))
    assert f"Missing in {missing} of the rows." in page.text
    plots = {path.name for path in (students_folder / "report").glob("*.png")}
    assert {"predicted.png", "residuals.png", "runs.png", "learning_curve.png"} <= plots
    assert sum(name.startswith("feature_") for name in plots) == 8
    assert all(
        path.read_bytes()[:4] == b"\x89PNG" for path in (students_folder / "report").glob("*.png")
    )


def test_the_page_needs_nothing_else(students_folder: Path) -> None:
    page = read(students_folder)
    assert len(page.sources()) > 20
    assert all(source.startswith("data:image/") for source in page.sources())
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links == [f"#{key}" for key in page.sections()]
    assert {"script", "link", "iframe"}.isdisjoint(tag for tag, _ in page.tags)


def test_equal_evidence_makes_equal_files(
    churn: Evidence, churn_folder: Path, tmp_path: Path
) -> None:
    write_report(churn, tmp_path)
    first, second = (
        {path.name: path.read_bytes() for path in (folder / "report").iterdir()}
        for folder in (churn_folder, tmp_path)
    )
    assert first == second


def test_a_dark_page_has_its_own_plots(churn_folder: Path) -> None:
    page = read(churn_folder)
    images = [attributes for tag, attributes in page.tags if tag in {"source", "img"}]
    for dark, light in zip(images[::2], images[1::2], strict=True):
        assert dark["media"] == "(prefers-color-scheme: dark)"
        both = [data.partition(",")[2] for data in (dark["srcset"], light["src"])]
        texts = [base64.b64decode(data).decode() for data in both]
        assert "#22303a" in texts[1]
        assert "#22303a" not in texts[0]
        assert re.sub("#[0-9a-f]{6}", "", texts[0]) == re.sub("#[0-9a-f]{6}", "", texts[1])


def test_names_are_text_and_nothing_else(churn_folder: Path) -> None:
    page = read(churn_folder)
    html = (churn_folder / "report" / "index.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "<script>alert(1)</script> $x^2$" in page.text
    names = [attributes["alt"] for tag, attributes in page.tags if tag == "img"]
    assert any("<script>" in name for name in names)


def test_columns_that_cannot_be_drawn_are_named(churn_folder: Path) -> None:
    page = read(churn_folder)
    assert "note (1,125 different texts)" in page.text
    assert "constant (always always)" in page.text
    assert "empty (always missing)" in page.text
    assert re.search(r"10 of \d+ categories are drawn", page.text)
    assert "calibration" in page.sections()


def test_three_classes_with_epochs(tmp_path: Path) -> None:
    iris = made.iris()
    page = written(iris, tmp_path)
    expected = f1_score(iris.y, iris.model.predict(iris.X), average="macro")
    assert f"f1_macro {expected:.3g} (95" in page.text
    assert "not published yet" in page.text
    assert "After 40 epochs: 0.0275 on fitted rows, 0.08 on validation rows." in page.text
    assert (tmp_path / "report" / "trace_2.png").exists()
    assert "The model is that of epoch" not in page.text  # no trace has the deciding metric


def test_the_epoch_that_was_kept_is_told(tmp_path: Path) -> None:
    """Fitting went on after it, for as long as patience asks: the end of the trace misleads."""
    iris = made.iris()
    best = iris.chosen.best
    turned = tuple(
        Epoch(one.number, one.fitted, {**one.validation, "f1_macro": value})
        for one, value in zip(best.epochs, [0.5, 0.9, 0.9, *[0.8] * 37], strict=True)
    )
    chosen = replace(iris.chosen, best=replace(best, epochs=turned))
    page = written(replace(iris, chosen=chosen), tmp_path)
    told = "0.08 on validation rows. The model is that of epoch 2, the best on validation rows."
    assert told in page.text


def test_many_classes_are_cut(tmp_path: Path) -> None:
    page = written(made.churn(classes=25), tmp_path)
    assert "Of 25 classes the 20 with most mistakes are drawn." in page.text
    assert "6 of 25 classes are drawn, the most frequent." in page.text


def test_pictures_are_shown(tmp_path: Path) -> None:
    evidence = made.pictures()
    page = written(evidence, tmp_path)
    wrong = int((evidence.model.predict(evidence.X) != evidence.y).sum())
    assert wrong > 0
    assert f"of {wrong} pictures that it takes for something else" in page.text
    assert "importance" not in page.sections()
    assert "file (it is a picture)" in page.text


def _one_class(evidence: Evidence) -> Evidence:
    one = np.flatnonzero(evidence.y == evidence.y[0])
    return replace(evidence, X=evidence.X.iloc[one], y=evidence.y[one])  # type: ignore[union-attr]


def _few(rows: int) -> Callable[[Evidence], Evidence]:
    return lambda given: replace(given, X=given.X[:rows], y=given.y[:rows])


def _unprobable(evidence: Evidence) -> Evidence:
    model = RidgeClassifier().fit(np.zeros((4, 1)), np.array([False, True, False, True]))
    model.predict = lambda X: np.arange(len(X)) % 2 == 0
    return replace(evidence, chosen=made.chosen(model))


def _unseen_class(evidence: Evidence) -> Evidence:
    model = DummyClassifier(strategy="prior").fit(np.zeros((5, 1)), [False] * 5)
    return replace(evidence, chosen=made.chosen(model))


def _constant_target(evidence: Evidence) -> Evidence:
    target = evidence.specification.target.column
    return replace(evidence, known=evidence.known.assign(**{target: True}))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_few(1), "too few rows to say how sure"),
        (_few(2), "too few rows to say how sure"),
        (_few(11), "11 held-out rows"),
        (_one_class, "all of one class"),
        (_unprobable, "gives no probabilities"),
        (_unseen_class, "Most often True is taken for False"),
        (_constant_target, "The target is always True."),
    ],
)
def test_odd_classifications(
    churn: Evidence, tmp_path: Path, spoil: Callable[[Evidence], Evidence], said: str
) -> None:
    assert said in written(spoil(churn), tmp_path).text


def test_one_row_of_a_regression(students: Evidence, tmp_path: Path) -> None:
    page = written(_few(1)(students), tmp_path)
    assert "too few rows to say how sure" in page.text


def test_hundreds_of_columns(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [f"x{number:03d}" for number in range(60)]
    frame = pd.DataFrame(rng.normal(size=(300, 60)), columns=names)
    frame["y"] = frame["x023"] * 2 + rng.normal(size=300) / 10
    columns = {name: {"type": "number"} for name in [*names, "y"]}
    specification = made.specified(
        columns, "y", "regression", [{"kind": "numeric", "columns": names}], metric="rmse"
    )
    model = Ridge(10.0)
    page = written(made.evidence(specification, model, frame, 60), tmp_path)
    assert "Shuffling x023 costs most: rmse rises by" in page.text
    assert "The 40 most important columns; left out:" in page.text
    assert "and 12 more" in page.text
    assert "20 of 61 numeric columns" in page.text
    assert "y by x023" in page.text


def test_failed_runs_are_told(students: Evidence, tmp_path: Path) -> None:
    failed = made.runs([float("nan")])[0]
    failed = replace(failed, number=30, error="ValueError: alpha must be positive <b>")
    chosen = students.chosen
    both = Chosen(chosen.model, chosen.best, (*chosen.runs, failed))
    page = written(replace(students, chosen=both), tmp_path)
    assert "1 run failed: ValueError: alpha must be positive <b>." in page.text


def test_without_matplotlib_the_error_names_the_extra(
    churn: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "models.report.report":
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StoreError, match=r"percore\[train\]"):
        write_report(churn, tmp_path)


def test_importance_is_what_scikit_learn_finds(students: Evidence) -> None:
    judged = judge(students)
    found = importances(students.model, judged, METRICS["r2"], 0)
    assert found is not None
    assert isinstance(students.X, pd.DataFrame)
    theirs = permutation_importance(
        students.model, students.X, students.y, n_repeats=20, random_state=0
    )
    expected = dict(zip(students.X.columns, theirs.importances_mean, strict=True))
    spread = dict(zip(students.X.columns, theirs.importances_std, strict=True))
    assert found.rows == len(students.y)
    assert {one.column for one in found.found} == set(expected)
    for one in found.found:
        assert abs(one.mean - expected[one.column]) < 4 * spread[one.column] + 1e-9


def test_brier_and_metric_are_scikit_learns(churn: Evidence) -> None:
    judged = judge(churn)
    assert judged.probabilities is not None
    theirs = brier_score_loss(churn.y, judged.probabilities[:, 1])
    assert brier(judged, judged.probabilities) == pytest.approx(theirs, abs=1e-12)
    everyone = np.arange(judged.rows)
    area = roc_auc_score(churn.y, judged.probabilities[:, 1])
    assert score(METRICS["roc_auc"], judged, everyone) == pytest.approx(area, abs=1e-12)


def test_the_interval_is_as_wide_as_it_should_be() -> None:
    """Of a coin's heads it must be what the normal approximation says, up to the resampling."""
    actual = (np.random.default_rng(0).random(400) < 0.8).astype(int)
    judged = judge(_coin(actual))
    ends = interval(METRICS["accuracy"], judged, 1)
    assert ends is not None
    share = actual.mean()
    half = 1.96 * np.sqrt(share * (1 - share) / 400)
    assert ends == pytest.approx((share - half, share + half), abs=0.2 * half)
    assert ends == interval(METRICS["accuracy"], judged, 1)


def _coin(actual: "np.ndarray[Any, Any]") -> Evidence:
    X = pd.DataFrame({"x": np.zeros(len(actual))})
    model = DummyClassifier(strategy="constant", constant=1).fit([[0], [0]], [0, 1])
    columns = {"x": {"type": "number"}, "y": {"type": "integer"}}
    features = [{"kind": "numeric", "columns": ["x"]}]
    specification = made.specified(columns, "y", "classification", features)
    return Evidence(specification, 1, (), RowCounts(0, 0), made.chosen(model), X, actual, X, {})


def test_bins_keep_equal_probabilities_together() -> None:
    said = np.repeat([0.125, 0.5, 0.875], [70, 5, 25])
    true = (np.arange(100) % 2).astype(float)
    found = bins(said, true)
    assert [(one.rows, one.said) for one in found] == [(70, 0.125), (5, 0.5), (25, 0.875)]
