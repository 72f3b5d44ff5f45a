"""What the service can refuse or fail, as one tree without HTTP in it.

ServiceError
├── Unreadable            the body is not what its media type says
├── TooSlow               the request did not come in time
├── HeadTooLarge          more bytes before the body than the limits allow
├── Unfit                 readable, but it does not fit the model's schema
├── TooLarge              more bytes, rows or pixels than the limits allow
├── Unauthenticated       no key came with it, or one that nobody knows
├── UnsupportedMedia      a media type or encoding that this model does not take
├── NotAcceptable         the answer cannot be had in the form that is asked for
├── NotFound              no such model, version or alias
├── DeadlineExceeded      the request's time is over
├── Overloaded            refused before any work: try again later
│   └── TooManyRequests   so is a client that wants more than its share, while others are not
├── Unavailable           the model is known, but nobody can compute it now
├── ModelFailed           the model raised, or answered what is no answer, on this input
├── PoisonInput           the input ended two workers
└── Internal              a defect of ours

A protocol's table turns the classes into status codes; `code` is the stable word for programs.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, TypedDict


class Detail(TypedDict):
    """One place in the input and what is wrong there."""

    loc: list[str | int]
    message: str


class ServiceError(Exception):
    """Base of all refusals.

    Args:
        message: a sentence for a person; it names no path, class or traceback.
        details: where in the input, if that can be told.
        code: another stable word than the class's own.
    """

    code: ClassVar[str] = "internal"

    def __init__(
        self, message: str, details: Sequence[Detail] = (), *, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = list(details)
        self.word = code or self.code


class Unreadable(ServiceError):
    code = "unreadable"


class TooSlow(ServiceError):
    code = "request_timeout"


class HeadTooLarge(ServiceError):
    code = "head_too_large"


class Unfit(ServiceError):
    code = "schema_mismatch"


class TooLarge(ServiceError):
    code = "too_large"


def too_many_rows(most: int) -> TooLarge:
    """Return the refusal of more rows than one request may have; it names the way that has room."""
    return TooLarge(
        f"At most {most} rows are taken in one request: send several, or CSV or Arrow to"
        " /v1/models/NAME:predict without partial=true, which stream."
    )


class UnsupportedMedia(ServiceError):
    code = "unsupported_media_type"


class Unauthenticated(ServiceError):
    code = "unauthenticated"


class NotAcceptable(ServiceError):
    code = "not_acceptable"


class NotFound(ServiceError):
    code = "model_not_found"


class DeadlineExceeded(ServiceError):
    code = "deadline_exceeded"


class Overloaded(ServiceError):
    """A refusal for want of time.

    Args:
        message: a sentence for a person.
        reason: what was wanting; from a closed set.
        retry_after_s: when to try again.
    """

    code = "overloaded"

    def __init__(self, message: str, reason: str = "queue", retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after_s = retry_after_s


class TooManyRequests(Overloaded):
    code = "too_many_requests"


class Unavailable(ServiceError):
    code = "unavailable"


class ModelFailed(ServiceError):
    code = "model_failed"


class PoisonInput(ServiceError):
    code = "poison_input"


class Internal(ServiceError):
    code = "internal"


class FrameError(Exception):
    """Bytes between the processes that are no frame of ours: the sender counts as dead."""


_WIRE: dict[str, type[ServiceError]] = {
    kind.__name__: kind
    for kind in (Unreadable, Unfit, TooLarge, UnsupportedMedia, ModelFailed, Internal)
}


def to_wire(error: ServiceError) -> dict[str, Any]:
    """Return what a worker sends of an error: words only, never the object."""
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "details": error.details,
        "code": error.word,
    }


def from_wire(sent: dict[str, Any]) -> ServiceError:
    """Return the error that a worker sent; an unknown kind is an `Internal`."""
    kind = _WIRE.get(sent.get("kind", ""), Internal)
    return kind(str(sent["message"]), sent.get("details", ()), code=sent.get("code"))
