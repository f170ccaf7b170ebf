"""Counters of Triton's models since the server's start, as its administration tells them."""

from typing import Any

Statistics = dict[str, dict[str, int]]
"""Counters of each model, by its name: see `statistics_from_response`."""


def statistics_from_response(response: Any) -> Statistics:
    """Read a `ModelStatisticsResponse` of Triton's gRPC protocol.

    Returns:
        Of each model "success" and "failed", requests (a Python step's errors count as successes); and in nanoseconds
        over all requests "success_ns" (whole), "queue_ns" (waiting), "infer_ns" (at work) and "work_ns", which counts
        the making of inputs in, but not that of outputs: the next step is at work already while this one clears up.
    """
    return {
        model.name: {
            "success": model.inference_stats.success.count,
            "failed": model.inference_stats.fail.count,
            "success_ns": model.inference_stats.success.ns,
            "queue_ns": model.inference_stats.queue.ns,
            "infer_ns": model.inference_stats.compute_infer.ns,
            "work_ns": model.inference_stats.compute_input.ns + model.inference_stats.compute_infer.ns,
        }
        for model in response.model_stats
    }
