"""A process of its own that fits a table and prints its peak of memory as JSON."""

import json
import sys
from pathlib import Path

from models.medium import BatchEngine
from models.medium.memory import peak_bytes
from models.places import Places
from models.spec import read_specification
from models.stages import Stages

if __name__ == "__main__":
    begin_bytes = peak_bytes()
    spec, folder = read_specification(Path(sys.argv[1])), Path(sys.argv[2])
    fitted = BatchEngine()(spec, Places(folder, folder / "work"), Stages(), lambda _: False)
    if fitted is None:
        raise SystemExit("nothing was fitted")
    told = {
        "begin_bytes": begin_bytes,
        "peak_bytes": peak_bytes(),
        "rows": fitted.counts.taken,
        "width": len(fitted.chosen.model["features"].get_feature_names_out()),
        "metrics": dict(fitted.metrics),
        "notes": fitted.chosen.notes,
    }
    print(json.dumps(told))
