"""Students: a final grade from mixed columns. Synthetic: these students do not exist."""

from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from models.estimators import Estimator
from models.presets.preset import Data, Preset

ROWS: Final = 2000
EDUCATION: Final = ["none", "primary", "secondary", "higher"]
NUMBERS: Final = ["age", "previous_grade"]
NUMBERS_WITH_HOLES: Final = ["study_hours", "absences"]
CATEGORIES: Final = ["school", "guardian"]


def generate(rows: int, seed: int) -> tuple[pd.DataFrame, "np.ndarray[Any, np.dtype[np.float64]]"]:
    """Draw students and their final grades.

    The grade rises with the previous grade (0.75 a point), study hours (0.25 an hour, up to ten),
    the mother's education (0.4 a step) and the internet at home (0.5); it falls with absences
    (0.08 each) and age above 16 (0.3 a year); school MS costs half a point. Noise has a standard
    deviation of one point, and the grade is cut to 0 to 20. One in ten study hours, one in twelve
    absences and one in twenty guardians are missing at random.

    Args:
        rows: number of students.
        seed: of numpy's default generator.

    Returns:
        A DataFrame: age int64 in years, study_hours float64 a week, absences float64 (whole
        numbers), previous_grade float64 0 to 20, school, guardian and mother_education as text,
        internet bool; and the grades, float64 of shape (rows,), 0 to 20.
    """
    rng = np.random.default_rng(seed)
    age = rng.integers(15, 20, rows)
    study_hours = np.round(rng.gamma(2.5, 2.0, rows), 1)
    absences = rng.poisson(4.0, rows).astype(np.float64)
    previous_grade = np.round(np.clip(rng.normal(11.5, 3.2, rows), 0, 20), 1)
    school = rng.choice(["GP", "MS"], rows, p=[0.7, 0.3])
    guardian = rng.choice(["mother", "father", "other"], rows, p=[0.6, 0.3, 0.1])
    education = rng.choice(len(EDUCATION), rows, p=[0.05, 0.25, 0.4, 0.3])
    internet = rng.random(rows) < 0.8
    grade = (
        1.5
        + 0.75 * previous_grade
        + 0.25 * np.minimum(study_hours, 10.0)
        + 0.4 * education
        + 0.5 * internet
        - 0.08 * absences
        - 0.3 * (age - 16)
        - 0.5 * (school == "MS")
        + rng.normal(0.0, 1.0, rows)
    )
    X = pd.DataFrame(
        {
            "age": age,
            "study_hours": np.where(rng.random(rows) < 0.1, np.nan, study_hours),
            "absences": np.where(rng.random(rows) < 1 / 12, np.nan, absences),
            "previous_grade": previous_grade,
            "school": pd.Series(school, dtype="str"),
            "guardian": pd.Series(guardian, dtype="str").mask(rng.random(rows) < 0.05),
            "mother_education": pd.Series(np.asarray(EDUCATION)[education], dtype="str"),
            "internet": internet,
        }
    )
    return X, np.clip(grade, 0.0, 20.0)


def load(seed: int) -> Data:
    """Return generated students and their final grades."""
    X, y = generate(ROWS, seed)
    return Data(X, y, f"models.presets.students.generate, {ROWS} rows", synthetic=True)


def build(seed: int) -> Estimator:
    """Return imputed, scaled and encoded columns into a ridge regression.

    The grade is a sum of its causes, so a linear model is the right one, and a fast one.
    """
    filled = Pipeline(
        [
            ("fill", SimpleImputer(strategy="median", add_indicator=True)),
            ("scale", StandardScaler()),
        ]
    )
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), NUMBERS),
            ("filled", filled, NUMBERS_WITH_HOLES),
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), CATEGORIES),
            ("education", OrdinalEncoder(categories=[EDUCATION]), ["mother_education"]),
            ("internet", "passthrough", ["internet"]),
        ]
    )
    return Pipeline([("columns", columns), ("regress", Ridge(alpha=1.0, random_state=seed))])


STUDENTS = Preset(
    name="students",
    description="Synthetic: final grade, 0 to 20, of generated students, from mixed columns with"
    " missing values.",
    load=load,
    build=build,
    stratified=False,
)
