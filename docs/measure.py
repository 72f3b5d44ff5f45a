"""Measures the shipped scenarios for the README, in minutes: `make figures`, on a quiet machine.

Each becomes a file in docs/figures. A run that cannot be vouched for replaces no file: it is said,
and the exit code is 3.

python docs/measure.py --store store              all of them
python docs/measure.py --store store kill stop    these
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SCENARIOS = Path("loadtest") / "scenarios"
FIGURES = ROOT / "docs" / "figures"

PATIENCE_S = 300.0
"""None of them takes a minute."""
INVALID = 3
LEFT_OUT = {"requests", "settings", "calibration"}
"""Long, and in no table."""


@dataclass(frozen=True)
class Measured:
    """One figure: a command of the load test, and its scenario."""

    command: str
    scenario: str
    options: tuple[str, ...] = ()
    takes_store: bool = True

    @property
    def name(self) -> str:
        """Return the name of its file."""
        return Path(self.scenario).name

    def words(self, store: str) -> list[str]:
        """Return its command line."""
        path = SCENARIOS / f"{self.scenario}.toml"
        given = ["--store", store] if self.takes_store else []
        program = [sys.executable, "-m", "loadtest"]
        return [*program, self.command, str(path), *self.options, *given, "--json"]


ALL = (
    *(
        Measured("run", name)
        for name in (
            "closed-iris",
            "closed-forest",
            "rows-iris",
            "open-iris",
            "spike-iris",
            "mix-iris",
            "mlperf-server",
            "balancer",
            "nginx",
            "haproxy",
            "emulated-50",
            "kill",
            "stop",
            "swap",
            "black-hole",
            "split",
            "rolling-restart",
        )
    ),
    Measured("predict", "predict-emulated", ("--max-batch", "16")),
    Measured("simulate", "simulations/plan", takes_store=False),
)


def main() -> int:
    """Measure, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--store", default="store", help="with the sample models")
    parser.add_argument("names", nargs="*", help="of scenarios; none: all")
    told = parser.parse_args()
    unknown = set(told.names) - {each.name for each in ALL}
    if unknown:
        print(f"No such figure: {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    chosen = [each for each in ALL if not told.names or each.name in told.names]
    begun_s = time.monotonic()
    kept = [measure(each, told.store) for each in chosen]
    print(f"{sum(kept)} of {len(kept)} kept, {time.monotonic() - begun_s:.0f} s")
    return 0 if all(kept) else INVALID


def measure(each: Measured, store: str) -> bool:
    """Run a scenario and keep what it printed; return whether it may be believed."""
    begun_s = time.monotonic()
    done = subprocess.run(
        each.words(store),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    try:
        content: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        print(f"{each.name}: exit code {done.returncode}\n{done.stderr.strip()}", file=sys.stderr)
        return False
    took_s = time.monotonic() - begun_s
    believed = done.returncode in {0, 1, 4}
    said = content.get("verdict", "") or ("refused" if content.get("refused") else "done")
    print(f"{each.name}: {said}, {took_s:.0f} s", flush=True)
    if believed:
        kept = {key: value for key, value in content.items() if key not in LEFT_OUT}
        text = json.dumps(kept, indent=2, allow_nan=False) + "\n"
        FIGURES.mkdir(parents=True, exist_ok=True)
        (FIGURES / f"{each.name}.json").write_text(text, encoding="utf-8")
    else:
        print("\n".join(content.get("warnings", ())), file=sys.stderr)
    return believed


if __name__ == "__main__":
    sys.exit(main())
