"""Our compose files as the real Docker Compose reads them: it comes as a wheel, and needs no Docker for that."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROFILES = {
    "builder": "build",
    "triton-cpu": "cpu",
    "prometheus": "observe",
    "grafana": "observe",
    "loadtest": "load",
    "gateway": "gateway",
    "redis": "redis",
}
"""The profile of each service that is started by a profile's name alone."""
VARIABLE = re.compile(r"\$\{(VITRINE_\w+):-([^}]*)\}")
"""A variable in a compose file: its name, and its default."""
_PROGRAM = Path(sys.executable).with_name("docker-compose")

Service = dict[str, Any]


def resolved(*files: str, **variables: str) -> dict[str, Service]:
    """Read the services of `files`, or of docker-compose.yml, with these environment variables and no others."""
    chosen = [argument for file in files or ("docker-compose.yml",) for argument in ("-f", file)]
    profiles = [f"--profile={name}" for name in set(PROFILES.values())]
    done = subprocess.run(
        [str(_PROGRAM), *chosen, *profiles, "config", "--format", "json"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    services: dict[str, Service] = json.loads(done.stdout)["services"]
    return services


def mounts_of(service: Service) -> dict[str, tuple[str, str]]:
    """By path in the container: the host's path, and "ro" or "rw"."""
    return {
        one["target"]: (one["source"], "ro" if one.get("read_only") else "rw") for one in service.get("volumes", [])
    }


def published_by(service: Service) -> list[str]:
    """Ports in the notation of compose files: host, port there, port in the container, protocol."""
    return [
        f"{port.get('host_ip', '*')}:{port['published']}:{port['target']}/{port['protocol']}"
        for port in service.get("ports", [])
    ]
