"""The certificate of a service behind TLS, taken anew when its files change."""

import asyncio
import ssl
from pathlib import Path

import structlog

WATCH_S = 1.0

Stamp = tuple[tuple[int, int, int], ...] | None

log = structlog.get_logger()


class Certificate:
    """A certificate's files; new connections have what was last read of them.

    Args:
        cert: the certificate and those of its issuers, as PEM.
        key: its private key; None if it stands in the same file.
    """

    def __init__(self, cert: Path, key: Path | None) -> None:
        self._cert = cert
        self._key = key or cert
        self._context: ssl.SSLContext | None = None
        self._seen = self.stamp()

    def serve(self, context: ssl.SSLContext | None) -> None:
        """Take new files into this context from now on."""
        self._context = context

    def reload(self) -> None:
        """Read the files again; if they do not belong together, those in use are kept."""
        try:
            self.check()
            if self._context is not None:
                self._context.load_cert_chain(self._cert, self._key)
        except OSError as error:  # as ssl's own are
            log.error("certificate_kept", reason=str(error))  # noqa: TRY400
        else:
            log.info("certificate_renewed")

    def check(self) -> None:
        """Try the files in a context of their own: one that fails halfway is of no use any more.

        Raises:
            OSError: they cannot be read, are no PEM, or do not belong together.
        """
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._cert, self._key)

    def read(self) -> tuple[bytes, bytes]:
        """Return the private key and the certificate; raises OSError."""
        return self._key.read_bytes(), self._cert.read_bytes()

    def stamp(self) -> Stamp:
        """Return what changes when a file does; None if one is not there."""
        try:
            found = [path.stat() for path in (self._cert, self._key)]
        except OSError:
            return None
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in found)

    async def follow(self) -> None:
        """Read the files whenever they have changed, for ever.

        They are renewed one after the other: until both are new they do not belong together, and
        the second change has them read once more.
        """
        while True:
            await asyncio.sleep(WATCH_S)
            now = await asyncio.to_thread(self.stamp)
            if now not in {None, self._seen}:
                self._seen = now
                self.reload()
