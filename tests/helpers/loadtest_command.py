"""The load test as its users call it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MODULE = [sys.executable, "-m", "loadtest"]
Started = Callable[..., tuple[str, subprocess.Popen]]
"""Starts a fake server with the given options; gives its address and process."""


def run_command(folder: Path, url: str, *arguments: str) -> list[str]:
    return [*MODULE, "run", "--output", str(folder), "--url", url, "--photo-count", "3", "--warm-up", "0", *arguments]


def run(folder: Path, url: str, *arguments: str) -> tuple[subprocess.CompletedProcess, dict[str, Any]]:
    done = subprocess.run(
        run_command(folder, url, *arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    file = folder / "report.json"
    return done, json.loads(file.read_text("utf-8")) if file.exists() else {}
