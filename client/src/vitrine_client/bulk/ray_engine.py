"""Shards on Ray Data: the same function, on many machines. Needs `vitrine-client[bulk-ray]`."""

import logging
import os
import pickle
import socket
from collections.abc import Sequence
from typing import Any

from vitrine_client.bulk.job import Job
from vitrine_client.bulk.run import Done, answer_shards
from vitrine_client.bulk.sources import Shard
from vitrine_client.errors import ServerUnavailableError, VitrineError, error_from_code
from vitrine_client.extras import package

_CONNECT_S = 10.0
_STORE_BYTES = 256 * 2**20  # rows go to part files, not through Ray


def answer_on_ray(job: Job, shards: Sequence[Shard], done: Done) -> list[str]:
    """Answer shards on the cluster that RAY_ADDRESS names, else on this machine; see `answer_shards`.

    The source, the output and TLS files must be reachable from every worker under the same names. Each worker has
    `job.in_flight` photos under way. Workers get the API key through Ray.

    Raises:
        ServerUnavailableError: nothing is at the address that RAY_ADDRESS names.
    """
    if not shards:
        return []
    is_cluster = "RAY_ADDRESS" in os.environ
    if is_cluster:
        _require_cluster(os.environ["RAY_ADDRESS"])
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = package("ray", "bulk-ray")
    package("ray.data", "bulk-ray")
    alone = {} if is_cluster else {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
    ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level="ERROR", **alone)

    def answer(row: dict[str, Any]) -> dict[str, Any]:
        photos: list[tuple[int, int]] = []
        broken: list[str] = []
        failure = ("", "")
        try:
            shard = pickle.loads(row["shard"])  # noqa: S301  what was put in below
            broken = answer_shards(job, [shard], lambda errors, size: photos.append((errors, size)))
        except VitrineError as error:  # Ray would wrap it
            failure = (error.code, error.message)
        errors, sizes = [errors for errors, _ in photos], [size for _, size in photos]
        return {"errors": errors, "sizes": sizes, "broken": broken, "code": failure[0], "message": failure[1]}

    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    broken: list[str] = []
    try:
        rows = [{"shard": pickle.dumps(shard)} for shard in shards]
        for row in ray.data.from_items(rows, override_num_blocks=len(rows)).map(answer).iter_rows():
            if row["message"]:
                raise error_from_code(row["code"], row["message"], model="", request_id="")
            for errors, size in zip(row["errors"], row["sizes"], strict=True):
                done(int(errors), int(size))
            broken += list(row["broken"])
    finally:
        ray.shutdown()
    return broken


def _require_cluster(address: str) -> None:
    """Refuse an address where nothing listens: Ray itself would wait for it without an end."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdigit()):
        return  # "auto", "local"
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except (OSError, OverflowError, ValueError) as error:
        raise ServerUnavailableError(
            "no Ray cluster answers where RAY_ADDRESS says: is its head running, and can this machine reach it? "
            "Without RAY_ADDRESS, Ray runs on this machine"
        ) from error
