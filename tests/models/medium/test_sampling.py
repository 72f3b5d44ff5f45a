"""As many rows are drawn as memory has room for, and forests take more room."""

from pathlib import Path

import pytest

from models.extract.batches import Batches
from models.medium.caching import Cached, cache_rows
from models.medium.memory import Budget
from models.medium.sampling import fit_sampled
from models.places import Places
from models.spec import Specification

from .tables import specification, write_table

FREE_BYTES = 9_000_000


class Small(Budget):
    """Has a room of known size."""

    def free_bytes(self) -> int:
        return FREE_BYTES


def cached_rows(spec: Specification, folder: Path) -> Cached:
    write_table(folder / "table.csv", 20_000)
    reader = Batches(spec, Places(folder, folder), 4000)
    return cache_rows(spec, reader, "table.csv", folder, 8000)


@pytest.mark.parametrize("name", ["Ridge", "RandomForestRegressor"])
def test_as_many_rows_as_memory_has_room_for(name: str, tmp_path: Path) -> None:
    parameters = {"n_estimators": 10} if name != "Ridge" else {}
    curve = {"curve": {"sizes": 2, "repeats": 2}}
    spec = specification(name, parameters=parameters, fit=curve)
    cached = cached_rows(spec, tmp_path)
    total = len(cached.fitted) + len(cached.validation)
    places = Places(tmp_path, tmp_path)
    outcome = fit_sampled(spec, cached, places, Small(1), lambda _: None)
    rows = outcome.fitted_rows / (1 - spec.split.validation)
    assert f"of {total:,} rows were drawn evenly" in outcome.words
    # 36 features of 8 bytes, four times over: without the model, that is the most.
    assert rows <= FREE_BYTES / (36 * 8 * 4)
    assert rows > (2000 if name == "Ridge" else 200)
    if name != "Ridge":
        assert rows < 3000
