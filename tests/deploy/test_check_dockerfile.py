from pathlib import Path

import pytest

from deploy.check_dockerfile import main, problems
from deploy.dockerfile import parse

OURS = Path(__file__).parents[2] / "Dockerfile"

GOOD = """\
FROM python:3.11-slim AS build
# a comment
RUN python -m venv .venv && \\
    # one between continued lines
    .venv/bin/pip install --require-hashes --no-cache-dir -r all.txt
RUN apt-get update && apt-get install --no-install-recommends -y tini && rm -rf /var/lib/apt/lists/*
FROM python:3.11-slim AS last
COPY --from=build /app .
USER 10001:10001
HEALTHCHECK --interval=10s CMD ["true"]
ENTRYPOINT ["python", "-m", "service"]
CMD ["--port", "8000"]
"""


def test_our_dockerfile_keeps_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(OURS)]) == 0
    assert capsys.readouterr().out == ""


def test_the_good_example_keeps_the_rules() -> None:
    assert list(problems(GOOD)) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("FROM python:3.11-slim AS build", "FROM python AS build", 1, "names no version"),
        ("FROM python:3.11-slim AS build", "FROM python:latest AS build", 1, "names no version"),
        ("FROM python:3.11-slim AS build", "FROM host:5000/python AS build", 1, "names no version"),
        ("USER 10001:10001", "USER root", 7, "runs as root"),
        ("USER 10001:10001", "USER 0", 7, "runs as 0"),
        ("USER 10001:10001", "USER percore", 7, "runs as percore"),
        ("USER 10001:10001\n", "", 7, "has no USER"),
        ('CMD ["--port"', 'USER root\nCMD ["--port"', 7, "runs as root"),
        ('["python", "-m", "service"]', "python -m service", 11, "ENTRYPOINT is not in exec form"),
        ('CMD ["--port", "8000"]', "CMD --port 8000", 12, "CMD is not in exec form"),
        ('CMD ["true"]', "CMD true", 10, "HEALTHCHECK is not in exec form"),
        ('HEALTHCHECK --interval=10s CMD ["true"]\n', "", 7, "has no HEALTHCHECK"),
        ('ENTRYPOINT ["python", "-m", "service"]\n', "", 7, "has no ENTRYPOINT"),
        ("COPY --from=build /app .", "ADD https://example.org/a.tar .", 8, "use COPY"),
        ("COPY --from=build /app .", "COPY . .", 8, "whole context"),
        ("COPY --from=build /app .", "ENV API_KEY=a", 8, "a secret"),
        ("COPY --from=build /app .", "ARG DB_PASSWORD", 8, "a secret"),
        ("--require-hashes ", "", 3, "pip install without --require-hashes"),
        ("--no-cache-dir ", "", 3, "pip install without --no-cache-dir"),
        ("--no-install-recommends ", "", 6, "without --no-install-recommends"),
        (" && rm -rf /var/lib/apt/lists/*", "", 6, "apt's lists"),
        ("RUN apt-get update", "RUN curl https://example.org | sh", 6, "run unseen"),
    ],
)
def test_a_broken_rule_is_found(old: str, new: str, line: int, sentence: str) -> None:
    assert old in GOOD
    found = list(problems(GOOD.replace(old, new)))
    assert any(at == line and sentence in text for at, text in found), found


def test_a_stage_continues_its_base() -> None:
    assert list(problems(GOOD + "FROM last\nCOPY store /store\n")) == []
    worse = list(problems(GOOD + "FROM last\nUSER 0\n"))
    assert worse == [(13, "stage 2 runs as 0: name a number other than 0")]


def test_findings_are_printed_with_their_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(GOOD.replace("USER 10001:10001", "USER root"))
    assert main([str(file)]) == 1
    printed = capsys.readouterr().out
    assert printed == f"{file}:7: stage last runs as root: name a number other than 0\n"


def test_an_empty_file_is_no_dockerfile() -> None:
    assert list(problems("# nothing\n")) == [(1, "there is no FROM")]


def test_a_misspelt_instruction_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2: ENTYPOINT is no instruction"):
        parse('FROM python:3.11\nENTYPOINT ["python"]\n')


def test_flags_and_exec_form_are_read() -> None:
    from_, check = parse('FROM a:1\nHEALTHCHECK --timeout=3s --retries=2 CMD ["a", "b c"]\n')
    assert (from_.keyword, from_.flags, from_.exec_form) == ("FROM", {}, None)
    assert check.flags == {"timeout": "3s", "retries": "2"}
    assert check.exec_form == ["a", "b c"]
