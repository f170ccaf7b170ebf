"""Packed features: nothing is lost, and the digest cannot come apart from them."""

import hashlib

import numpy as np
import pytest

from vitrine_steps.features import (
    EXTRA_ROWS,
    FeatureMismatchError,
    embedding_from_packed,
    pack_features,
    require_same_photos,
    stamp,
)


def test_packing_loses_nothing() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(3, 5, 40)).astype(np.float16)
    pooled = rng.normal(size=(3, 40)).astype(np.float16)
    digests = np.stack([np.arange(32), np.full(32, 255), np.zeros(32)]).astype(np.uint8)
    packed = pack_features(features, pooled, digests)
    assert packed.shape == (3, 5 + EXTRA_ROWS, 40)
    assert packed.dtype == np.float16
    assert np.array_equal(packed[:, :5], features)
    embedding, sha256 = embedding_from_packed(packed)
    assert np.array_equal(sha256, digests)
    assert np.linalg.norm(embedding, axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    assert np.allclose(embedding[0] * np.linalg.norm(pooled[0].astype(np.float32)), pooled[0], atol=1e-3)


def test_every_byte_survives_half_precision() -> None:
    for start in range(0, 256, 32):
        digest = np.arange(start, start + 32, dtype=np.uint8)[None]
        packed = pack_features(np.zeros((1, 2, 32), np.float16), np.ones((1, 32), np.float16), digest)
        assert np.array_equal(embedding_from_packed(packed)[1], digest)


def test_features_of_another_photo_or_release_are_refused() -> None:
    photos = [b"one", b"two"]
    digests = np.stack([np.frombuffer(hashlib.sha256(photo).digest(), np.uint8) for photo in photos])
    stamps = stamp(digests, "one")
    require_same_photos(photos, stamps, "one")
    with pytest.raises(FeatureMismatchError):
        require_same_photos(photos, stamps[::-1], "one")
    with pytest.raises(FeatureMismatchError, match="another release"):
        require_same_photos(photos, stamps, "two")
    one_bit_off = stamps.copy()
    one_bit_off[1, 31] ^= 1
    with pytest.raises(FeatureMismatchError):
        require_same_photos(photos, one_bit_off, "one")
