"""Which rows repeat a value that an earlier row had, however many rows there are."""

import sqlite3
from collections.abc import Mapping
from typing import Final

import numpy as np

from models.rows import Array
from models.schema import Cell

_CACHE_KIB: Final = 65_536


class Uniqueness:
    """Remembers the values of unique columns of the rows taken.

    They are kept in a temporary file of SQLite's that has no name: exact, and small in memory.

    Args:
        names: the columns that must not repeat.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._base = sqlite3.connect("", isolation_level=None)
        for setting in (f"cache_size = -{_CACHE_KIB}", "journal_mode = OFF", "synchronous = OFF"):
            self._base.execute(f"PRAGMA {setting}")
        self._base.execute(
            "CREATE TABLE seen (place, value, PRIMARY KEY (place, value)) WITHOUT ROWID"
        )

    def repeats(self, columns: Mapping[str, list[Cell]], rows: int) -> dict[str, Array]:
        """Return for each column the rows that repeat a value; missing values never do.

        A row that repeats one column's value is not taken, so its other values stay free.
        """
        found = {name: np.zeros(rows, dtype=bool) for name in self.names}
        for row in range(rows):
            kept: list[tuple[int, Cell]] = []
            for place, name in enumerate(self.names):
                value = columns[name][row]
                if value is None:
                    continue
                if not self._keep(place, value):
                    found[name][row] = True
                    self._base.executemany("DELETE FROM seen WHERE place = ? AND value = ?", kept)
                    break
                kept.append((place, value))
        return found

    def close(self) -> None:
        """Forget everything."""
        self._base.close()

    def _keep(self, place: int, value: Cell) -> bool:
        done = self._base.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", [place, value])
        return done.rowcount == 1
