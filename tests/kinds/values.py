"""Regressors, clusterers, outlier detectors and transformers: what answers numbers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor, IsolationForest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder
from sklearn.svm import OneClassSVM

from tests.kinds.kind import Array, Fitted, Kind, churn, mixed, numbers, value


def fit(make: Callable[[], Any], target: Callable[[Any], Array] = value, width: int = 4) -> Fitted:
    rows = numbers(width)
    return Fitted(make().fit(rows, target(rows)), rows)


def pair(rows: Any) -> Array:
    return np.column_stack([value(rows), rows["x2"]])


def column(rows: Any) -> Array:
    return value(rows)[:, None]


def first(rows: Any) -> Array:
    return np.asarray(rows["x0"]) * 2.0


def logarithmic() -> Any:
    return TransformedTargetRegressor(
        LinearRegression(), func=np.arcsinh, inverse_func=np.sinh, check_inverse=False
    )


def gaussian_process() -> Any:
    return GaussianProcessRegressor(RBF(2.0) + WhiteKernel(0.1), optimizer=None)


def float32() -> Fitted:
    rows = numbers().astype("float32")
    return Fitted(Ridge().fit(rows, value(rows).astype("float32")), rows)


def dense_one_hot() -> Fitted:
    rows = mixed()[["city", "plan"]]
    return Fitted(OneHotEncoder(sparse_output=False).fit(rows), rows)


def target_means() -> Fitted:
    """Fit a transformer that has classes_, and is no classifier."""
    rows = mixed()[["city", "plan"]]
    return Fitted(TargetEncoder(cv=KFold(3)).fit(rows, churn(mixed())), rows)


def frame_out() -> Fitted:
    rows = numbers()
    return Fitted(StandardScaler().set_output(transform="pandas").fit(rows), rows)


def scaled_array() -> Fitted:
    rows = numbers()
    return Fitted(make_pipeline(StandardScaler()).fit(rows.to_numpy()), rows)


def local_outliers() -> Fitted:
    """Fit on an array: with named columns scikit-learn 1.9 warns at each prediction."""
    rows = numbers()
    return Fitted(LocalOutlierFactor(novelty=True).fit(rows.to_numpy()), rows)


FITS: dict[str, Callable[[], Fitted]] = {
    "regressors": partial(fit, lambda: MultiOutputRegressor(Ridge()), pair),
    "trees-of-outputs": partial(fit, lambda: ExtraTreesRegressor(5, random_state=0), pair),
    "one-column-of-y": partial(fit, LinearRegression, column),
    "partial-least-squares": partial(fit, lambda: PLSRegression(2), pair),
    "transformed-target": partial(fit, logarithmic),
    "gaussian-process-numbers": partial(fit, gaussian_process),
    "kernel-ridge": partial(fit, lambda: KernelRidge(kernel="rbf")),
    "isotonic": partial(fit, lambda: IsotonicRegression(out_of_bounds="clip"), first, width=1),
    "dummy-mean": partial(fit, DummyRegressor),
    "k-means": partial(fit, lambda: KMeans(3, n_init=1, random_state=0)),
    "mini-batch-k-means": partial(fit, lambda: MiniBatchKMeans(3, n_init=1, random_state=0)),
    "isolation-forest": partial(fit, lambda: IsolationForest(n_estimators=10, random_state=0)),
    "one-class": partial(fit, lambda: make_pipeline(StandardScaler(), OneClassSVM())),
    "principal-components": partial(fit, lambda: make_pipeline(StandardScaler(), PCA(2))),
    "scaler-alone": partial(fit, StandardScaler),
    "dense-one-hot": dense_one_hot,
    "target-means": target_means,
    "frame-out": frame_out,
}
KINDS = (
    *(Kind(name, make) for name, make in FITS.items()),
    Kind("float32", float32, sample="parquet"),
    Kind("local-outliers", local_outliers, form="array"),
    Kind("scaled-array", scaled_array, form="array"),
)
