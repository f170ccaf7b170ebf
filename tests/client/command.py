"""The command line `vitrine`, as people start it."""

import os
import subprocess
import sys


def vitrine(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vitrine_client.cli", *arguments]
    env = os.environ | (environment or {})
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env)
