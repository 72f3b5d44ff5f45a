"""Every instruction of the Dockerfile does what it is there for, shown without an engine."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.dockerfile import Stage, parse, stages
from service.settings import Settings
from tests.deploy.builder import Builder, Ignore, image_python, settings

ROOT = Path(__file__).parents[2]
STAGES = stages(parse((ROOT / "Dockerfile").read_text()))
UID = 10001
START_S = 300.0
STOP_S = 30.0


def last(stage: Stage, keyword: str) -> str:
    return stage.all(keyword)[-1].text


def words(stage: Stage, keyword: str) -> list[str]:
    found = stage.all(keyword)[-1].exec_form
    assert found is not None
    return found


def test_a_build_without_target_needs_no_store() -> None:
    final = list(STAGES.values())[-1]
    assert final.name == "service"
    assert not any(each.text.startswith("store") for each in final.all("COPY"))
    assert any(each.text == "store /store" for each in STAGES["baked"].all("COPY"))


def test_the_image_says_what_it_is() -> None:
    labels = settings(STAGES["service"], "LABEL")
    prefix = "org.opencontainers.image."
    assert set(labels) == {prefix + name for name in ("title", "description", "licenses")}
    assert labels[prefix + "licenses"] == "Apache-2.0"


def test_the_port_is_the_same_everywhere() -> None:
    stage = STAGES["service"]
    assert last(stage, "EXPOSE") == str(Settings.model_fields["port"].default)
    # A flag or a variable of ours in the image would outrank what a platform says.
    assert not any("port" in word for word in words(stage, "ENTRYPOINT") + words(stage, "CMD"))
    assert not any(name.startswith("PERCORE_") for name in settings(stage, "ENV"))


def test_nothing_in_the_image_belongs_to_its_user() -> None:
    assert last(STAGES["baked"], "USER") == f"{UID}:{UID}"
    copies = [each for stage in STAGES.values() for each in stage.all("COPY")]
    assert copies
    assert not any("chown" in each.flags for each in copies)


def test_the_engine_stops_it_as_we_expect() -> None:
    assert last(STAGES["service"], "STOPSIGNAL") == "SIGTERM"


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("service/app.py", False),
        ("service/inference/worker.py", False),
        ("service/__pycache__/app.cpython-311.pyc", True),
        ("models/store.pyc", True),
        ("requirements/service.txt", False),
        ("requirements/dev.txt", True),
        ("store/iris/1/model.joblib", False),
        ("store/iris/.staging-17/model.joblib", True),
        ("store/.lock", True),
        (".env", True),
        (".git/config", True),
        (".venv/bin/python", True),
        ("tests/deploy/test_dockerfile.py", True),
        ("Dockerfile", True),
        ("services/app.py", True),
    ],
)
def test_the_builder_sees_only_what_is_copied(path: str, ignored: bool) -> None:
    assert Ignore((ROOT / ".dockerignore").read_text())(path) is ignored


@dataclass(frozen=True)
class Images:
    builder: Builder
    store: Path


@pytest.fixture(scope="module")
def images() -> Iterator[Images]:
    # Not below pytest's own folder: that one is closed to other users.
    top = Path(tempfile.mkdtemp(prefix="percore-image-"))
    top.chmod(0o755)
    try:
        context = top / "context"
        context.mkdir()
        for name in ("Dockerfile", ".dockerignore"):
            shutil.copy(ROOT / name, context)
        for name in ("service", "models", "requirements"):
            shutil.copytree(ROOT / name, context / name)
        (context / "store" / "iris" / ".staging-1").mkdir(parents=True)
        (context / "store" / "iris" / ".staging-1" / "half.joblib").touch()
        (context / ".env").write_text("a secret")
        store = str(context / "store")
        train = [sys.executable, "-m", "models", "train", "iris", "--store", store]
        subprocess.run(train, cwd=ROOT, check=True, timeout=300)
        builder = Builder(context, top / "stages", image_python(top / "python"))
        for stage in STAGES.values():
            builder.build(stage)
        subprocess.run(["chmod", "-R", "a-w,a+rX", top / "stages", context], check=True)
        yield Images(builder, context / "store")
    finally:
        subprocess.run(["chmod", "-R", "u+w", top], check=True)
        shutil.rmtree(top)


def user() -> int | None:
    """Return the image's uid if we may become it; an ordinary user runs the image as itself."""
    return UID if os.getuid() == 0 else None


