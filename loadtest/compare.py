"""Changes between two runs, beyond what chance explains."""

from dataclasses import dataclass
from typing import Any

LEAST_BLOCKS = 5
_ALPHA = 0.01
_LEAST_CHANGE = 0.02  # less than this share is no change, however sure


@dataclass(frozen=True)
class Change:
    """Figure of two runs, and how likely its change is by chance."""

    name: str
    before: float
    after: float
    p_value: float
    """Probability of so large a change by chance, from Mann and Whitney's test over the stretches of both runs."""

    @property
    def is_beyond_noise(self) -> bool:
        return self.p_value < _ALPHA and abs(self.after - self.before) > _LEAST_CHANGE * abs(self.before)


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Compare the main figures of two runs.

    Args:
        before, after: contents of `report.json`.

    Raises:
        ValueError: a run is too short to know its own noise, or the loops differ.
    """
    from scipy.stats import mannwhitneyu

    if before["loop"] != after["loop"]:
        raise ValueError("one run is an open loop and the other a closed one: their figures mean different things")
    for content in (before, after):
        if len(content["blocks"]) < LEAST_BLOCKS:
            raise ValueError(f"a run has {len(content['blocks'])} stretches with requests; {LEAST_BLOCKS} are needed")
    found = []
    for name in ("p50", "p99", "achieved_rate_per_s", "error_ratio"):
        old, new = ([block[name] for block in content["blocks"]] for content in (before, after))
        p_value = 1.0 if old == new else float(mannwhitneyu(old, new).pvalue)
        figures = [
            content["figures"]["latency_ms"]["all"][name] if name.startswith("p") else content["figures"][name]
            for content in (before, after)
        ]
        found.append(Change(name, figures[0], figures[1], p_value))
    return found


def comparison(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Format the changes as text, and say in what the two runs were not alike."""
    lines = []
    if different := _differences(before, after):
        lines.append(f"not the same test: other {', '.join(different)}")
    lines.append(f"{'':<22}{'before':>10}{'after':>10}")
    units = {
        "p50": "p50, ms",
        "p99": "p99, ms",
        "achieved_rate_per_s": "achieved a second",
        "error_ratio": "error ratio",
    }
    for change in changes(before, after):
        verdict = "  <- beyond noise" if change.is_beyond_noise else ""
        p_value = "< 0.001" if change.p_value < 0.001 else f"{change.p_value:.3f}"
        lines.append(f"{units[change.name]:<22}{change.before:>10.2f}{change.after:>10.2f}  p {p_value}{verdict}")
    return "\n".join(lines)


def _differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    old, new = ({**content["settings"], "data": content["data_sha256"]} for content in (before, after))
    return sorted(name for name in old if name not in ("url", "photo_salt") and old[name] != new.get(name))
