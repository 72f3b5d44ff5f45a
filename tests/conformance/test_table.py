"""Percore answers what the table expects, and the table notices a server that does not."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.conformance.conftest import ARRAYS, PRESETS
from tests.conformance.run import Outcome, run_case
from tests.conformance.subject import Subject
from tests.conformance.table import CASES, Case
from tests.conformance.transport import Ask, Reply
from tests.integration.server import ROOT, Service, serving

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

Spoil = Callable[[Ask, Reply], Reply]


def url(service: Service) -> str:
    host, port = service.address
    return f"http://{host}:{port}"


@pytest.fixture(scope="session")
def subjects(service: Service) -> dict[str, Subject]:
    return {name: Subject(url(service), name) for name in (*PRESETS, *ARRAYS)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.section}: {case.name}")
@pytest.mark.parametrize("model", [*PRESETS, *ARRAYS])
def test_percore(subjects: dict[str, Subject], model: str, case: Case) -> None:
    outcome = run_case(case, subjects[model])
    assert outcome.verdict in {"passed", "not asked"}, outcome.why


def test_every_line_is_asked_of_some_model(subjects: dict[str, Subject]) -> None:
    for case in CASES:
        found = {run_case(case, subject).verdict for subject in subjects.values()}
        assert "passed" in found, (case.section, case.name)


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tests.conformance", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | {"COLUMNS": "160"},
    )  # fmt: skip


def test_the_command_prints_a_table(service: Service) -> None:
    done = command(url(service), "--model", "iris", "--model", "truth")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "negative shape" in done.stdout
    assert " 0 failed" in done.stdout


def test_the_command_prints_json(service: Service) -> None:
    done = command(url(service), "--model", "iris", "--json")
    assert done.returncode == 0
    lines = json.loads(done.stdout)["iris"]
    assert [line["case"] for line in lines] == [case.name for case in CASES]
    assert {line["verdict"] for line in lines} == {"passed", "not asked"}


def test_the_command_fails_for_a_model_that_is_not_there(service: Service) -> None:
    done = command(url(service), "--model", "tulip")
    assert done.returncode == 1


def test_the_command_fails_if_nobody_listens() -> None:
    done = command("http://127.0.0.1:9", "--model", "iris")
    assert done.returncode == 1
    assert "no answer" in done.stdout


def test_a_key_goes_with_every_request(store: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"tests:{sha256(b'a key for tests').hexdigest()}\n")
    flags = ["--workers=1", "--drain-delay-s=0", f"--api-keys-file={keys}"]
    with serving(store, tmp_path, *flags) as guarded:
        where = [url(guarded), "--model", "iris"]
        assert command(*where).returncode == 1
        done = command(*where, "--header", "Authorization: Bearer a key for tests")
        assert done.returncode == 0, done.stdout


def test_help_has_an_example() -> None:
    done = command("--help")
    assert done.returncode == 0
    assert "--model digits" in done.stdout


def test_an_example_takes_the_place_of_metadata(service: Service) -> None:
    example = {
        "inputs": [{"name": "input", "shape": [2, 3], "datatype": "FP64", "data": [1.5] * 6}]
    }
    subject = Subject(url(service), "pair", example)
    (tensor,) = subject.inputs()
    assert tensor.values == [1.5] * 6
    assert subject.baseline["predict"].shape == (2, 2)


class Spoiled(Subject):
    """A server that does one thing wrong."""

    def __init__(self, service: Service, model: str, spoil: Spoil) -> None:
        super().__init__(url(service), model)
        self._spoil = spoil

    def send(self, ask: Ask) -> Reply:
        return self._spoil(ask, super().send(ask))


def failed(subject: Subject) -> set[str]:
    found: list[Outcome] = [run_case(case, subject) for case in CASES]
    return {f"{case.section}: {case.name}" for case, verdict, _ in found if verdict == "failed"}


def change_json(reply: Reply, **keys: object) -> Reply:
    return reply._replace(body=json.dumps(reply.json() | keys).encode())


def errors_in_another_form(ask: Ask, reply: Reply) -> Reply:
    return reply if reply.status < 400 else reply._replace(body=b'{"detail": "wrong"}')


def errors_with_more_keys(ask: Ask, reply: Reply) -> Reply:
    return reply if reply.status < 400 else change_json(reply, code="unreadable")


def defects_for_refusals(ask: Ask, reply: Reply) -> Reply:
    return reply._replace(status=500) if reply.status == 400 else reply


@pytest.mark.parametrize("spoil", [errors_in_another_form, errors_with_more_keys])
def test_wrong_errors_are_noticed(service: Service, spoil: Spoil) -> None:
    wanted = {f"{case.section}: {case.name}" for case in CASES if case.section == "refused"}
    wanted -= {"refused: no such model", "refused: no such version", "refused: wrong method"}
    assert wanted <= failed(Spoiled(service, "students", spoil))


def taken_for_right(ask: Ask, reply: Reply) -> Reply:
    return reply._replace(status=200) if reply.status >= 400 else reply


def test_refusals_with_status_200_are_noticed(service: Service) -> None:
    found = failed(Spoiled(service, "iris", taken_for_right))
    refused = {f"{case.section}: {case.name}" for case in CASES if case.section == "refused"}
    not_asked, left_open = "refused: an input is missing", "refused: no rows"
    assert refused - {not_asked, left_open} <= found
    assert "metadata: no such path" in found


def differing(subject: Subject) -> set[str]:
    found = [run_case(case, subject) for case in CASES]
    assert not [one for one in found if one.verdict == "failed"]
    return {f"{case.section}: {case.name}" for case, verdict, _ in found if verdict == "differs"}


def test_what_the_protocol_leaves_open_differs(service: Service) -> None:
    """An error's status is "typically 400"; of other paths and methods it says nothing."""
    assert "refused: no JSON" in differing(Spoiled(service, "iris", defects_for_refusals))

    def other_form(ask: Ask, reply: Reply) -> Reply:
        unknown = reply.status == 405 or ask.path == "/v2/no_such_path"
        return reply._replace(body=b'{"detail": "wrong"}') if unknown else reply

    wanted = {"metadata: no such path", "metadata: wrong method", "refused: wrong method"}
    assert wanted <= differing(Spoiled(service, "iris", other_form))

    def moved(ask: Ask, reply: Reply) -> Reply:
        return reply._replace(status=307) if ask.path == "/v2/" else reply

    assert differing(Spoiled(service, "iris", moved)) == {"metadata: server, with a slash"}


