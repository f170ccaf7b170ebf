"""Counters of a release, read from the metrics of its servers."""

import urllib.request
from collections import Counter
from collections.abc import Sequence
from http.client import HTTPException

from prometheus_client.parser import text_string_to_metric_families

from serving.canary.rule import Counts
from serving.errors import ServingError

_TIMEOUT_S = 5.0
_VERDICTS = ("answered", "cannot_tell", "hand_over")
_ERROR_CODES = ("INVALID_ARG", "INTERNAL")
"""Without those of callers who gave up, and of servers that stop."""


def read_counts(urls: Sequence[str]) -> Counts:
    """Add up the counters of a release's servers.

    Raises:
        ServingError: one of them has none: it is gone, starts, or is no server of ours.
    """
    return sum(map(_read, urls), Counts())


def _read(url: str) -> Counts:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as page:  # noqa: S310  the user names it
            return counts_from_text(page.read().decode("utf-8"))
    except (OSError, HTTPException) as error:
        raise ServingError(f"no metrics at {url} ({error}): is the server up?") from error
    except ValueError as error:
        raise ServingError(f"no counters of answers at {url}: name a server's /metrics, once it is ready") from error


def counts_from_text(text: str) -> Counts:
    """Read the counters out of Prometheus's text format.

    Raises:
        ValueError: there are none.
    """
    found: Counter[str] = Counter()
    has_verdicts = False
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = sample.labels
            if sample.name == "vitrine_verdicts_total" and labels.get("status") in _VERDICTS:
                has_verdicts = True
                found[labels["status"]] += int(sample.value)
            elif _is_error(sample.name, labels):
                found["errors"] += int(sample.value)
    if not has_verdicts:
        raise ValueError("no counters of verdicts")
    return Counts(**found)


def _is_error(name: str, labels: dict[str, str]) -> bool:
    """Tell what a step refused or failed, and what an engine failed: that is told by Triton alone."""
    if name == "vitrine_errors_total":
        return labels.get("code") in _ERROR_CODES
    return name.startswith("nv_inference_request_failure") and labels.get("reason") == "BACKEND"
