"""Whatever scikit-learn has: it is registered and answers as in process, or refused in words."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import orjson
import pytest

from models import prove
from models.errors import RefusedModel
from models.manifest import Manifest
from models.register import Registration, register
from models.stages import Stages
from models.store import Store
from service.inference.messages import Media, PredictBatch, PredictEntry, Status
from service.inference.model import Model
from tests.kinds.agreement import same
from tests.kinds.conftest import ask_this_process, dump
from tests.kinds.every import NAMES, fitted
from tests.kinds.kind import as_json

pytestmark = pytest.mark.filterwarnings("ignore")

NOTHING = memoryview(b"")
NOT_FOR_TABLES = {
    "DictVectorizer", "FrozenEstimator", "GaussianRandomProjection", "IsotonicRegression",
    "KernelCenterer", "LabelBinarizer", "LabelEncoder", "MultiLabelBinarizer",
    "SelfTrainingClassifier", "SparseRandomProjection",
}  # fmt: skip
"""Those that cannot be fitted on four columns of numbers."""
REFUSED = {
    "AgglomerativeClustering", "ClassicalMDS", "CountVectorizer", "DBSCAN", "EmpiricalCovariance",
    "FeatureHasher", "GraphicalLasso", "GraphicalLassoCV", "HDBSCAN", "HashingVectorizer",
    "KBinsDiscretizer", "KNeighborsTransformer", "KernelDensity", "LedoitWolf",
    "LocalOutlierFactor", "MDS", "MinCovDet", "MiniBatchNMF", "MiniBatchSparsePCA",
    "MissingIndicator", "NearestNeighbors", "OAS", "OPTICS", "OneHotEncoder", "PatchExtractor",
    "RadiusNeighborsTransformer", "RandomTreesEmbedding", "ShrunkCovariance", "SkewedChi2Sampler",
    "SparsePCA", "SpectralBiclustering", "SpectralClustering", "SpectralCoclustering",
    "SpectralEmbedding", "TSNE", "TfidfTransformer", "TfidfVectorizer",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_in_process_or_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prove, "ask_fresh_process", ask_this_process)
    one = fitted(name)
    assert (one is None) is (name in NOT_FOR_TABLES)
    if one is None:
        return
    file, sample = dump(name, one.model, one.rows, tmp_path, "csv")
    try:
        done = register(
            Registration(file, sample, name.lower()), Store(tmp_path / "store"), Stages()
        )
    except RefusedModel:
        assert name in REFUSED
        return
    assert name not in REFUSED
    model, rows = joblib.load(file), one.rows.iloc[:40]
    said = served(model, done.manifest, as_json(rows))
    ask = model.predict if done.manifest.output.method == "predict" else model.transform
    assert same(said["predictions"], np.asarray(ask(rows)).tolist())
    if done.manifest.output.probabilities:
        assert same(said["probabilities"], model.predict_proba(rows).tolist())


def served(model: Any, manifest: Manifest, instances: list[Any]) -> Any:
    """Return what a worker answers."""
    body = memoryview(orjson.dumps({"instances": instances}))
    entry = PredictEntry(0, Media.JSON, manifest.output.probabilities, body)
    worker = Model(model, manifest, 10_000, 1_000_000)
    batch = PredictBatch(0, 0, 0, NOTHING, NOTHING, NOTHING, [entry])
    (answer,) = worker.answer(batch).entries
    assert answer.status is Status.TEXT, answer.blob
    return orjson.loads(answer.blob)
