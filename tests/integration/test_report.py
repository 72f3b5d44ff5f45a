"""The report of a version: linked, served as it was published, and harmless."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import copy_version
from tests.integration.refusals import refused
from tests.integration.server import Service, serving
from tests.integration.wire import get

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PAGE = "<!doctype html><p>Grüße aus dem Bericht</p><script>alert(1)</script>".encode()
PATH = "/v1/models/iris/versions/{}/report"


def _give_report(store: Path, version: int, page: bytes = PAGE) -> None:
    folder = store / "iris" / str(version)
    (folder / "report").mkdir()
    (folder / "report" / "index.html").write_bytes(page)
    manifest = json.loads((folder / "manifest.json").read_text())
    entry = {"sha256": hashlib.sha256(PAGE).hexdigest(), "size_bytes": len(PAGE)}
    manifest["files"]["report/index.html"] = entry
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture(scope="module")
def reported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve iris: 1 has a report, 2 none, 3 a longer one, 4 another one, 5 a link, 6 a stray."""
    folder = tmp_path_factory.mktemp("reported")
    store = folder / "store"
    shutil.copytree(trained / "iris", store / "iris")
    for version in range(2, 7):
        copy_version(store, ("iris", 1), ("iris", version))
    _give_report(store, 1)
    _give_report(store, 3, PAGE + b"<p>more")
    _give_report(store, 4, PAGE.replace(b"alert(1)", b"alert(2)"))
    _give_report(store, 5)
    elsewhere = folder / "elsewhere.html"
    elsewhere.write_bytes(PAGE)
    linked = store / "iris" / "5" / "report" / "index.html"
    linked.unlink()
    linked.symlink_to(elsewhere)
    (store / "iris" / "6" / "report").mkdir()
    (store / "iris" / "6" / "report" / "index.html").write_bytes(PAGE)
    with serving(store, folder, "--workers", "1") as running:
        yield running


def test_it_is_linked_and_served(reported: Service) -> None:
    told = get(reported.address, "/v1/models/iris").json()["production"]["report"]
    assert told == PATH.format(1)
    reply = get(reported.address, told)
    assert reply.status == 200
    assert reply.body == PAGE
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["x-content-type-options"] == "nosniff"
    policy = reply.headers["content-security-policy"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_there_is_no_link_without_one(service: Service) -> None:
    assert get(service.address, "/v1/models/iris").json()["production"]["report"] is None
    refused(get(service.address, PATH.format(1)), 404, "no_report")


@pytest.mark.parametrize("version", [2, 3, 4, 5, 6])
def test_only_what_was_published_is_served(reported: Service, version: int) -> None:
    refused(get(reported.address, PATH.format(version)), 404, "no_report")


@pytest.mark.parametrize("version", ["7", "0", "-1", "1.0", "%D9%A1", "production", "9" * 4000])
def test_versions_that_there_are_not(reported: Service, version: str) -> None:
    refused(get(reported.address, PATH.format(version)), 404, "version_not_found")


@pytest.mark.parametrize("name", ["nobody", "..", "%2e%2e%2firis", "iris/..", "iris%00"])
def test_names_that_there_are_not(reported: Service, name: str) -> None:
    refused(get(reported.address, f"/v1/models/{name}/versions/1/report"), 404)
