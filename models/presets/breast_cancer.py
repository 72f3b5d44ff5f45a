"""Breast cancer: benign or malignant from thirty measurements of cell nuclei."""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier

from models.estimators import Estimator
from models.presets.preset import Data, Preset


def load(_seed: int) -> Data:
    """Return 569 tumours: thirty float64 columns, "benign" or "malignant" as text."""
    bunch = load_breast_cancer(as_frame=True)
    X = bunch.data.rename(columns=lambda name: name.replace(" ", "_"))
    return Data(X, np.asarray(bunch.target_names)[bunch.target], "scikit-learn load_breast_cancer")


def build(seed: int) -> Estimator:
    """Return a random forest of 100 trees."""
    return RandomForestClassifier(n_estimators=100, random_state=seed)


BREAST_CANCER = Preset(
    name="breast_cancer",
    description="Whether a breast tumour is benign or malignant, from measurements of its nuclei.",
    load=load,
    build=build,
    stratified=True,
)
