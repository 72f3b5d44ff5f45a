"""A made-up table in the very shape of the UCI student performance data."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

CHOICES: dict[str, list[str]] = {
    "school": ["GP", "MS"],
    "sex": ["F", "M"],
    "address": ["U", "R"],
    "famsize": ["GT3", "LE3"],
    "Pstatus": ["T", "A"],
    "Mjob": ["teacher", "health", "services", "at_home", "other"],
    "Fjob": ["teacher", "health", "services", "at_home", "other"],
    "reason": ["home", "reputation", "course", "other"],
    "guardian": ["mother", "father", "other"],
    **{
        name: ["yes", "no"]
        for name in (
            "schoolsup",
            "famsup",
            "paid",
            "activities",
            "nursery",
            "higher",
            "internet",
            "romantic",
        )
    },
}
RANGES: dict[str, tuple[int, int]] = {
    "age": (15, 22),
    "Medu": (0, 4),
    "Fedu": (0, 4),
    "traveltime": (1, 4),
    "studytime": (1, 4),
    "failures": (0, 3),
    "famrel": (1, 5),
    "freetime": (1, 5),
    "goout": (1, 5),
    "Dalc": (1, 5),
    "Walc": (1, 5),
    "health": (1, 5),
    "absences": (0, 75),
}
# fmt: off
ORDER = [
    "school", "sex", "age", "address", "famsize", "Pstatus", "Medu", "Fedu", "Mjob", "Fjob",
    "reason", "guardian", "traveltime", "studytime", "failures", "schoolsup", "famsup", "paid",
    "activities", "nursery", "higher", "internet", "romantic", "famrel", "freetime", "goout",
    "Dalc", "Walc", "health", "absences", "G1", "G2", "G3",
]
# fmt: on


def students(rows: int = 395, seed: int = 0) -> pd.DataFrame:
    """Return students whose grades follow from what is known of them."""
    rng = np.random.default_rng(seed)
    texts = {name: rng.choice(values, rows) for name, values in CHOICES.items()}
    numbers = {name: rng.integers(low, high + 1, rows) for name, (low, high) in RANGES.items()}
    frame = pd.DataFrame({**texts, **numbers})
    able = 11 + frame["studytime"] - 2 * frame["failures"] + rng.normal(0, 2, rows)
    for name in ("G1", "G2", "G3"):
        frame[name] = np.clip((able + rng.normal(0, 1, rows)).round(), 0, 20).astype(int)
    return frame[ORDER]


def write_students(path: Path, rows: int = 395) -> pd.DataFrame:
    """Write them as UCI does: semicolons, texts in quotes, first grades in quotes too."""
    frame = students(rows)
    written = frame.assign(G1=frame["G1"].astype(str), G2=frame["G2"].astype(str))
    written.to_csv(path, sep=";", index=False, quoting=csv.QUOTE_NONNUMERIC)
    return frame
