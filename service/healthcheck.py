"""Whether the service of this container is ready: a script for the image's HEALTHCHECK.

The port may come from a flag, a variable of Percore's or of a platform, or a file. So nobody is
asked which it is: the service is the process that the same interpreter runs, and the kernel knows
where it listens. It answers plainly or, behind TLS, with a certificate that is for its clients.

Only the standard library, without site-packages: it runs every few seconds.
"""

import socket
import ssl
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

PATH = "/health/ready"
TIMEOUT_S = 1.0
LISTENS = "0A"
"""The state of a listening socket in /proc/net/tcp."""
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104

Address = tuple[str, int]


def main() -> int:
    """Return 0 if one of the service's ports says that it is ready, else 1."""
    found = [address for process in services() for address in listening(process)]
    return 0 if any(map(is_ready, found)) else 1


def services() -> Iterator[Path]:
    """Yield the processes that our interpreter runs as a service."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if words[:3] == [sys.executable, "-m", "service"]:
                yield process


def listening(process: Path) -> Iterator[Address]:
    """Yield the addresses at which a process listens."""
    sockets = set()
    with suppress(OSError):
        for file in (process / "fd").iterdir():
            with suppress(OSError):
                sockets.add(str(file.readlink()))
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (process / "net" / table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == LISTENS and f"socket:[{words[9]}]" in sockets:
                    yield to_address(words[1])


def to_address(text: str) -> Address:
    """Return an address of /proc/net/tcp, where words of 32 bits are in the machine's order."""
    host, _, port = text.partition(":")
    raw = bytes.fromhex(host)
    raw = b"".join(
        struct.pack("!I", *struct.unpack("=I", raw[i : i + 4])) for i in range(0, len(raw), 4)
    )
    name = socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)
    return ANY.get(name, name), int(port, 16)


def is_ready(address: Address) -> bool:
    """Ask, plainly and then behind TLS; the port of gRPC says neither."""
    return any(map(says_ready, (plain(address), secure(address))))


def plain(address: Address) -> HTTPConnection:
    return HTTPConnection(*address, timeout=TIMEOUT_S)


def secure(address: Address) -> HTTPConnection:
    """Return a connection that trusts any certificate: it leads to this very container."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(*address, timeout=TIMEOUT_S, context=context)


def says_ready(connection: HTTPConnection) -> bool:
    """Return whether the other end answers that it is ready."""
    try:
        connection.request("GET", PATH)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
