"""Iris: three species from four lengths."""

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from models.estimators import Estimator
from models.presets.preset import Data, Preset


def load(_seed: int) -> Data:
    """Return 150 flowers: four float64 columns in centimetres, the species as text."""
    bunch = load_iris(as_frame=True)
    X = bunch.data.rename(columns=lambda name: name.removesuffix(" (cm)").replace(" ", "_"))
    return Data(X, np.asarray(bunch.target_names)[bunch.target], "scikit-learn load_iris")


def build(seed: int) -> Estimator:
    """Return standardized columns into a logistic regression."""
    return Pipeline(
        [
            ("scale", StandardScaler()),
            ("classify", LogisticRegression(random_state=seed, max_iter=1000)),
        ]
    )


IRIS = Preset(
    name="iris",
    description="Species of an iris flower from the lengths and widths, in cm, of sepal and petal.",
    load=load,
    build=build,
    stratified=True,
)
