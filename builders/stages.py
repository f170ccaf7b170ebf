"""Says which stage of a build goes on, and how long each took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    def __init__(self) -> None:
        self.total: int | None = None
        """Stages of the build, once they are known."""
        self._number = 0

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._number += 1
        start_s = time.perf_counter()
        of = f"/{self.total}" if self.total else ""
        print(f"[{self._number}{of}] {name} ...", flush=True)
        yield
        print(f"      {time.perf_counter() - start_s:.1f} s", flush=True)