def test_an_id_that_does_not_come_back_is_noticed(service: Service) -> None:
    def spoil(ask: Ask, reply: Reply) -> Reply:
        return change_json(reply, id="another") if b'"id"' in reply.body[:200] else reply

    assert "infer: id comes back" in failed(Spoiled(service, "diabetes", spoil))


def test_another_answer_is_noticed(service: Service) -> None:
    def spoil(ask: Ask, reply: Reply) -> Reply:
        if "Content-Type" in ask.headers or b'"data":[' not in reply.body:
            return reply
        said = reply.json()
        said["outputs"][0]["data"][0] += 1e-9
        return change_json(reply, **said)

    assert "infer: flat data" in failed(Spoiled(service, "diabetes", spoil))


def test_statistics_that_do_not_grow_are_noticed(service: Service) -> None:
    kept: dict[str, Reply] = {}

    def spoil(ask: Ask, reply: Reply) -> Reply:
        return kept.setdefault(ask.path, reply) if ask.path.endswith("/stats") else reply

    assert failed(Spoiled(service, "iris", spoil)) == {"statistics: grow by what was asked"}


def test_a_status_that_differs_is_no_failure(service: Service) -> None:
    def spoil(ask: Ask, reply: Reply) -> Reply:
        return reply._replace(status=400) if reply.status == 404 else reply

    subject = Spoiled(service, "iris", spoil)
    outcomes = [run_case(case, subject) for case in CASES]
    assert {one.verdict for one in outcomes} == {"passed", "differs", "not asked"}
