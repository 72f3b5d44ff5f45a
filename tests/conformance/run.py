"""Running the table against one model."""

import http.client
from collections.abc import Iterator
from typing import Literal, NamedTuple

from tests.conformance.checks import Differs, Failed
from tests.conformance.subject import Inapplicable, Subject
from tests.conformance.table import CASES, Case

Verdict = Literal["passed", "differs", "failed", "not asked"]


class Outcome(NamedTuple):
    """What came of one line of the table."""

    case: Case
    verdict: Verdict
    why: str = ""


def run_case(case: Case, subject: Subject) -> Outcome:
    """Ask what a line asks, and judge the answer."""
    verdict: Verdict = "failed"
    try:
        if case.extension is not None and case.extension not in subject.extensions:
            raise Inapplicable(f"the server does not list {case.extension}")  # noqa: TRY301
        case.run(subject)
        return Outcome(case, "passed")
    except Inapplicable as found:
        verdict, why = "not asked", str(found)
    except Differs as found:
        verdict, why = "differs", str(found)
    except Failed as found:
        why = str(found)
    except (OSError, http.client.HTTPException) as found:
        why = f"no answer: {found!r:.120}"
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as found:
        why = f"an answer of another form: {found!r:.120}"
    return Outcome(case, verdict, why)


def run_table(subject: Subject) -> Iterator[Outcome]:
    """Run every line, in order."""
    return (run_case(case, subject) for case in CASES)
