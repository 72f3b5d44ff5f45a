"""Who may ask: whoever sends a key that stands in the operator's file, by its digest.

The file has a line a key, `name:sha256hex`; what follows a # is a comment. Several keys may have
one name, as while an old one is replaced; a name's requests share one fair share.
"""

import asyncio
import hmac
import os
import re
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import structlog

from service.errors import ServiceError, Unauthenticated
from service.protocols.http import Headers, Receive, Reply, Scope, Send, request_id, send_reply

WATCH_S = 1.0
LINE = re.compile(r"(?P<name>[\w.@-]{1,64}):(?P<digest>[0-9a-fA-F]{64})")
BEARER = b"bearer "

Stamp = tuple[int, int, int] | None

log = structlog.get_logger()


class ApiKeys:
    """The keys of a file, which is read again when it changes.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._secret = os.urandom(32)
        self._names: dict[bytes, str] = {}
        self._seen: Stamp = None

    def load(self) -> None:
        """Read the file.

        Raises:
            OSError: it cannot be read.
            ValueError: a line of it is none; the text says which.
        """
        seen = self._stamp()  # before it is read: what changes then is seen later
        self._names = self._read()
        self._seen = seen
        log.info("api_keys", keys=len(self._names))

    def reload(self) -> None:
        """Read the file again; if that cannot be done, the known keys are kept."""
        try:
            self.load()
        except (OSError, ValueError) as error:
            log.error("api_keys_kept", reason=str(error))  # noqa: TRY400

    async def follow(self) -> None:
        """Read the file whenever it has changed, for ever."""
        seen = self._seen
        while True:
            await asyncio.sleep(WATCH_S)
            now = await asyncio.to_thread(self._stamp)
            if now not in {seen, self._seen}:
                self.reload()
            seen = now  # of a file that cannot be read is told once

    def name(self, address: str, headers: Headers) -> str:
        """Return the name of the request's key, in place of its client's address.

        Raises:
            Unauthenticated: it has none, or one that is not known.
        """
        del address
        given = _given(headers)
        if not given:
            raise Unauthenticated("Send a key, as Authorization: Bearer KEY or X-Api-Key: KEY.")
        name = self._names.get(self._blind(sha256(given).digest()))
        if name is None:
            raise Unauthenticated("This key is not known.")
        return name

    def _blind(self, digest: bytes) -> bytes:
        """Return what a digest is looked up by.

        It depends on a secret of this process, so the time of a look-up tells nothing of the keys:
        as good as a comparison in constant time with each, and as quick for many as for one.
        """
        return hmac.digest(self._secret, digest, "sha256")

    def _read(self) -> dict[bytes, str]:
        names = {}
        lines = self._path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            said = line.partition("#")[0].strip()
            if not said:
                continue
            match = LINE.fullmatch(said)
            if match is None:
                raise ValueError(f"{self._path}, line {number}: this is not name:sha256hex")
            names[self._blind(bytes.fromhex(match["digest"]))] = match["name"]
        return names

    def _stamp(self) -> Stamp:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


class KeyGate:
    """Lets those requests pass to an application that have a key, or need none.

    Args:
        app: the application.
        keys: who may ask.
        is_open: whether a path needs no key; what nobody thought of needs one.
        refuse: returns the answer that an error is, in the form of the path's protocol.
    """

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        keys: ApiKeys,
        is_open: Callable[[str], bool],
        refuse: Callable[[str, ServiceError, bytes], Reply],
    ) -> None:
        self._app = app
        self._keys = keys
        self._is_open = is_open
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if not self._is_open(path):
            headers = dict(scope["headers"])
            try:
                self._keys.name("", headers)
            except Unauthenticated as error:
                id_ = scope.get("state", {}).get("request_id") or request_id(headers)
                await send_reply(self._refuse(path, error, id_), receive, send)
                return
        await self._app(scope, receive, send)


def _given(headers: Headers) -> bytes:
    """Return the key that a request bears; a proxy may need Authorization for itself."""
    given = headers.get(b"x-api-key", b"").strip()
    if given:
        return given
    bearer = headers.get(b"authorization", b"").strip()
    return bearer[len(BEARER) :].strip() if bearer[: len(BEARER)].lower() == BEARER else b""
