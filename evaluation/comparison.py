"""What changed between two evaluations, beyond chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from command_line.errors import UsageError
from evaluation.accuracy import SECTION, Graded, by_group
from evaluation.open_questions import grade_rows
from evaluation.report import read_report

if TYPE_CHECKING:
    from evaluation.compare import CompareOptions

LEAST_P = 0.05


@dataclass(frozen=True)
class Change:
    section: str
    name: str
    before: float
    after: float
    p_value: float | None
    """Probability of so large a difference by chance; None: the figure is not a share."""
    paired: bool = False
    """True if both runs asked the same questions, which tells more."""

    @property
    def is_beyond_chance(self) -> bool:
        return self.p_value is not None and self.p_value < LEAST_P


def changes(before: dict[str, Any], after: dict[str, Any], asked: tuple[list[Graded], list[Graded]]) -> list[Change]:
    """Compare every figure that both reports have.

    Args:
        before, after: contents of `report.json`.
        asked: the open questions of both.
    """
    paired = _paired_p_values(*asked)
    old = {(row["section"], row["name"]): row for row in before["figures"]}
    found = []
    for row in after["figures"]:
        key = row["section"], row["name"]
        if key in old:
            p_value = paired.get(row["name"]) if row["section"] == SECTION else None
            found.append(
                Change(
                    *key,
                    old[key]["value"],
                    row["value"],
                    _unpaired_p_value(old[key], row) if p_value is None else p_value,
                    p_value is not None,
                )
            )
    return found


def _paired_p_values(before: Sequence[Graded], after: Sequence[Graded]) -> dict[str, float]:
    """McNemar's exact test, by group; nothing where the questions differ."""
    from scipy.stats import binomtest

    if [_key(row) for row in before] != [_key(row) for row in after]:
        return {}
    groups = zip(by_group(before).items(), by_group(after).values(), strict=True)
    p_values = {}
    for (name, old), new in groups:
        lost = sum(a.right and not b.right for a, b in zip(old, new, strict=True))
        won = sum(b.right and not a.right for a, b in zip(old, new, strict=True))
        p_values[name] = float(binomtest(won, won + lost).pvalue) if won + lost else 1.0
    return p_values


def _unpaired_p_value(before: dict[str, Any], after: dict[str, Any]) -> float | None:
    """Fisher's exact test of two shares."""
    from scipy.stats import fisher_exact

    if not before["of"] or not after["of"]:
        return None
    counts = [(round(row["value"] * row["of"]), row["of"]) for row in (before, after)]
    return float(fisher_exact([[hits, of - hits] for hits, of in counts]).pvalue)


def changes_table(found: Sequence[Change]) -> str:
    lines, section = [], ""
    for change in found:
        if change.section != section:
            section = change.section
            lines += ["", section]
        scale, unit = (1, "") if change.p_value is None else (100, " %")
        paired = " (paired)" if change.paired else ""
        p_value = "" if change.p_value is None else f"p {_p_value_text(change.p_value)}{paired}"
        verdict = "  <- beyond chance" if change.is_beyond_chance else ""
        before, after = scale * change.before, scale * change.after
        figures = f"{before:>9.3f} {after:>9.3f}{unit:<2} {after - before:>+9.3f}"
        lines.append(f"  {change.name:<44}{figures}  {p_value}{verdict}".rstrip())
    return "\n".join(lines)


def _key(row: Graded) -> tuple[str, ...]:
    return row.photo, row.question, row.kind, row.language


def _p_value_text(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def compare(options: "CompareOptions") -> int:
    """Print what changed between two evaluations. Returns the exit status."""
    try:
        (before, rows_before), (after, rows_after) = read_report(options.before), read_report(options.after)
    except (OSError, ValueError) as error:
        raise UsageError(f"not a finished evaluation: {error}") from error
    found = changes(before, after, (grade_rows(rows_before), grade_rows(rows_after)))
    print(changes_table(found).lstrip("\n"))
    return 0
