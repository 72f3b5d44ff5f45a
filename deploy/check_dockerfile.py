"""Hold a Dockerfile to the house's rules: python -m deploy.check_dockerfile [FILE …].

Prints one line a finding, `file:line: sentence`, and exits with 1 if there is any.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.dockerfile import Instruction, Stage, parse, stages

_SECRET = re.compile(r"(?i)passw(or)?d|secret|token|api_?key|credential|private_?key")
_PIP_INSTALL = re.compile(r"\bpip3?\b[^&|;]*?\binstall\b[^&|;]*")
_APT_INSTALL = re.compile(r"\bapt(?:-get)?\b[^&|;]*?\binstall\b[^&|;]*")


def problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and sentence for every rule that a Dockerfile breaks."""
    instructions = parse(text)
    by_name = stages(instructions)
    for each in instructions:
        yield from ((each.line, sentence) for sentence in _of_instruction(each))
    if not by_name:
        yield 1, "there is no FROM"
        return
    for stage in by_name.values():
        yield from ((stage.start.line, sentence) for sentence in _of_stage(stage))
    for keyword in ("ENTRYPOINT", "HEALTHCHECK", "USER"):
        if not stage.all(keyword):
            yield stage.start.line, f"the last stage has no {keyword}"


def _of_instruction(each: Instruction) -> Iterator[str]:
    if each.keyword in ("ENTRYPOINT", "CMD", "HEALTHCHECK") and each.exec_form is None:
        yield f'{each.keyword} is not in exec form, ["program", "argument"]: signals go astray'
    if each.keyword == "ADD":
        yield "ADD fetches and unpacks: use COPY"
    if each.keyword == "COPY" and "from" not in each.flags and each.text.split()[0] in (".", "./"):
        yield "COPY of the whole context: name what is needed"
    if each.keyword in ("ENV", "ARG") and _SECRET.search(each.text):
        yield f"{each.keyword} seems to hold a secret: images keep them for good"
    if each.keyword != "RUN":
        return
    for install in _PIP_INSTALL.finditer(each.text):
        for option in ("--require-hashes", "--no-cache-dir"):
            if option not in install[0]:
                yield f"pip install without {option}"
    for install in _APT_INSTALL.finditer(each.text):
        if "--no-install-recommends" not in install[0]:
            yield "apt-get install without --no-install-recommends"
        if not re.search(r"rm -rf? /var/lib/apt/lists", each.text):
            yield "apt's lists stay in the layer: rm -rf /var/lib/apt/lists/* in the same RUN"
    if re.search(r"\b(curl|wget)\b[^;&]*\|\s*(ba)?sh\b", each.text):
        yield "a script from the network is run unseen"


def _of_stage(stage: Stage) -> Iterator[str]:
    name = stage.image.rpartition("/")[2]
    if stage.base is None and name != "scratch" and "@sha256:" not in name:
        tag = name.partition(":")[2]
        if tag in ("", "latest"):
            yield f"FROM {stage.image} names no version"
    users = stage.all("USER")
    if stage.all("ENTRYPOINT") and users:
        user = users[-1].text.partition(":")[0]
        if not user.isdecimal() or int(user) == 0:
            yield f"stage {stage.name} runs as {user}: name a number other than 0"


def main(paths: list[str]) -> int:
    """Check the files and return the exit code."""
    found = 0
    for path in paths or ["Dockerfile"]:
        for line, sentence in sorted(problems(Path(path).read_text())):
            found += 1
            sys.stdout.write(f"{path}:{line}: {sentence}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
