"""Finds what of the server's inside must never reach a caller."""

import re

from serving.supervision.work_folder import PREFIX

_INSIDES = re.compile(
    r"Traceback|\.(?:py|pbtxt|onnx|plan|json|yaml|so)\b|\.cc:\d|/site-packages|File \"|0x[0-9a-f]{8}|std::|pybind|numpy"
    rf"|onnxruntime|Errno|{PREFIX}"
    r"|(?<![\w/.])/(?!inference\.)[A-Za-z][\w.-]*(?:/[\w.-]*)*"  # a path, but not the name of a method
)


def leak_in(message: str, sent: bytes = b"") -> str | None:
    """Return the part of a message that tells something of the inside; None: it tells nothing.

    Args:
        sent: what the message answers; that may be said again.
    """
    return next((found[0] for found in _INSIDES.finditer(message) if found[0].encode() not in sent), None)
