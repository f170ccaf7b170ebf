"""Report of a search for the knee, as far as it is: on the screen, as `knee.json` and as `knee.html`."""

import json
from pathlib import Path
from typing import Any

from loadtest.knee import Tried, highest_kept
from loadtest.plots import load_plot
from loadtest.slo import Slo
from measuring.page import write_page

_TEMPLATE = Path(__file__).parent / "knee.html.j2"
_FORMAT = 1
"""Version of `knee.json`."""


class KneeReport:
    """Collects the runs of a search. It is written whatever ends the search."""

    def __init__(self, folder: Path, slo: Slo, slo_text: str) -> None:
        self._folder = folder
        self._slo = slo
        self._slo_text = slo_text
        self._tried: list[Tried] = []
        self._latencies: list[dict[str, float]] = []
        self._notes: list[list[str]] = []
        self._doubtful: list[float] = []

    def add(self, rate_per_s: float, report: dict[str, Any]) -> list[str]:
        """Take in a run's report, say how it went, and return which objectives it broke."""
        broken = self._slo.broken(report["figures"])
        latency = report["figures"]["latency_ms"]["all"]
        self._tried.append(Tried(rate_per_s, tuple(broken)))
        self._latencies.append(latency)
        self._notes.append(report["notes"])
        p99 = latency.get("p99", float("nan"))
        print(f"{rate_per_s:>8.1f}/s  p99 {p99:>8.1f} ms  {'; '.join(broken) or 'kept'}", flush=True)
        if report["figures"]["generator"]["doubts"]:
            self._doubtful.append(rate_per_s)
        for doubt in report["figures"]["generator"]["doubts"]:
            print(f"{'':>12}! {doubt}", flush=True)
        return broken

    def write(self) -> float | None:
        """Write both files, and return the highest rate that kept the objectives; None: none did."""
        best = highest_kept(self._tried)
        content: dict[str, Any] = {
            "format": _FORMAT,
            "highest_rate_per_s": best,
            "tried": [
                {"rate_per_s": one.rate_per_s, "broken": list(one.broken), "notes": notes}
                for one, notes in sorted(
                    zip(self._tried, self._notes, strict=True), key=lambda pair: pair[0].rate_per_s
                )
            ],
            "slo": self._slo_text,
            "doubtful_rates_per_s": self._doubtful,
        }
        (self._folder / "knee.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
        if self._tried:
            limit = self._slo.p99_ms or self._slo.p95_ms or self._slo.p90_ms or self._slo.p50_ms or 0
            plot = load_plot([one.rate_per_s for one in self._tried], self._latencies, limit)
            write_page(self._folder / "knee.html", _TEMPLATE, content, {"latency against load": plot})
            print(f"highest rate that keeps the SLO: {'none that was tried' if best is None else f'{best:.1f}/s'}")
            if self._doubtful:
                rates = ", ".join(f"{rate:.1f}" for rate in sorted(self._doubtful))
                print(f"! the generator itself was late or short of CPU at {rates}/s: the knee may lie higher")
            print(f"report: {self._folder / 'knee.html'}")
        return best
