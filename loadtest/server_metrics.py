"""Metrics of the server over the same time: queue and compute time of each step, cache hits."""

import urllib.request
from collections import defaultdict
from http.client import HTTPException

from prometheus_client.parser import text_string_to_metric_families

ASKED = ("vqa", "vqa_choose", "image_embedding", "photo_reading")
"""Models that clients call."""
ENSEMBLES = (*ASKED, "image_features", "photo_text")
"""Chains of steps: their times are those of the steps again."""
_TIMEOUT_S = 5.0
_COUNTERS = {
    "success": "nv_inference_request_success",
    "failure": "vitrine_errors",
    "rows": "nv_inference_count",
    "runs": "nv_inference_exec_count",
    "request_us": "nv_inference_request_duration_us",
    "queue_us": "nv_inference_queue_duration_us",
    "compute_input_us": "nv_inference_compute_input_duration_us",
    "compute_infer_us": "nv_inference_compute_infer_duration_us",
    "compute_output_us": "nv_inference_compute_output_duration_us",
    "cache_hits": "nv_cache_num_hits_per_model",
    "cache_misses": "nv_cache_num_misses_per_model",
}

Counters = dict[str, dict[str, float]]
"""Counters of each model, by the short names above."""


class MetricsError(RuntimeError):
    """The metrics cannot be read; says why."""


def scrape(url: str) -> Counters:
    """Read the server's counters.

    Args:
        url: of the server's metrics, such as http://localhost:8002/metrics.

    Raises:
        MetricsError: nothing is there, or something else.
    """
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:  # noqa: S310 - the user names it
            found = counters_of(response.read().decode("utf-8"))
    except (OSError, ValueError, HTTPException) as error:
        raise MetricsError(f"no metrics at {url} ({error}): name the server's with --metrics-url") from error
    if not found:
        raise MetricsError(f"{url} has no counters of Triton: its metrics are at a path like /metrics (--metrics-url)")
    return found


def counters_of(text: str) -> Counters:
    """Read the counters out of Prometheus's text format."""
    short = {name: key for key, name in _COUNTERS.items()}
    found: Counters = defaultdict(dict)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name.removesuffix("_total")
            if name in short and "model" in sample.labels:
                model = found[sample.labels["model"]]
                model[short[name]] = model.get(short[name], 0.0) + sample.value
    return dict(found)


def stages_between(before: Counters, after: Counters) -> dict[str, dict[str, float]]:
    """Compute means over the requests between two readings, by model; times in milliseconds a request."""
    stages = {}
    for model, now in after.items():
        change = {key: value - before.get(model, {}).get(key, 0.0) for key, value in now.items()}
        requests, looked_up = (
            change.get("success", 0.0),
            change.get("cache_hits", 0.0) + change.get("cache_misses", 0.0),
        )
        if not requests and not looked_up:
            continue
        stage = {
            "requests": requests,
            "failures": change.get("failure", 0.0),
            "mean_batch": change["rows"] / change["runs"] if change.get("runs") else 0.0,
        }
        if requests:
            compute_us = sum(change.get(f"compute_{part}_us", 0.0) for part in ("input", "infer", "output"))
            stage |= {
                "queue_ms": change.get("queue_us", 0.0) / requests / 1000,
                "compute_ms": compute_us / requests / 1000,
                "total_ms": change.get("request_us", 0.0) / requests / 1000,
            }
        if looked_up:
            stage["cache_hit_ratio"] = change.get("cache_hits", 0.0) / looked_up
        stages[model] = stage
    return stages
