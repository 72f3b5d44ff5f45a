"""The peers' files: hashed requirements with the versions that fit the models."""

import json
import re
from pathlib import Path

import pytest

from loadtest.errors import ScenarioError
from loadtest.peers.catalogue import PEERS, chosen

ROOT = Path(__file__).parents[3]
FOLDERS = sorted({peer.folder for peer in PEERS.values()})


def pins(path: Path) -> dict[str, set[str]]:
    """Return name → versions that a requirements file pins."""
    found: dict[str, set[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)(?:\[.*\])?==([^ ;\\]+)", line):
            found.setdefault(match[1].lower(), set()).add(match[2])
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_peer_loads_models_with_the_versions_that_fitted_them(folder: str) -> None:
    ours = pins(ROOT / "requirements" / "service.txt")
    theirs = pins(ROOT / "loadtest" / "peers" / folder / "requirements.txt")
    for name in ("joblib", "numpy", "scikit-learn"):
        assert theirs[name] == ours[name], name


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_requirement_has_hashes_and_names_no_place(folder: str) -> None:
    text = (ROOT / "loadtest" / "peers" / folder / "requirements.txt").read_text(encoding="utf-8")
    for requirement in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in requirement
    assert "://" not in text


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_peer_has_an_app_that_compiles(folder: str) -> None:
    app = ROOT / "loadtest" / "peers" / folder / "app.py"
    compile(app.read_text(encoding="utf-8"), str(app), "exec")


def test_all_peers_are_all_folders_in_their_first_form() -> None:
    assert sorted(peer.name for peer in chosen([])) == FOLDERS
    assert len(FOLDERS) == 8


def test_an_unknown_peer_is_a_sentence() -> None:
    assert [peer.name for peer in chosen(["mosec", "flask"])] == ["mosec", "flask"]
    with pytest.raises(ScenarioError, match="nginx is not a peer; there are flask, "):
        chosen(["flask", "nginx"])


def test_bodies_are_what_each_peer_reads() -> None:
    rows = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    bodies = {
        name: json.loads(PEERS[name].body(rows, probabilities=True))
        for name in ("flask", "mlflow", "mlserver")
    }
    assert bodies["flask"] == {"instances": rows}
    assert bodies["mlflow"] == {"inputs": rows}
    (tensor,) = bodies["mlserver"]["inputs"]
    assert (tensor["shape"], tensor["data"]) == ([3, 2], [1, 2, 3, 4, 5, 6])
    assert bodies["mlserver"]["outputs"] == [{"name": "predict_proba"}]
    values = json.loads(PEERS["mlserver"].body(rows, probabilities=False))
    assert values["outputs"] == [{"name": "predict"}]
