"""A real Prometheus with our own configuration, but of one server, and as often as a test needs."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from serving.triton.ports import free_port
from tests.helpers.compose import ROOT
from tests.helpers.system import require_program

FOLDER = ROOT / "deploy" / "observe" / "prometheus"
CONFIG = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))


@contextmanager
def prometheus_of(
    metrics_url: str, folder: Path, rules: Path, *, every: str, labels: dict[str, str] | None = None
) -> Iterator[str]:
    """The address of one that has seen the server.

    Args:
        labels: that every series gets, such as the namespace of a cluster.
        every: how often it looks, such as "1s".
    """
    config = json.loads(json.dumps(CONFIG))
    config["global"] = {"scrape_interval": every, "evaluation_interval": every}
    target = {"targets": [urllib.parse.urlsplit(metrics_url).netloc], "labels": labels or {}}
    config["scrape_configs"][0]["static_configs"] = [target]
    config["rule_files"] = [str(rules)]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [require_program("prometheus", "prometheus"), f"--config.file={folder / 'prometheus.yml'}"]
    command += [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            url = f"http://{address}"
            wait_until(lambda: asked(url, 'up{job="vitrine"} == 1') and asked(url, "up offset 2s"))
            yield url
        finally:
            process.terminate()
            process.wait(20)


def wait_until(is_so: Callable[[], Any], limit_s: float = 60.0) -> None:
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        with suppress(OSError):
            if is_so():
                return
        time.sleep(0.5)
    raise AssertionError(f"not within {limit_s:g} s")


def asked(url: str, query: str) -> list[Any]:
    address = f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    with urllib.request.urlopen(address) as page:  # noqa: S310  our own Prometheus
        answer = json.load(page)
    assert answer["status"] == "success", answer
    result: list[Any] = answer["data"]["result"]
    return result


def rules_of(url: str) -> list[dict[str, Any]]:
    """What became of each rule at its last evaluation."""
    with urllib.request.urlopen(f"{url}/api/v1/rules") as page:  # noqa: S310  our own Prometheus
        found: list[dict[str, Any]] = json.load(page)["data"]["groups"][0]["rules"]
    return found