def place(root: Path, store: Path, command: list[str]) -> list[str]:
    """Put an image's command into our folders: paths below `root`, and a store."""
    known = {"/store": str(store)}
    return [known.get(word, f"{root}{word}" if word.startswith("/") else word) for word in command]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def environment(images: Images) -> dict[str, str]:
    """Return what a process in the container finds set, and where our Python's library lies."""
    library = {"LD_LIBRARY_PATH": str(images.builder.python_bin.parent / "lib")}
    return {"PATH": "/usr/bin:/bin", "HOME": "/"} | library | settings(STAGES["service"], "ENV")


def is_healthy(images: Images, name: str) -> bool:
    """Run the image's health check as its user; it says nothing but yes or no."""
    root = images.builder.root(name)
    command = place(root, root, words(STAGES[name], "HEALTHCHECK"))
    done = subprocess.run(
        command,
        env=environment(images),
        user=user(),
        group=user(),
        extra_groups=[] if user() else None,
        capture_output=True,
        timeout=10,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0


@contextmanager
def container(
    images: Images, name: str, *flags: str, variable: str = "PERCORE_PORT"
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a stage as an engine would: its user, its environment only, nothing to write to.

    Args:
        images: the built stages.
        name: of the stage.
        flags: behind the image's own.
        variable: says the port.
    """
    stage, root, port = STAGES[name], images.builder.root(name), free_port()
    store = root / "store" if name == "baked" else images.store
    process = subprocess.Popen(
        [*place(root, store, words(stage, "ENTRYPOINT") + words(stage, "CMD")), *flags],
        cwd=f"{root}{last(stage, 'WORKDIR')}",
        env=environment(images) | {variable: str(port)},
        user=user(),
        group=user(),
        extra_groups=[] if user() else None,
        stdin=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_S
        while not is_healthy(images, name):
            assert process.poll() is None, "the service ended"
            assert time.monotonic() < deadline, "the service did not become healthy"
            time.sleep(0.1)
        yield process, port
    finally:
        process.kill()
        process.wait()


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_only_what_runs_is_in_the_image(images: Images) -> None:
    root = images.builder.root("service")
    assert {path.name for path in root.iterdir()} == {"app"}
    assert {path.name for path in (root / "app").iterdir()} == {".venv", "models", "service"}
    programs = {path.name for path in (root / "app" / ".venv" / "bin").iterdir()}
    assert not {"pip", "pytest", "ruff"} & programs
    for package in ("service", "models"):
        there = {
            str(path.relative_to(root / "app" / package))
            for path in (root / "app" / package).rglob("*.py")
        }
        assert there == {
            str(path.relative_to(ROOT / package)) for path in (ROOT / package).rglob("*.py")
        }


@pytest.mark.integration
def test_everything_is_compiled(images: Images) -> None:
    app = images.builder.root("service") / "app"
    sources = [*app.glob("models/**/*.py"), *app.glob("service/**/*.py")]
    sources += app.glob(".venv/lib/*/site-packages/uvicorn/*.py")
    assert len(sources) > 20
    for path in sources:
        assert list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")), path


@pytest.mark.integration
def test_the_baked_store_is_the_visible_one(images: Images) -> None:
    store = images.builder.root("baked") / "store"
    assert (store / "iris" / "1" / "model.joblib").is_file()
    assert not list(store.rglob(".*"))
    assert not (images.builder.root("service") / "store").exists()


@pytest.mark.integration
def test_the_health_check_fails_where_nothing_answers(images: Images) -> None:
    assert not is_healthy(images, "service")


@pytest.mark.integration
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ["service", "baked"])
def test_the_container_serves_and_stops_on_sigterm(images: Images, name: str) -> None:
    with container(images, name) as (process, port):
        url = f"http://127.0.0.1:{port}/v1/models/iris"
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.status == 200
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert f"\nUid:\t{user() or os.getuid()}\t" in status
        process.terminate()
        assert process.wait(timeout=STOP_S) == 0


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_the_port_that_vertex_ai_says_is_the_port(images: Images) -> None:
    with container(images, "service", variable="AIP_HTTP_PORT") as (_, port):  # noqa: SIM117
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=10) as answer:
            assert answer.status == 200


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_the_health_check_finds_a_service_behind_tls(images: Images) -> None:
    folder = images.store.parent.parent
    pem = folder / "tls.pem"
    command: list[str | Path] = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-keyout", pem, "-out", folder / "cert.pem",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    pem.write_text(pem.read_text() + (folder / "cert.pem").read_text())
    pem.chmod(0o644)
    with container(images, "service", f"--tls-cert={pem}") as (process, port):
        context = ssl._create_unverified_context()
        url = f"https://127.0.0.1:{port}/health/ready"
        with urllib.request.urlopen(url, timeout=10, context=context) as answer:
            assert answer.status == 200
        process.terminate()
        assert process.wait(timeout=STOP_S) == 0
    assert not is_healthy(images, "service")
