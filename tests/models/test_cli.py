"""The command line, as a process: words for people, JSON for programs, exit codes."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from models.cli import run as run_cli
from models.manifest import Manifest
from models.store import ARTEFACT, Store

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ["train", "register", "list", "show", "promote", "rollback", "verify", "plan"]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def process(*arguments: object, cwd: Path) -> Done:
    """Run a command as people do."""
    done = subprocess.run(
        [sys.executable, "-m", "models", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    return Done(done.returncode, done.stdout, done.stderr)


def run(*arguments: object, cwd: Path = ROOT) -> Done:
    """Run a command in this process, which has scikit-learn imported already."""
    out, err = io.StringIO(), io.StringIO()
    before = Path.cwd()
    os.chdir(cwd)
    try:
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.setattr(sys, "argv", ["models", *map(str, arguments)])
            with pytest.raises(SystemExit) as ended:
                run_cli()
    finally:
        os.chdir(before)
    code = ended.value.code
    assert code is None or isinstance(code, int)
    return Done(code or 0, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store that holds iris versions 1 and 2, from another directory."""
    folder = tmp_path_factory.mktemp("cli")
    for execute in (process, run):
        done = execute("train", "iris", "--json", cwd=folder)
        assert done.returncode == 0, done.stderr
    assert [entry["version"] for entry in json.loads(done.stdout)] == [2]
    return folder


def test_help_of_every_command_has_an_example() -> None:
    overview = run("--help").stdout
    for command in COMMANDS:
        assert command in overview
        done = run(command, "--help")
        assert done.returncode == 0
        assert f"Example: python -m models {command}" in " ".join(done.stdout.split())
        assert "--store" in done.stdout
        assert "--json" in done.stdout


def test_train_prints_the_way_of_the_data(tmp_path: Path) -> None:
    done = process("train", "diabetes", "--store", tmp_path / "s", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for words in ("input", "split", "fit", "save", "load", "predict", "442 rows x 10 columns"):
        assert words in done.stdout
    assert "published diabetes 1 as production" in done.stdout


def test_if_missing_leaves_names_alone(root: Path) -> None:
    done = run("train", "iris", "--if-missing", cwd=root)
    assert done.returncode == 0
    assert "iris is there; left alone" in done.stdout
    assert Store(root / "store").versions("iris") == [1, 2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["train"],
        ["train", "no_such_preset"],
        ["train", "iris", "--all"],
        ["promote", "iris"],
        ["promote", "iris", "two"],
        ["register"],
        ["no_such_command"],
    ],
)
def test_wrong_usage_exits_with_two(arguments: list[str], tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "nobody"], "error: there is no model 'nobody'; the store has: iris"),
        (["show", "iris", "9"], "error: iris has no version 9; it has: 1, 2"),
        (["promote", "iris", "9"], "error: iris has no version 9"),
        (["verify", "iris", "9"], "error: iris has no version 9"),
        (["verify", "nobody"], "error: there is no model 'nobody'"),
        (
            ["register", "none.joblib", "--name", "m", "--sample", "none.csv"],
            "error: there is no file none.joblib",
        ),
    ],
)
def test_refusals_are_one_sentence_and_exit_with_one(
    root: Path, arguments: list[str], sentence: str
) -> None:
    done = run(*arguments, cwd=root)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(sentence)
    assert "Traceback" not in done.stderr


def test_list_and_show_for_people_and_programs(root: Path) -> None:
    listed = json.loads(run("list", "--json", cwd=root).stdout)
    assert [(row["name"], row["version"], row["aliases"]) for row in listed] == [
        ("iris", 1, ["production"]),
        ("iris", 2, []),
    ]
    assert "accuracy" in run("list", cwd=root).stdout
    assert Manifest.from_json(run("show", "iris", "2", "--json", cwd=root).stdout).version == 2
    words = run("show", "iris", cwd=root).stdout
    assert words.startswith("iris 1 [production]")
    assert "petal_width" in words


def test_an_empty_store_is_said(tmp_path: Path) -> None:
    assert "holds no models yet" in run("list", cwd=tmp_path).stdout
    assert run("list", "--json", cwd=tmp_path).stdout == "[]\n"


def test_promote_and_roll_back(root: Path) -> None:
    promoted = run("promote", "iris", 2, "--json", cwd=root)
    assert json.loads(promoted.stdout) == {"production": 2, "previous": 1}
    back = run("rollback", "iris", cwd=root)
    assert back.stdout == "iris: production is 1, previous is 2\n"
    assert Store(root / "store").resolve("iris") == 1


def test_register_prints_the_version_alone(tmp_path: Path) -> None:
    X = pd.DataFrame({"a": np.arange(9.0), "b": 1.0})
    joblib.dump(LinearRegression().fit(X, np.arange(9.0)), tmp_path / "my.joblib")
    X.to_csv(tmp_path / "rows.csv", index=False)
    given = ["register", "my.joblib", "--name", "mine", "--sample", "rows.csv"]
    assert process(*given, "--json", cwd=tmp_path).stdout == "1\n"
    assert "published mine 2; promote mine 2 to serve it" in run(*given, cwd=tmp_path).stdout


def test_register_plans_what_it_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERCORE_PLAN")
    X = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) ** 2})
    joblib.dump(LinearRegression().fit(X, X["b"]), tmp_path / "m.joblib")
    X.to_csv(tmp_path / "rows.csv", index=False)
    given = ("register", "m.joblib", "--name", "m", "--sample", "rows.csv", "--json")
    done = process(*given, cwd=tmp_path)
    assert done.stdout == "1\n"
    assert "plan of m 1: " in done.stderr
    assert len(list((tmp_path / "store" / "m" / "plans" / "1").glob("*.json"))) == 1
    again = process(*given, "--no-plan", cwd=tmp_path)
    assert again.stdout == "2\n"
    assert not (tmp_path / "store" / "m" / "plans" / "2").exists()


def test_a_plan_as_a_table_and_as_json(root: Path) -> None:
    made = run("plan", "iris", cwd=root)
    assert made.returncode == 0, made.stderr
    assert "what the others are compared with" in made.stdout
    assert "chosen: " in made.stdout
    plan = json.loads(run("plan", "iris", "1", "--json", cwd=root).stdout)
    assert plan["trust"] == {"policy": "exact", "tolerance": 0.0}
    assert plan["rows"] >= 20_000
    assert plan["tried"][0]["form"] == "scikit-learn"
    # The same record, looked at with another policy.
    close = json.loads(run("plan", "iris", "--tolerance", "1e-6", "--json", cwd=root).stdout)
    assert close["created_at"] == plan["created_at"]
    assert close["trust"] == {"policy": "close", "tolerance": 1e-06}


def test_verify_goes_red_for_one_flipped_byte(presets_store: Store, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for name in ("iris", "students"):
        shutil.copytree(presets_store.root / name, store.root / name)
    assert run("verify", "iris", cwd=tmp_path).returncode == 0
    artefact = store.folder("iris", 1) / ARTEFACT
    content = bytearray(artefact.read_bytes())
    content[100] ^= 1
    artefact.write_bytes(content)
    done = process("verify", "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert {row["name"]: row["ok"] for row in json.loads(done.stdout)} == {
        "iris": False,
        "students": True,
    }
