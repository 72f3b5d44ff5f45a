"""Structured logs: JSON, one line each, on standard error; request lines are sampled."""

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

import structlog

MAX_FIELD_CHARS = 256


def configure_logging(level: str) -> None:
    """Write JSON lines of at least `level` to standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _clip,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=ForgivingLogger,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[LibraryLines()], level=logging.WARNING, force=True)
    # It warns of every request that is no HTTP: a client must not decide how much is logged.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


class ForgivingLogger:
    """Writes lines to standard error; a line that cannot be written is lost, and nothing else.

    On a full disk, or with a reader that has gone, requests must go on being answered.
    """

    def __init__(self, *args: Any) -> None:
        del args  # structlog passes what get_logger was called with

    def msg(self, message: str) -> None:
        """Write a line, in one piece."""
        with suppress(OSError):
            os.write(sys.stderr.fileno(), message.encode() + b"\n")

    debug = info = warning = error = critical = exception = log = msg


class LibraryLines(logging.Handler):
    """Writes what libraries log in the form of our own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno, record.name, message=record.getMessage(), exc_info=record.exc_info
        )


class Sampler:
    """A token bucket over log lines: below the rate all pass, above it the rest are counted.

    Args:
        per_s: lines a second; as many may come at once.
        clock: monotonic seconds.
    """

    def __init__(self, per_s: float, clock: Callable[[], float] = monotonic) -> None:
        self._per_s = per_s
        self._clock = clock
        self._tokens = per_s
        self._filled_at = clock()
        self._skipped = 0
        self._next_at = 0.0
        """Before that nothing passes: most requests need not count tokens."""

    def passes(self) -> int | None:
        """Return how many lines were left out since the last that passed, or None: leave it out."""
        now = self._clock()
        if now < self._next_at:
            self._skipped += 1
            return None
        self._tokens = min(self._per_s, self._tokens + (now - self._filled_at) * self._per_s)
        self._filled_at = now
        if self._tokens < 1:
            self._skipped += 1
            if self._per_s:
                self._next_at = now + (1 - self._tokens) / self._per_s
            return None
        self._tokens -= 1
        skipped, self._skipped = self._skipped, 0
        return skipped


def _clip(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Keep every field short: a client chooses paths and headers, and a log line is no payload."""
    for key, value in event.items():
        if isinstance(value, str) and len(value) > MAX_FIELD_CHARS and key != "exception":
            event[key] = value[:MAX_FIELD_CHARS] + "…"
        elif isinstance(value, float):
            event[key] = round(value, 6)
    return event
