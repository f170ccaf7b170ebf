"""A photo's features as they travel and are cached: one tensor that says which photo it is of.

Triton's cache finds an entry by a 64-bit hash of the inputs, and stores the
outputs that one request asked for. So there is one output, and the photo's
digest is part of it: it can neither be missing nor come apart from the features.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXTRA_ROWS = 2
DIGEST_BYTES = 32


class FeatureMismatchError(RuntimeError):
    """The features at hand are another photo's. They must never become an answer."""


def pack_features(
    features: NDArray[np.floating[Any]], pooled: NDArray[np.floating[Any]], sha256: NDArray[np.uint8]
) -> NDArray[np.floating[Any]]:
    """Add the pooled features and the digest as two more rows.

    Args:
        features: [B, N, D] float16 or float32; pooled: [B, D]; sha256: [B, 32]; D is at least 32.

    Returns:
        [B, N + 2, D] of the features' type. The last row holds the digest's bytes as
        numbers, 0 to 255, which FP16 keeps exactly, then zeros.
    """
    batch, tokens, width = features.shape
    packed = np.zeros((batch, tokens + EXTRA_ROWS, width), features.dtype)
    packed[:, :tokens] = features
    packed[:, tokens] = pooled
    packed[:, tokens + 1, :DIGEST_BYTES] = sha256
    return packed


def embedding_from_packed(packed: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The embedding [B, D] float32, L2 norm 1, and the digest [B, 32] uint8."""
    pooled: NDArray[Any] = packed[:, -2].astype(np.float32)
    norm = np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return pooled / norm, packed[:, -1, :DIGEST_BYTES].astype(np.uint8)


def require_same_photos(photos: Sequence[bytes], features_sha256: NDArray[np.uint8]) -> None:
    """Check that features were made from these very photos.

    Args:
        photos: B encoded photos.
        features_sha256: [B, 32] uint8, out of the features.

    Raises:
        FeatureMismatchError: a digest differs.
    """
    for photo, digest in zip(photos, features_sha256, strict=True):
        if hashlib.sha256(photo).digest() != digest.tobytes():
            raise FeatureMismatchError(
                "the cached features belong to another photo, so this request was refused; "
                "the same photo saved anew, with other bytes, is not affected"
            )
