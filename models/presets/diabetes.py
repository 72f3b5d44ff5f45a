"""Diabetes: how far the disease got in a year, a number."""

from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from models.estimators import Estimator
from models.presets.preset import Data, Preset

_NAMES = {
    "bp": "blood_pressure",
    "s1": "total_cholesterol",
    "s2": "ldl",
    "s3": "hdl",
    "s4": "cholesterol_ratio",
    "s5": "log_triglycerides",
    "s6": "glucose",
}


def load(_seed: int) -> Data:
    """Return 442 patients: ten float64 columns in natural units, the progression 25 to 346."""
    bunch = load_diabetes(as_frame=True, scaled=False)
    X = bunch.data.rename(columns=_NAMES).astype("float64")
    return Data(X, bunch.target.to_numpy(), "scikit-learn load_diabetes")


def build(_seed: int) -> Estimator:
    """Return a ridge regression on standardized columns; nothing in it is random."""
    return Pipeline([("scale", StandardScaler()), ("regress", Ridge(alpha=10.0))])


DIABETES = Preset(
    name="diabetes",
    description="Progression of diabetes one year on, from age, sex, body mass index, blood"
    " pressure and six blood values.",
    load=load,
    build=build,
    stratified=False,
)
