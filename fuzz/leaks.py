"""What of the server's inside must never reach a caller."""

import re

INSIDES = re.compile(
    r"Traceback|\.py\b|\.cc:\d|\.pbtxt|/site-packages|/tmp/|/dev/shm|/home/|/root/|/models/|/opt/|vitrine-[0-9a-f]{12}"
    r"|File \"|0x[0-9a-f]{8}|std::|pybind|numpy|onnxruntime|Errno"
)


def leak_in(message: str) -> str | None:
    """The part of a message that tells something of the inside; None: it tells nothing."""
    found = INSIDES.search(message)
    return found[0] if found else None
