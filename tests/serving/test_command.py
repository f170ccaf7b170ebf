"""Triton's command line: every flag of it exists."""

import re
import subprocess
from pathlib import Path

from serving.triton.command import ServerSettings, TlsSettings, container_command, embedded_command
from serving.triton.installation import find_installation
from serving.triton.redis_cache import RedisAddress, RedisSettings


def test_the_binary_knows_every_flag(tmp_path: Path) -> None:
    """The wheel's Triton is older than the container's, and has every flag that is used in either."""
    installation = find_installation()
    known = subprocess.run(
        [str(installation.binary), "--help"],
        env={"LD_LIBRARY_PATH": str(installation.library_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    flags = set(re.findall(r"--[a-z0-9-]+", known.stdout + known.stderr))
    tls = TlsSettings(tmp_path / "c", tmp_path / "k", tmp_path / "a")
    container = ServerSettings(tmp_path, tls=tls, verbose=True)
    shared = ServerSettings(tmp_path, redis=RedisSettings(RedisAddress("redis", 6379), tmp_path / "ca.crt"))
    embedded = ServerSettings(tmp_path, http_port=1, metrics_port=2, log_file=tmp_path / "log")
    for command in (
        container_command(container, shm_prefix="p", admin_key="k", version_compatible=True),
        container_command(shared, shm_prefix="p", admin_key="k"),
        embedded_command(embedded, installation, backends=tmp_path, shm_prefix="p", admin_key="k"),
        embedded_command(
            ServerSettings(tmp_path, metrics_port=None),
            installation,
            backends=tmp_path,
            shm_prefix="p",
            admin_key="k",
        ),
    ):
        assert {argument.split("=")[0] for argument in command[1:]} <= flags
