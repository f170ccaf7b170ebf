"""Build time, memory, search time and recall of a store of vectors."""

import statistics
import tempfile
import time
from typing import TYPE_CHECKING

import numpy as np
import psutil
from numpy.typing import NDArray

from shop.vectors.opening import open_vectors
from shop.vectors.port import Entry, Filter, Vector, Vectors

if TYPE_CHECKING:
    from benchmarks.vectors import VectorsOptions

_RELEASE = "random-vectors"
_BATCH = 1000
_TOP = 10
_CATEGORIES = 100
_A_CLUSTER = 100
_SPREAD = 1.0
"""Length of what is added to a cluster's centre, of length 1."""


def measure_vectors(options: "VectorsOptions") -> int:
    """Fill, index, search, and print the figures. Returns the exit status."""
    random = np.random.default_rng(0)
    centres = _units(random.standard_normal((max(1, options.count // _A_CLUSTER), options.width), np.float32))
    values = _near(random, centres, options.count)
    queries = _near(random, centres, options.queries)
    with tempfile.TemporaryDirectory() as folder:
        before = psutil.Process().memory_info().rss
        vectors = open_vectors(options.store or f"edge://{folder}", _RELEASE, options.width)
        start, processor_start = time.perf_counter(), time.process_time()
        for first in range(0, options.count, _BATCH):
            batch = enumerate(values[first : first + _BATCH], first)
            vectors.upsert([_entry(number, row) for number, row in batch])
        filled_s = time.perf_counter() - start
        _measure(vectors, values, queries, Filter("shop"), 1, "not indexed")
        start = time.perf_counter()
        vectors.index()
        indexed_s, processor_s = time.perf_counter() - start, time.process_time() - processor_start
        memory_mib = (psutil.Process().memory_info().rss - before) / 2**20
        print(f"{options.count:,} x {options.width}: filled in {filled_s:.1f} s, indexed in {indexed_s:.1f} s")
        print(f"this process: {processor_s:.0f} s of processor, memory +{memory_mib:.0f} MiB")
        _measure(vectors, values, queries, Filter("shop"), 1, "no filter")
        _measure(vectors, values, queries, Filter("shop", category="c0"), _CATEGORIES, "filter, 1 %")
        vectors.close()
    return 0


def _measure(
    vectors: Vectors, values: NDArray[np.float32], queries: NDArray[np.float32], which: Filter, step: int, name: str
) -> None:
    """Print median and 99th percentile of the search time, and recall.

    Args:
        step: one vector in so many meets the filter, from the first on.
    """
    times_ms, right = [], 0
    for query in queries:
        start = time.perf_counter()
        hits = vectors.search(Vector(_RELEASE, query), which, _TOP)
        times_ms.append(1000 * (time.perf_counter() - start))
        nearest = np.argpartition(-(values[::step] @ query), _TOP)[:_TOP] * step
        right += len({hit.sku for hit in hits} & {str(number) for number in nearest})
    recall = right / (_TOP * len(queries))
    p50_ms, p99_ms = statistics.median(times_ms), float(np.percentile(times_ms, 99))
    print(f"{name:<12} p50 {p50_ms:6.2f} ms, p99 {p99_ms:6.2f} ms, recall@{_TOP} {recall:.4f}")


def _entry(number: int, row: NDArray[np.float32]) -> Entry:
    return Entry(
        "shop", str(number), "", Vector(_RELEASE, row), category=f"c{number % _CATEGORIES}", price=number % 500,
        currency="CNY", in_stock=number % 3 > 0,
    )  # fmt: skip


def _near(random: np.random.Generator, centres: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return vectors of length 1 near to centres drawn from those that are given."""
    away = _units(random.standard_normal((count, centres.shape[1]), np.float32))
    return _units(centres[random.integers(len(centres), size=count)] + _SPREAD * away)


def _units(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    units: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units
