"""What the service imports of this package stays light."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("sklearn", "numpy", "scipy", "pandas", "pyarrow", "joblib", "PIL", "rich", "typer")


def test_store_manifest_schema_and_errors_import_nothing_heavy() -> None:
    script = (
        "import sys, models.store, models.manifest, models.schema, models.errors;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == "[]\n"
