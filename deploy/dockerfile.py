"""A Dockerfile as data: instructions and stages."""

import json
import re
from dataclasses import dataclass, field

KEYWORDS = re.compile(
    "ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|ONBUILD|RUN|SHELL|STOPSIGNAL"
    "|USER|VOLUME|WORKDIR"
)


@dataclass(frozen=True)
class Instruction:
    """One instruction, its flags (`--name=value`) taken off the front of its text."""

    line: int
    keyword: str
    flags: dict[str, str]
    text: str

    @property
    def exec_form(self) -> list[str] | None:
        """The command as a list of words, or None if a shell would have to split it."""
        text = self.text.removeprefix("CMD").strip() if self.keyword == "HEALTHCHECK" else self.text
        try:
            words = json.loads(text)
        except ValueError:
            return None
        is_list = isinstance(words, list) and all(isinstance(word, str) for word in words)
        return words if is_list and words else None


@dataclass
class Stage:
    """One FROM and what follows it; `base` is the earlier stage that it continues, if it does."""

    start: Instruction
    image: str
    name: str
    base: "Stage | None"
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, keyword: str) -> list[Instruction]:
        """Return the stage's instructions of a kind, after those that it inherits."""
        inherited = self.base.all(keyword) if self.base else []
        return inherited + [each for each in self.instructions if each.keyword == keyword]


def parse(text: str) -> list[Instruction]:
    """Return a Dockerfile's instructions; comments and continued lines are taken care of.

    Raises:
        ValueError: an instruction is not one of Docker's.
    """
    instructions = []
    lines = enumerate(text.splitlines(), start=1)
    for number, line in lines:
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        while words.endswith("\\"):
            _, following = next(lines, (0, ""))
            if not following.strip().startswith("#"):
                words = words[:-1].rstrip() + " " + following.strip()
        keyword, _, rest = words.partition(" ")
        if not KEYWORDS.fullmatch(keyword.upper()):
            raise ValueError(f"line {number}: {keyword} is no instruction")
        flags = {}
        rest = rest.strip()
        while flag := re.match(r"--([a-z-]+)(?:=(\S+))?\s+", rest):
            flags[flag[1]] = flag[2] or ""
            rest = rest[flag.end() :]
        instructions.append(Instruction(number, keyword.upper(), flags, rest))
    return instructions


def stages(instructions: list[Instruction]) -> dict[str, Stage]:
    """Return the stages by name (a nameless one by its number), in their order."""
    found: dict[str, Stage] = {}
    for each in instructions:
        if each.keyword == "FROM":
            image, _, name = re.sub(r"(?i)\s+as\s+", " ", each.text).partition(" ")
            stage = Stage(each, image, name or str(len(found)), found.get(image))
            found[stage.name] = stage
        elif found:
            next(reversed(found.values())).instructions.append(each)
    return found
