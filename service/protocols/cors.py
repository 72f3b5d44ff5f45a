"""Which pages of other origins a browser lets read our answers."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.middleware.cors import CORSMiddleware

from service.protocols.http import Headers, Receive, Reply, Scope, Send

ASKED = (
    "Authorization", "Inference-Header-Content-Length", "X-Api-Key", "X-Priority", "X-Request-Id",
    "X-Request-Timeout-Ms",
)  # fmt: skip
TOLD = (
    "Inference-Header-Content-Length", "Retry-After", "Server-Timing", "X-Model-Version",
    "X-Request-Id",
)  # fmt: skip
EVERYBODY = "*"


class Cors:
    """Says by headers which origins may ask.

    Args:
        origins: as browsers write them; "*" is all of them.
    """

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origins)
        self._to_all = EVERYBODY in origins
        self._told = (b"access-control-expose-headers", ", ".join(TOLD).encode())

    def around(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]]
    ) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        """Return an application that answers preflights, and marks its answers."""
        return CORSMiddleware(
            app,
            allow_origins=list(self._origins),
            allow_methods=("GET", "POST"),
            allow_headers=ASKED,
            expose_headers=TOLD,
        )

    def marked(self, reply: Reply, headers: Headers) -> Reply:
        """Return an answer with what a browser needs to show it to its page.

        Args:
            reply: the answer.
            headers: the request's.
        """
        origin = headers.get(b"origin")
        if origin is None or not (self._to_all or origin.decode("latin-1") in self._origins):
            return reply
        allowed = [(b"access-control-allow-origin", b"*"), self._told]
        if not self._to_all:
            allowed = [(b"access-control-allow-origin", origin), (b"vary", b"Origin"), self._told]
        return reply._replace(headers=[*reply.headers, *allowed])
