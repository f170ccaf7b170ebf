"""Affinity by photo: of several servers, a photo goes to the one that has seen it, whose cache holds its features.

gRPC's own ring hash chooses the server by a header, passes over servers that are
not there, and moves few photos when one comes or goes. A gateway can read the
same header. What was refused is sent again without it, to any server, and so
are further calls about that photo for a while.
"""

import hashlib
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vitrine_client.calls import Tensors

HEADER = "x-vitrine-photo"
CALLS_ON_ONE_SERVER = 8
"""Calls about one photo that a client has under way at its server; further ones go to a place drawn anew."""
_ELSEWHERE_S = 2.0
"""Seconds for which calls about a photo go to any server, after its own has refused one."""
_MOST_REFUSED = 10_000
LOAD_BALANCING: dict[str, Any] = {
    "ring_hash_experimental": {"requestHashHeader": HEADER, "minRingSize": 4096, "maxRingSize": 4096}
}
"""gRPC's policy; see gRFC A42 and A76."""
# gRPC reads it when it starts: without it, the policy ignores the header and spreads calls at random.
os.environ.setdefault("GRPC_EXPERIMENTAL_RING_HASH_SET_REQUEST_HASH_KEY", "true")


class PhotosUnderWay:
    """Counts of the calls about each photo that are under way. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._elsewhere_until_s: dict[str, float] = {}
        """Until when calls about a photo go to any server, by `time.monotonic`."""

    @contextmanager
    def header(self, inputs: Tensors) -> Iterator[dict[str, str]]:
        """Surround one call with the header that chooses its server; {} where it is about no photo.

        Args:
            inputs: of the request; IMAGE holds one encoded photo.
        """
        photo = inputs["IMAGE"].reshape(-1)[0] if "IMAGE" in inputs else None
        if photo is None:
            yield {}
            return
        digest = hashlib.sha256(photo).hexdigest()[:16]
        with self._lock:
            before = self._counts[digest]
            self._counts[digest] += 1
            is_elsewhere = time.monotonic() < self._elsewhere_until_s.get(digest, 0.0)
        try:
            number = before // CALLS_ON_ONE_SERVER
            yield {} if is_elsewhere else {HEADER: f"{digest}-{number}" if number else digest}
        finally:
            with self._lock:
                self._counts[digest] -= 1
                if not self._counts[digest]:
                    del self._counts[digest]

    def note_refused(self, header: dict[str, str]) -> None:
        """Tell that a call with this header was refused."""
        for value in header.values():
            with self._lock:
                if len(self._elsewhere_until_s) >= _MOST_REFUSED:
                    self._elsewhere_until_s.clear()
                self._elsewhere_until_s[value.partition("-")[0]] = time.monotonic() + _ELSEWHERE_S
