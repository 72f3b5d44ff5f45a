"""The project's other commands, as a user would type them."""

import subprocess

from loadtest.errors import LoadTestError

_COMMAND_S = 120.0


def run_command(command: list[str]) -> str:
    """Run a command and return what it prints.

    Raises:
        LoadTestError: it failed or took too long.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own commands
            command, capture_output=True, text=True, timeout=_COMMAND_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise LoadTestError(f"{' '.join(command)} took more than {_COMMAND_S:g} s.") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise LoadTestError(f"{' '.join(command)} failed with code {done.returncode}: {said}")
    return done.stdout
