"""Progress on a terminal: one line on standard error that writes over itself."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CLEAR = "\r\x1b[K"


class Counter:
    """Counts to `total`, from any thread; shows nothing where that is 1, or standard error is no terminal."""

    def __init__(self, total: int, what: str) -> None:
        self._total, self._what, self._done = total, what, 0
        self._lock = threading.Lock()
        self._is_shown = total > 1 and sys.stderr.isatty()

    def __enter__(self) -> "Counter":
        self._show()
        return self

    def __exit__(self, *_: object) -> None:
        self._write(_CLEAR)

    def count(self) -> None:
        with self._lock:
            self._done += 1
            self._show()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide the line while the block prints, perhaps to the same terminal."""
        with self._lock:
            self._write(_CLEAR)
            yield
            sys.stdout.flush()
            self._show()

    def _show(self) -> None:
        self._write(f"{_CLEAR}{self._done} of {self._total} {self._what}")

    def _write(self, text: str) -> None:
        if self._is_shown:
            sys.stderr.write(text)
            sys.stderr.flush()
