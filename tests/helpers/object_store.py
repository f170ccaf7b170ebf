"""A real S3 server on this machine: rclone, which serves a folder."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving.triton.ports import free_port
from tests.helpers.gateway import is_listening, wait_until
from tests.helpers.started import started

KEY, SECRET = "vitrine", "vitrine-secret"


@contextmanager
def serving_bucket(folder: Path) -> Iterator[str]:
    """Serve the folders in `folder` as buckets; gives the query that a URI of them needs."""
    port = free_port()
    command = [str(Path(sys.executable).parent / "rclone"), "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}"]
    command += ["--auth-key", f"{KEY},{SECRET}", "--log-level", "ERROR"]
    with started(command, env={**os.environ, "RCLONE_CONFIG": "/dev/null"}):
        wait_until(lambda: is_listening(port))
        yield f"endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
