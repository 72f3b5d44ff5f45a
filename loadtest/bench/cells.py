"""What is measured: cells, the models that have them, and each peer's best form in each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from loadtest.errors import ScenarioError
from loadtest.peers.catalogue import PEERS, Peer

Form: TypeAlias = Literal["json", "v2", "v2-binary", "npy", "arrow", "picture"]
"""How a body carries its rows."""


@dataclass(frozen=True)
class Cell:
    """One load: a closed loop of so many connections."""

    name: str
    connections: int
    rows: int
    """A request."""
    form: Form = "json"

    @property
    def words(self) -> str:
        """Say what load it is."""
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        connections = f"{self.connections} connection{'' if self.connections == 1 else 's'}"
        return f"{rows} as {FORM_WORDS[self.form]}, {connections}"


FORM_WORDS: Final[dict[Form, str]] = {
    "json": "JSON",
    "v2": "V2 JSON",
    "v2-binary": "V2 binary tensor",
    "npy": "npy",
    "arrow": "Arrow",
    "picture": "PNG in JSON",
}
_CELLS: Final = (
    Cell("c1", 1, 1),
    Cell("c16", 16, 1),
    Cell("c64", 64, 1),
    Cell("c256", 256, 1),
    Cell("batch", 4, 1000),
    Cell("v2-c64", 64, 1, "v2"),
    Cell("v2-batch", 4, 1000, "v2"),
    Cell("v2-binary-batch", 4, 1000, "v2-binary"),
    Cell("npy-batch", 4, 1000, "npy"),
    Cell("arrow-batch", 4, 1000, "arrow"),
    Cell("arrow-100k", 2, 100_000, "arrow"),
    Cell("picture-c16", 16, 1, "picture"),
)
CELLS: Final = {cell.name: cell for cell in _CELLS}
_NUMBERS: Final = ("c1", "c16", "c64", "c256", "batch")
PLAN: Final[dict[str, tuple[str, ...]]] = {
    "iris": (*_NUMBERS, "v2-c64", "v2-batch", "v2-binary-batch"),
    "forest": (*_NUMBERS, "npy-batch", "arrow-batch", "arrow-100k"),
    "boosting": _NUMBERS,
    "mixed": ("c64", "batch"),
    "digits": ("picture-c16",),
}
"""Model → its cells."""

FAMILIES: Final = ("flask", "fastapi", "mosec", "mlserver", "bentoml", "litserve", "ray", "mlflow")

_BEST: Final[dict[tuple[str, str], str]] = {
    ("fastapi", "c64"): "fastapi-async",
    ("fastapi", "c256"): "fastapi-async",
    ("mosec", "c1"): "mosec-alone",
    ("mosec", "batch"): "mosec-alone",
    ("mlserver", "c1"): "mlserver-alone",
    ("mlserver", "v2-batch"): "mlserver-alone",
    ("bentoml", "c1"): "bentoml-alone",
    ("bentoml", "batch"): "bentoml-alone",
    ("litserve", "c1"): "litserve-alone",
    ("ray", "c1"): "ray-alone",
}
_BEST_OF_MODEL: Final[dict[tuple[str, str, str], str]] = {
    ("mlserver", "batch", "iris"): "mlserver-alone",
    ("mlserver", "c64", "forest"): "mlserver-parallel",
    ("mlserver", "c256", "forest"): "mlserver-parallel",
    ("mlserver", "c64", "boosting"): "mlserver-parallel",
    ("mlserver", "c256", "boosting"): "mlserver-parallel",
    ("fastapi", "c64", "forest"): "fastapi",
    ("fastapi", "c256", "forest"): "fastapi",
    ("fastapi", "c64", "boosting"): "fastapi",
    ("fastapi", "c256", "boosting"): "fastapi",
}


def planned(models: Sequence[str], cells: Sequence[str]) -> list[tuple[str, Cell]]:
    """Return (model, cell) in order; of no names: all.

    Raises:
        ScenarioError: there is no such model or cell, or none of the models has any of the cells.
    """
    _known("model", models, PLAN)
    _known("cell", cells, CELLS)
    found = [
        (model, CELLS[name])
        for model, names in PLAN.items()
        for name in names
        if (not models or model in models) and (not cells or name in cells)
    ]
    if not found:
        raise ScenarioError(f"No model of {', '.join(models)} has a cell of {', '.join(cells)}.")
    return found


def best_form(peer: str, model: str, cell: Cell) -> Peer | None:
    """Return the form of a peer that is fastest in a cell; a name that says a form is taken as is.

    Which form that is was measured: batching helps single rows of many clients, and costs one
    client its wait. None: the peer does not take such bodies.

    Raises:
        ScenarioError: there is no such peer.
    """
    _known("peer", [peer], PEERS)
    name = peer
    if peer in FAMILIES:
        name = _BEST_OF_MODEL.get((peer, cell.name, model), _BEST.get((peer, cell.name), peer))
    found = PEERS[name]
    takes: tuple[Form, ...] = ("json", "v2") if found.dialect == "v2" else ("json",)
    # The peers' apps take arrays of numbers; words need pandas, which makes each of them slower.
    return found if cell.form in takes and model not in ("mixed", "digits") else None


def _known(kind: str, names: Sequence[str], known: Collection[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ScenarioError(f"{unknown[0]} is not a {kind}; there are {', '.join(known)}.")
