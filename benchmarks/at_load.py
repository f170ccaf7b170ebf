"""Latency of a server that is asked at a steady rate, by the load test (`python -m loadtest`)."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LOAD_RATIO = 0.7
"""Share of the highest throughput that was measured."""
_SCENARIO = "name: new photos\n"
_WARM_UP_S = 5


@dataclass(frozen=True)
class AtLoad:
    rate_per_s: float
    p50_ms: float
    p99_ms: float
    requests: int
    error_ratio: float


def measure_at(url: str, rate_per_s: float, seconds: float, photos: Sequence[bytes]) -> AtLoad:
    """Ask one question about each new photo, at random distances, for some seconds after a warm-up.

    Args:
        seconds: raised until a hundred requests are due, so that there is a p99.
        photos: JPEG files; each is sent with other bytes behind its end each time.

    Raises:
        RuntimeError: the load test failed; with its reason.
    """
    duration_s = max(seconds, 100 / rate_per_s) + _WARM_UP_S
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "new.yaml").write_text(_SCENARIO, "utf-8")
        (folder / "photos").mkdir()
        for number, photo in enumerate(photos):
            (folder / "photos" / f"{number:04}.jpg").write_bytes(photo)
        command = [sys.executable, "-m", "loadtest", "run", "--url", url, "--scenario", str(folder / "new.yaml")]
        command += ["--rate", f"{rate_per_s:.3f}", "--duration", f"{duration_s:.0f}", "--warm-up", str(_WARM_UP_S)]
        command += ["--timeout", "60", "--photos", str(folder / "photos"), "--output", str(folder / "run")]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"the load test at {rate_per_s:.1f} a second failed: {done.stderr.strip()[-500:]}")
        figures = json.loads((folder / "run" / "report.json").read_text("utf-8"))["figures"]
    latency = figures["latency_ms"]["all"]
    return AtLoad(rate_per_s, latency["p50"], latency["p99"], figures["requests"], figures["error_ratio"])
