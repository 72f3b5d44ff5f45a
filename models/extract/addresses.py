"""Addresses of databases: allowed schemes only, and never a password in what people read."""

import os
from pathlib import Path

import sqlalchemy
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from models.errors import BadData
from models.extract.paths import data_root, refuse_outside
from models.spec.sources import SqlSource


def database_url(source: SqlSource, root: Path) -> URL:
    """Return the checked address of a source's database.

    SQLite's file is taken from the data root.

    Raises:
        BadData: there is no address, its scheme is not allowed, or the file is elsewhere.
    """
    written = source.url or os.environ.get(source.url_env, "")
    if not written:
        raise BadData(
            f"the environment variable {source.url_env} is not set; give it the database's URL"
        )
    try:
        url = sqlalchemy.make_url(written)
    except (ArgumentError, ValueError):
        # The parser's own words hold the text, and with it a password.
        raise BadData(
            "the database's URL cannot be read; it looks like"
            " postgresql+psycopg://user:password@host:5432/base or sqlite:///file.db"
        ) from None
    if not {url.drivername, url.get_backend_name()} & set(source.schemes):
        raise BadData(
            f"databases of {url.drivername!r} are not allowed;"
            f" source.schemes allows {', '.join(source.schemes)}"
        )
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, root)
    if url.drivername == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    return url


def words(url: URL) -> str:
    """Return where a database is, without user, password and options."""
    place = url.host or ""
    if url.port is not None:
        place += f":{url.port}"
    name = Path(url.database or "").name if url.get_backend_name() == "sqlite" else url.database
    return (
        f"{url.get_backend_name()} {place}/{name}" if place else f"{url.get_backend_name()} {name}"
    )


def without_secrets(message: str, url: URL) -> str:
    """Return an error's first line without the password of an address."""
    line = message.strip().splitlines()[0] if message.strip() else "no reason given"
    secrets = [str(url.password)] if url.password else []
    # SQLite's has our own words, "ro" and "true", and they stand in many others.
    query = {} if url.get_backend_name() == "sqlite" else url.query
    for value in query.values():
        secrets += [value] if isinstance(value, str) else list(value)
    for secret in secrets:
        if secret:
            line = line.replace(secret, "***")
    return line


def _sqlite(url: URL, root: Path) -> URL:
    if url.query or not url.database or url.database.startswith(("file:", ":")):
        raise BadData(
            "a SQLite URL is sqlite:///FILE, with a file under the data root and no options"
        )
    base = data_root(root)
    file = base / url.database
    refuse_outside(base, file)
    if not file.is_file():
        raise BadData(f"the data root {root} has no database {url.database!r}")
    # Read-only by SQLite itself: a query cannot change or create anything.
    return url.set(database=f"file:{file}", query={"mode": "ro", "uri": "true"})
