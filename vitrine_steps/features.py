"""A photo's features as they travel and are cached: one tensor that says which photo and which release it is of.

Triton's cache finds an entry by a 64-bit hash of the inputs, and stores the
outputs that one request asked for; neither says anything of the checkpoint, and
a cache may outlive a release, or be shared by two. So there is one output, and
its stamp, of the photo and the release, is part of it: it can neither be missing
nor come apart from the features.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXTRA_ROWS = 2
DIGEST_BYTES = 32


class FeatureMismatchError(RuntimeError):
    """The features at hand are another photo's, or another release's. They must never become an answer."""


def stamp(sha256: NDArray[np.uint8], release: str) -> NDArray[np.uint8]:
    """Mix photos' digests with a release; of a stamp and its release, this makes the digests again.

    Args:
        sha256: [B, 32] uint8, digests or stamps.

    Returns:
        [B, 32] uint8.
    """
    return sha256 ^ np.frombuffer(hashlib.sha256(release.encode("utf-8")).digest(), np.uint8)


def pack_features(
    features: NDArray[np.floating[Any]], pooled: NDArray[np.floating[Any]], stamps: NDArray[np.uint8]
) -> NDArray[np.floating[Any]]:
    """Add the pooled features and the stamp as two more rows.

    Args:
        features: [B, N, D] float16 or float32; pooled: [B, D]; stamps: [B, 32]; D is at least 32.

    Returns:
        [B, N + 2, D] of the features' type. The last row holds the stamp's bytes as
        numbers, 0 to 255, which FP16 keeps exactly, then zeros.
    """
    batch, tokens, width = features.shape
    packed = np.zeros((batch, tokens + EXTRA_ROWS, width), features.dtype)
    packed[:, :tokens] = features
    packed[:, tokens] = pooled
    packed[:, tokens + 1, :DIGEST_BYTES] = stamps
    return packed


def embedding_from_packed(packed: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The embedding [B, D] float32, L2 norm 1, and the stamp [B, 32] uint8."""
    pooled: NDArray[Any] = packed[:, -2].astype(np.float32)
    norm = np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return pooled / norm, packed[:, -1, :DIGEST_BYTES].astype(np.uint8)


def require_same_photos(photos: Sequence[bytes], stamps: NDArray[np.uint8], release: str) -> None:
    """Check that features were made from these very photos, by this very release.

    Args:
        photos: B encoded photos.
        stamps: [B, 32] uint8, out of the features.

    Raises:
        FeatureMismatchError: a stamp differs.
    """
    for photo, digest in zip(photos, stamp(stamps, release), strict=True):
        if hashlib.sha256(photo).digest() != digest.tobytes():
            raise FeatureMismatchError(
                "the cached features belong to another photo or another release, so this request was refused; "
                "the same photo saved anew, with other bytes, is not affected"
            )
