"""Collects what came back from fuzzing, and says what of it is wrong."""

import sys
from collections import Counter
from dataclasses import dataclass, field

from checks.fuzz.call import Call
from checks.fuzz.leaks import leak_in
from checks.fuzz.requests import WELL_FORMED
from checks.fuzz.sending import CLOSED, NO_ANSWER, NOT_CONNECTED, Outcome, announces_more

REFUSALS = frozenset({
    "INVALID_ARGUMENT", "PERMISSION_DENIED", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED",
    "FAILED_PRECONDITION", "OUT_OF_RANGE", "NOT_FOUND",
})  # fmt: skip
"""Codes that say that a request is not taken, by a rule of the server's, of a door's or of a gateway's."""
_HANGS = frozenset({"DEADLINE_EXCEEDED", NO_ANSWER})
LOST = frozenset({"UNAVAILABLE", "CANCELLED", CLOSED, NOT_CONNECTED})
"""Codes that come back where a process ended meanwhile; and also where it did not."""
_MOST_LIMITED_RATIO = 0.1
_MOST_LEAKS = 20


@dataclass
class Findings:
    """Outcomes of a run so far."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Number of requests by kind and by the code that came back."""
    messages: Counter[str] = field(default_factory=Counter)
    """Number of refusals by code and the first 60 characters of their messages."""
    leaks: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def add(self, call: Call, outcome: Outcome) -> None:
        code, message = outcome
        self.outcomes[call.kind, code] += 1
        if code != "OK" and message:
            self.messages[f"{code}: {message[:60]}"] += 1
        if problem := problem_of(call, outcome):
            self.problems.append(problem)
        if leak_in(message) and (leak := leak_in(message, call.content())):
            self.leaks.add(f"{call.kind}, {code}: {leak!r} in {message[:300]!r}")


def problem_of(call: Call, outcome: Outcome) -> str | None:
    """Say what is wrong with an answer, whoever is asked; None: nothing.

    Whether a process ended is not seen here.
    """
    code, message = outcome
    if code in _HANGS and not announces_more(call):
        return f"{call.kind}: neither answered nor refused: {code} {message[:200]!r}"
    if call.kind in WELL_FORMED and code not in REFUSALS | LOST | {"OK"}:
        return f"{call.kind}: {code}: {message[:300]!r}"
    return None


def report(findings: Findings) -> int:
    """Print what came back, and what of it is wrong.

    Returns:
        An exit status: 0 where nothing is wrong.
    """
    codes = sorted({code for _, code in findings.outcomes})
    for kind in sorted({kind for kind, _ in findings.outcomes}):
        counts = (f"{code} {findings.outcomes[kind, code]:,}" for code in codes if findings.outcomes[kind, code])
        print(f"{kind:18}{', '.join(counts)}")
    total = findings.outcomes.total()
    print(f"{total:,} requests; the most frequent refusals:")
    for message, times in findings.messages.most_common(12):
        print(f"  {times:8,}  {message}")
    limited = sum(times for (_, code), times in findings.outcomes.items() if code == "RESOURCE_EXHAUSTED")
    if limited > _MOST_LIMITED_RATIO * total:
        findings.problems.append(
            f"{limited:,} of {total:,} requests were refused with RESOURCE_EXHAUSTED and so tried nothing: raise the "
            "rate that this key may ask at"
        )
    for problem in [*findings.problems, *sorted(findings.leaks)[:_MOST_LEAKS]]:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if findings.problems or findings.leaks else 0
