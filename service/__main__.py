"""The command line of the service: `python -m service --store store --port 8000`."""

# isort: off
import service.without_rich  # noqa: F401  # before whatever imports structlog
# isort: on

import argparse
import os
import sys

import uvloop
from pydantic import ValidationError
from pydantic_settings import CliSettingsSource

from service import __version__
from service.app import serve
from service.log import configure_logging
from service.many.supervisor import supervise
from service.settings import Settings

EXAMPLE = """example:
  python -m service --store store --port 8000 --workers 2
  python -m service serve     # as SageMaker does: port 8080 of every address, /opt/ml/model
  python -m service score data.parquet --model churn --out scored.parquet     # see score --help
  curl -s localhost:8000/v1/models/iris:predict -d '{"instances": [[5.1, 3.5, 1.4, 0.2]]}'

a key for --api-keys-file, and the line of the file:
  python -c 'import hashlib, secrets; k = secrets.token_urlsafe(32); \
print(k, "NAME:" + hashlib.sha256(k.encode()).hexdigest())'
"""
EXIT_USAGE = 2
SERVE = {
    "PERCORE_STORE": "/opt/ml/model",
    "PERCORE_HOST": "0.0.0.0",  # noqa: S104
    "PERCORE_PORT": "8080",
}
"""Where SageMaker, which starts a container with the one word `serve`, expects things to be."""


def main() -> int:
    """Serve until a signal ends it, or score; return the exit code."""
    if sys.argv[1:2] == ["score"]:
        # It reads tables with pyarrow, which must not be in the process that serves.
        from service.scoring.command import main as score  # noqa: PLC0415

        return score(sys.argv[2:])
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description="Serve the models of a store over HTTP.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"percore {__version__}")
    flags = CliSettingsSource[argparse.ArgumentParser](Settings, root_parser=parser)
    try:
        settings = Settings(_cli_settings_source=flags(args=words(sys.argv[1:])))
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            name = "-".join(str(step) for step in problem["loc"]).replace("_", "-")
            print(f"--{name}: {problem['msg']}", file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    configure_logging(settings.log_level)
    return uvloop.run(serve(settings) if settings.api_processes == 1 else supervise(settings))


def words(arguments: list[str]) -> list[str]:
    """Return the arguments without SageMaker's `serve`, which sets what nobody else has set."""
    if arguments[:1] != ["serve"]:
        return arguments
    port = os.environ.get("SAGEMAKER_BIND_TO_PORT", SERVE["PERCORE_PORT"])
    for name, value in (SERVE | {"PERCORE_PORT": port}).items():
        os.environ.setdefault(name, value)
    return arguments[1:]


if __name__ == "__main__":
    sys.exit(main())
