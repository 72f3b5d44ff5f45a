"""What moves while a stage runs: a reading, a pass, the fits; one at a time, below the stages."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Self

from models.commands.bars import reading_bar
from models.console import console
from models.extract.progress import Reading
from models.fit.live import watching
from models.fit.progress import Event
from models.medium.progress import Moment

Tell = Callable[[Any], None]


class Shown(AbstractContextManager["Shown"]):
    """Opens the picture that belongs to what is told, and closes the one before.

    Args:
        title: above a bar.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._open = ExitStack()
        self._kind: type | None = None
        self._tell: Tell | None = None

    def __enter__(self) -> Self:
        """Show nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is open."""
        self._open.close()

    def reading(self, reading: Reading | Moment) -> None:
        """Hear of a chunk of the source, or of a pass over rows that were read before."""
        self._told_by(Reading, lambda: reading_bar(self._title))(reading)

    def fits(self, event: Event) -> None:
        """Hear of runs, epochs and the learning curve."""
        self._told_by(Event, lambda: watching(console(stderr=True)))(event)

    def _told_by(self, kind: Any, picture: Callable[[], AbstractContextManager[Tell]]) -> Tell:
        if self._kind is not kind or self._tell is None:
            self._open.close()
            self._kind, self._tell = kind, self._open.enter_context(picture())
        return self._tell
