"""Clients that generators write from /openapi.json: a Python package, and types of TypeScript."""

import base64
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.clients.conftest import Load
from tests.clients.outside import SCRIPTS, ask, installed, program, run
from tests.clients.rows import STUDENTS, as_json, flowers, near
from tests.integration import pictures
from tests.integration.conftest import copy_version
from tests.integration.server import serving

pytestmark = [pytest.mark.clients, pytest.mark.integration, pytest.mark.timeout(240)]

PACKAGES = {
    "private": True,
    "type": "module",
    "dependencies": {"openapi-fetch": "0.17.0"},
    "devDependencies": {"openapi-typescript": "7.13.0", "typescript": "5.9.3"},
}
BYTES = (
    "application/octet-stream", "application/vnd.apache.arrow.file",
    "application/vnd.apache.arrow.stream", "application/x-npy", "image/jpeg", "image/png",
    "text/csv",
)  # fmt: skip
"""Of media types that it does not know, the generator makes these what a File holds."""
SETTINGS = {
    "post_hooks": [],
    "package_name_override": "percore_api",
    "content_type_overrides": dict.fromkeys(BYTES, "application/octet-stream"),
}
COMPILER = {
    "files": ["typed.ts"],
    "compilerOptions": {
        "strict": True,
        "noEmitOnError": True,
        "skipLibCheck": True,
        "target": "es2022",
        "module": "nodenext",
    },
}
NORMAL = np.random.default_rng(3).normal(size=(5, 10)) / 20


@pytest.fixture(scope="module")
def two_versions(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a service of two versions of iris, the second with other columns."""
    folder = tmp_path_factory.mktemp("generated")
    shutil.copytree(store, folder / "store")
    copy_version(folder / "store", ("diabetes", 1), ("iris", 2))
    (folder / "store" / "iris" / "aliases.json").write_text('{"production": 1, "shadow": 2}')
    with serving(folder / "store", folder, "--workers=1", "--aliases=shadow") as running:
        yield "http://{}:{}".format(*running.address)


def picture() -> str:
    return base64.b64encode(pictures.png(seed=4)).decode()


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    columns = as_json(frame)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.fixture
def asks(fitted: Load) -> dict[str, Any]:
    """Return function → the class of its body, the body, and its options."""
    frame = pd.DataFrame(NORMAL, columns=fitted("diabetes").feature_names_in_)
    iris = {"instances": records(flowers(fitted("iris")))}
    return {
        "predict_iris": ["Iris1Request", iris, {"probabilities": True}],
        "predict_version_1_iris": ["Iris1Request", iris, {}],
        "predict_version_2_iris": ["Iris2Request", {"instances": records(frame)}, {}],
        "predict_diabetes": ["Diabetes1Request", {"instances": NORMAL.tolist()}, {}],
        "predict_students": ["Students1Request", {"inputs": as_json(STUDENTS)}, {}],
        "predict_digits": ["Digits1Request", {"instance": {"b64": picture()}}, {}],
        "predict_version_1_digits": ["Digits1Request", {"instance": {"b64": "AAAA"}}, {}],
    }


def test_openapi_python_client(
    two_versions: str, fitted: Load, asks: dict[str, Any], tmp_path: Path
) -> None:
    """Nothing is left out of the package, and its classes take and give what the service does."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(SETTINGS))
    done = run(
        program("openapi", "openapi-python-client"), "generate", "--fail-on-warning", "--url",
        f"{two_versions}/openapi.json", "--meta", "none", "--config", config, "--output-path",
        tmp_path / "percore_api",
    )  # fmt: skip
    assert "arning" not in done.stdout + done.stderr
    tags = {function: re.split(r"predict_(?:version_\d_)?", function)[1] for function in asks}
    question = {"url": two_versions, "asks": asks, "tags": tags, "folder": str(tmp_path)}
    found = ask("openapi", "generated_python.py", question)
    assert [kind for kind, _ in found.values()] == [
        "Iris1Response", "Iris1Response", "Iris2Response", "Diabetes1Response",
        "Students1Response", "Digits1Response", "Error",
    ]  # fmt: skip
    answers = {function: answer for function, (_, answer) in found.items()}
    iris, diabetes = fitted("iris"), fitted("diabetes")
    labels, chances = iris.predict(flowers(iris)), iris.predict_proba(flowers(iris))
    assert answers["predict_iris"]["predictions"] == labels.tolist()
    assert near(answers["predict_iris"]["probabilities"], chances)
    assert answers["predict_version_1_iris"]["predictions"] == labels.tolist()
    wanted = diabetes.predict(pd.DataFrame(NORMAL, columns=diabetes.feature_names_in_))
    assert near(answers["predict_version_2_iris"]["predictions"], wanted)
    assert near(answers["predict_diabetes"]["predictions"], wanted)
    assert near(answers["predict_students"]["outputs"], fitted("students").predict(STUDENTS))
    digit = fitted("digits").predict([pictures.png(seed=4)])[0]
    assert answers["predict_digits"]["prediction"] == digit
    assert answers["predict_version_1_digits"]["code"]


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the generator and the compiler; nothing of it is kept."""
    folder = tmp_path_factory.mktemp("typed")
    (folder / "package.json").write_text(json.dumps(PACKAGES))
    (folder / "tsconfig.json").write_text(json.dumps(COMPILER))
    flags = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    run(installed("npm"), "install", *flags, folder=folder)
    return folder


def test_openapi_typescript(two_versions: str, fitted: Load, typed: Path) -> None:
    """A program with the generated types compiles, its wrong calls do not."""
    tools = typed / "node_modules" / ".bin"
    run(tools / "openapi-typescript", f"{two_versions}/openapi.json", "-o", typed / "schema.d.ts")
    shutil.copy(SCRIPTS / "typed.ts", typed)
    run(tools / "tsc", "--project", typed)
    question = {
        "flowers": records(flowers(fitted("iris"))),
        "students": as_json(STUDENTS),
        "picture": picture(),
    }
    done = run(installed("node"), "typed.js", two_versions, json.dumps(question), folder=typed)
    found = json.loads(done.stdout)
    iris = fitted("iris")
    assert found["species"] == iris.predict(flowers(iris)).tolist()
    assert near(found["chances"], iris.predict_proba(flowers(iris)))
    assert near(found["grades"], fitted("students").predict(STUDENTS))
    assert found["digit"] == fitted("digits").predict([pictures.png(seed=4)])[0]
    assert found["row"] == found["species"][0]
    assert found["refused"] == [422, "schema_mismatch"]
