"""The command line of the service: `python -m service --store store --port 8000`."""

import argparse
import sys

import uvloop
from pydantic import ValidationError
from pydantic_settings import CliSettingsSource

from service import __version__
from service.app import serve
from service.log import configure_logging
from service.settings import Settings

EXAMPLE = """example:
  python -m service --store store --port 8000 --workers 2
  curl -s localhost:8000/v1/models/iris:predict -d '{"instances": [[5.1, 3.5, 1.4, 0.2]]}'
"""
EXIT_USAGE = 2


def main() -> int:
    """Serve until a signal ends it; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description="Serve the models of a store over HTTP.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"percore {__version__}")
    flags = CliSettingsSource[argparse.ArgumentParser](Settings, root_parser=parser)
    try:
        settings = Settings(_cli_settings_source=flags(args=True))
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            name = "-".join(str(step) for step in problem["loc"]).replace("_", "-")
            print(f"--{name}: {problem['msg']}", file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    configure_logging(settings.log_level)
    return uvloop.run(serve(settings))


if __name__ == "__main__":
    sys.exit(main())
