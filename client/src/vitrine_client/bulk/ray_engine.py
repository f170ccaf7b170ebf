"""Shards on Ray Data: the same function, on many machines. Needs `vitrine-client[bulk-ray]`."""

import logging
import os
from collections.abc import Sequence
from typing import Any

from vitrine_client.bulk.job import Job
from vitrine_client.bulk.run import Done, answer_shards
from vitrine_client.bulk.sources import Shard
from vitrine_client.extras import package

_STORE_BYTES = 256 * 2**20  # rows go to part files, not through Ray


def answer_on_ray(job: Job, shards: Sequence[Shard], done: Done) -> list[str]:
    """Answer shards on the cluster that RAY_ADDRESS names, else on this machine; see `answer_shards`.

    The source and the output must be reachable from every worker under the same names.
    """
    if not shards:
        return []
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = package("ray", "bulk-ray")
    package("ray.data", "bulk-ray")
    is_cluster = "RAY_ADDRESS" in os.environ
    alone = {} if is_cluster else {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
    ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level="ERROR", **alone)

    def answer(row: dict[str, Any]) -> dict[str, Any]:
        photos: list[tuple[int, int]] = []
        broken = answer_shards(job, [shards[row["item"]]], lambda errors, size: photos.append((errors, size)))
        return {"errors": [errors for errors, _ in photos], "sizes": [size for _, size in photos], "broken": broken}

    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    broken: list[str] = []
    try:
        answered = ray.data.from_items(list(range(len(shards))), override_num_blocks=len(shards)).map(answer)
        for row in answered.iter_rows():
            for errors, size in zip(row["errors"], row["sizes"], strict=True):
                done(int(errors), int(size))
            broken += list(row["broken"])
    finally:
        ray.shutdown()
    return broken
