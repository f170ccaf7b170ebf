"""Two photos whose keys in Triton's cache are equal: the second one is refused, never answered from the first one's.

Triton's key is 64 bits of a hash that is easily inverted: it mixes the model's
name and version, the input's name, and then byte after byte of the photo. The
eleven bytes after each picture's end were found with a few minutes of
searching; decoders ignore them. Anyone who may send photos can find such a pair.
(The input's name carries the release in what is built: here it is taken off, for
the pair is of the plain name.)
"""

import base64
import re
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from vitrine_client import ServerError, VqaClient

from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings
from tests.helpers.plain_inputs import with_plain_inputs

_RED = (
    "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAAPklEQVR42mP8//8/Ay0BEwONwagFA28BC6bQSXl5so0zf/hwNA5GLRi1YNSC"
    "UQtGLRi1gBzAONqyG7WAYgAAfFMJOzHtxuAAAAAASUVORK5CYII="
)
_BLUE = (
    "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAAPklEQVR42mP8//8/Ay0BEwONwagFA28BC6aQvO1Jso17eNh8NA5GLRi1YNSC"
    "UQtGLRi1gBzAONqyG7WAYgAAg1sJO/37ZZgAAAAASUVORK5CYII="
)
SUFFIXES = {"red": b"l1GuHqOyhIJ", "blue": b"zkqSrhUU2dO"}
PHOTOS = {
    "red": base64.b64decode(_RED) + SUFFIXES["red"],
    "blue": base64.b64decode(_BLUE) + SUFFIXES["blue"],
}
WORDS = {"What colour is it?": PHOTOS.keys(), "它是什么颜色的？": ("红色", "蓝色")}
_MASK = 2**64 - 1


def combined(seed: int, value: int) -> int:
    """`boost::hash_combine` of 64 bits, as it was before Boost 1.81."""
    factor = 0xC6A4A7935BD1E995
    value = value * factor & _MASK
    value = (value ^ value >> 47) * factor & _MASK
    return ((seed ^ value) * factor + 0xE6546B64) & _MASK


def text_hash(text: str) -> int:
    found = 0
    for byte in text.encode():
        found = combined(found, byte)
    return found


def cache_key(photo: bytes) -> int:
    """As Triton computes it (core/src/cache_manager.cc) for version 1 of `image_features`."""
    found = combined(combined(combined(0, text_hash("image_features")), 1), text_hash("IMAGE"))
    for byte in len(photo).to_bytes(4, "little") + photo:
        found = combined(found, byte)
    return found


@pytest.fixture
def server(repository: Path, tmp_path: Path) -> Iterator[EmbeddedServer]:
    copy = tmp_path / "repository"
    shutil.copytree(repository, copy, ignore=shutil.ignore_patterns("__pycache__"))
    with_plain_inputs(copy)
    settings = ServerSettings(copy, grpc_port=0, metrics_port=0, log_file=tmp_path / "triton.log")
    with EmbeddedServer(settings) as server:
        yield server


def metric(server: EmbeddedServer, name: str, model: str) -> float:
    url = f"http://{server.settings.host}:{server.settings.metrics_port}/metrics"
    with urllib.request.urlopen(url) as page:
        found = re.search(rf'^{name}{{.*model="{model}".*}} (\d+)', page.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_the_keys_are_equal_and_the_photos_are_not() -> None:
    assert PHOTOS["red"] != PHOTOS["blue"]
    assert cache_key(PHOTOS["red"]) == cache_key(PHOTOS["blue"]) == 1618703191069122238


@pytest.mark.parametrize("first", PHOTOS)
@pytest.mark.parametrize("question", WORDS)
def test_a_photo_whose_key_is_another_s_is_refused(server: EmbeddedServer, first: str, question: str) -> None:
    second = next(name for name in PHOTOS if name != first)
    right = dict(zip(PHOTOS, WORDS[question], strict=True))
    with VqaClient(server.url, timeout_s=20) as client:
        assert client.ask(PHOTOS[first], question).text == right[first]
        hits = metric(server, "nv_cache_num_hits_per_model", "image_features")
        calls = {
            "answer_postprocess": lambda: client.ask(PHOTOS[second], question),
            "choice_postprocess": lambda: client.choose(PHOTOS[second], question, list(right.values())),
            "embedding_export": lambda: client.embed(PHOTOS[second]),
        }
        for step, call in calls.items():
            with pytest.raises(ServerError, match="belong to another photo or another release, so") as caught:
                call()
            assert caught.value.code == "INTERNAL"
            assert metric(server, "vitrine_feature_mismatch_total", step) == 1
        assert metric(server, "nv_cache_num_hits_per_model", "image_features") == hits + len(calls), (
            "the cache did take one for the other; if it no longer does, its hash has changed and this shows nothing"
        )
        assert client.ask(PHOTOS[first], question).text == right[first]
        saved_anew = PHOTOS[second].removesuffix(SUFFIXES[second])
        assert client.ask(saved_anew, question).text == right[second]
