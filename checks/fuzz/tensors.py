"""BYTES tensors, as they travel."""

import numpy as np
from tritonclient.utils import serialize_byte_tensor


def bytes_tensor(values: list[bytes]) -> bytes:
    found = serialize_byte_tensor(np.array(values, np.object_)) if values else None
    return bytes(found.item()) if found is not None and found.size else b""
