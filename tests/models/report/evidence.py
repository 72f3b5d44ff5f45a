"""Evidence of fits, made without the rest of the life cycle."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from models.evidence import Comparison, Evidence
from models.extract.extracted import RowCounts
from models.fit.run import Chosen, CurvePoint, Epoch, LearningCurve, Run
from models.metrics import held_out_metrics
from models.presets import PRESETS
from models.presets.students import generate
from models.spec import Specification
from models.stages import Stage

STAGES = (
    Stage("extract", "2000 rows x 9 columns: 4 float64", "age=17, absences=3, school=GP", 0.41),
    Stage("split", "1200 to fit on, 400 to choose by, 400 held out", "targets 12.3, 9", 0.02),
    Stage("fit", "Pipeline", "ColumnTransformer → Ridge", 3.2),
)


def specified(
    columns: Mapping[str, Mapping[str, Any]],
    target: str,
    task: str,
    features: Sequence[Mapping[str, Any]],
    **fit: Any,
) -> Specification:
    return Specification.model_validate(
        {
            "model": {"name": "trial", "task": task, "description": "Rows made for a test."},
            "source": {"kind": "csv", "path": "rows.csv"},
            "columns": columns,
            "target": {"column": target},
            "features": features,
            "fit": {"estimator": {"name": "Ridge"}, **fit},
        }
    )


def runs(scores: Sequence[float], names: Sequence[str] = ()) -> tuple[Run, ...]:
    return tuple(
        Run(
            number, 7 + number, dict.fromkeys(names, 10.0 ** (number % 5 - 2)), score,
            score + 0.02, 0.1 + number / 100,
        )
        for number, score in enumerate(scores)
    )  # fmt: skip


def chosen(model: Any, scores: Sequence[float] = (0.8,), **more: Any) -> Chosen:
    all_runs = runs(scores, more.pop("names", ()))
    best = max(all_runs, key=lambda run: run.score)
    return Chosen(model, best, all_runs, **more)


def evidence(
    specification: Specification, model: Any, frame: pd.DataFrame, held_out: int, **more: Any
) -> Evidence:
    """Fit the model on all but the last rows of a frame, which judge it."""
    target = specification.target.column
    X, y = frame.drop(columns=target), frame[target].to_numpy()
    model.fit(X[:-held_out], y[:-held_out])
    fields: dict[str, Any] = {
        "version": 3,
        "stages": STAGES,
        "counts": RowCounts(len(frame) + 7, len(frame), {"age: 99 is above 30": 7}),
        "chosen": chosen(model),
        "metrics": {},
    }
    fields |= more
    return Evidence(
        specification=specification, X=X[-held_out:], y=y[-held_out:],
        known=frame[:-held_out], **fields,
    )  # fmt: skip


def students(rows: int = 1500, held_out: int = 400) -> Evidence:
    """Return a regression with everything that a report can have."""
    X, y = generate(rows, 3)
    frame = X.assign(final_grade=y)
    columns: dict[str, dict[str, Any]] = {
        str(name): {"type": "number", "nullable": True} for name in X.columns
    }
    columns |= {name: {"type": "text"} for name in ("school", "guardian", "mother_education")}
    columns |= {"internet": {"type": "boolean"}, "age": {"type": "integer", "unit": "years"}}
    columns |= {"study_hours": {"type": "number", "nullable": True, "unit": "h/week"}}
    columns |= {"final_grade": {"type": "number", "unit": "points"}}
    numbers = ["age", "study_hours", "absences", "previous_grade"]
    words = ["school", "guardian", "mother_education"]
    features = [
        {"kind": "numeric", "columns": numbers},
        {"kind": "onehot", "columns": words},
        {"kind": "boolean", "columns": ["internet"]},
    ]
    search = {"alpha": {"low": 0.01, "high": 100.0, "log": True}}
    specification = specified(
        columns, "final_grade", "regression", features, metric="r2", runs=30, search=search
    )
    model = _prepared(numbers, [*words, "internet"], Ridge())
    rng = np.random.default_rng(1)
    scores = (0.83 + 0.02 * rng.normal(size=30)).tolist()
    judged = evidence(specification, model, frame, held_out)
    metrics = held_out_metrics(model, "regression", judged.X, judged.y)
    more = {
        "chosen": chosen(
            model, scores, names=["alpha"], curve=_curve(), notes=("Two runs were resumed.",)
        ),
        "metrics": metrics,
        "comparison": Comparison(
            2,
            {"r2": (metrics["r2"], metrics["r2"] - 0.02), "mae": (metrics["mae"], 0.9)},
            {
                "school = GP": (280, 0.82, 0.80), "school = MS": (120, 0.79, 0.81),
                "guardian = other": (9, float("nan"), float("nan")),
            },
            ("school = MS: r2 0.79 is below production's 0.81 by more than 0.005",),
        ),
    }  # fmt: skip
    return evidence(specification, model, frame, held_out, **more)


def iris() -> Evidence:
    """Return a classification into three named classes, with a trace of epochs."""
    data = PRESETS["iris"].load(0)
    frame = pd.DataFrame(data.X)
    frame = frame.assign(species=np.asarray(data.y)).sample(frac=1, random_state=2)
    names = [str(name) for name in frame.columns[:-1]]
    columns: dict[str, dict[str, Any]] = {name: {"type": "number"} for name in names}
    columns["species"] = {"type": "text"}
    features = [{"kind": "numeric", "columns": names}]
    specification = specified(columns, "species", "classification", features, metric="f1_macro")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3))
    epochs = tuple(
        Epoch(
            number,
            {"loss": 1.1 / number, "accuracy": 1 - 0.6 / number},
            {"loss": 1.2 / number + 0.05, "accuracy": 0.96 - 0.6 / number},
        )
        for number in range(1, 41)
    )
    best = Run(0, 0, {}, 0.97, 0.98, 0.2, epochs)
    return evidence(
        specification, model, frame, 60, chosen=Chosen(model, best, (best,)), version=None,
        metrics={"f1_macro": 0.95, "log_loss": 0.2},
    )  # fmt: skip


def churn(rows: int = 1500, classes: int = 2) -> Evidence:
    """Return a classification of mixed columns, dates, constants and long texts among them."""
    rng = np.random.default_rng(5)
    days = rng.integers(0, 700, rows)
    plans = rng.choice(["free", "basic", "plus", "business, yearly and paid by invoice"], rows)
    towns = [f"town {one:04d}" for one in rng.zipf(1.3, rows) % 3000]
    age = rng.normal(45, 15, rows).round()
    risk = (age < 40) * 1.0 + (plans == "free") * 1.5 + days / 700 + rng.normal(0, 0.7, rows)
    labels = np.digitize(risk, np.quantile(risk, np.linspace(0, 1, classes + 1)[1:-1]))
    frame = pd.DataFrame(
        {
            "age": np.where(rng.random(rows) < 0.2, np.nan, age),
            "since": [str(one) for one in pd.Timestamp("2024-01-01") + pd.to_timedelta(days, "D")],
            "plan": plans,
            "town": towns,
            "note": [f"customer {one} said <b>hello</b>" for one in range(rows)],
            "constant": "always",
            "empty": np.full(rows, np.nan),
            "<script>alert(1)</script> $x^2$": rng.normal(size=rows),
            "left": labels if classes > 2 else labels.astype(bool),
        }
    )
    numbers = ["age", "<script>alert(1)</script> $x^2$"]
    columns: dict[str, dict[str, Any]] = {}
    columns |= {one: {"type": "text"} for one in ("plan", "town", "note", "constant")}
    columns |= {one: {"type": "number", "nullable": True} for one in (*numbers, "empty")}
    columns |= {"since": {"type": "date"}}
    columns |= {"left": {"type": "integer" if classes > 2 else "boolean"}}
    features = [
        {"kind": "numeric", "columns": [*numbers, "empty"]},
        {"kind": "date", "columns": ["since"]},
        {"kind": "onehot", "columns": ["plan", "town", "constant"]},
        {"kind": "text", "columns": ["note"]},
    ]
    specification = specified(columns, "left", "classification", features)
    words = ("note", TfidfVectorizer(max_features=20), "note")
    forest = RandomForestClassifier(30, min_samples_leaf=5, random_state=0)
    model = _prepared(numbers, ["plan", "town", "constant"], forest, words)
    return evidence(specification, model, frame, rows // 4)


def pictures() -> Evidence:
    """Return digits in pictures, of which some are taken for others."""
    data = PRESETS["digits"].load(0)
    model = PRESETS["digits"].build(0)
    X, y = np.asarray(data.X)[:900], np.asarray(data.y)[:900]
    model.fit(X[:500], y[:500])
    columns = {"file": {"type": "picture"}, "digit": {"type": "integer"}}
    features = [{"kind": "picture", "columns": ["file"], "width": 8, "height": 8}]
    specification = specified(columns, "digit", "classification", features)
    known = pd.DataFrame({"file": [f"{n}.png" for n in range(500)], "digit": y[:500]})
    return Evidence(
        specification, 1, STAGES, RowCounts(900, 900), chosen(model), X[500:], y[500:], known,
        {"accuracy": 0.95},
    )  # fmt: skip


def _curve() -> LearningCurve:
    points = tuple(
        CurvePoint(
            rows,
            tuple(0.84 - 4 / rows + 0.1 / rows**0.5 * step for step in (-1, 0, 1)),
            tuple(0.85 + 2 / rows + 0.05 / rows**0.5 * step for step in (-1, 0, 1)),
        )
        for rows in (35, 70, 140, 280, 560, 1100)
    )
    return LearningCurve("r2", points, 560, "of 1,100 rows 560 are enough")


def _prepared(numbers: list[str], words: list[str], estimator: Any, *more: Any) -> Pipeline:
    filled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    onehot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    parts = [("numbers", filled, numbers), ("words", onehot, words), *more]
    return Pipeline([("features", ColumnTransformer(parts)), ("model", estimator)])
