"""No error says more than 80 characters of what a caller gave, whatever was wrong, here and on the command line."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tritonclient.utils import InferenceServerException
from vitrine_client import FakeTransport, TlsFiles, VitrineError, VqaClient
from vitrine_client.quoting import MOST_CHARACTERS, quote, short_name, without_long_words
from vitrine_client.sending import error_from_library

from .command import vitrine

LONG = "".join(itertools.islice(itertools.cycle("leak0123456789abcdefgh"), 5000))
SPACED = " ".join(LONG[start : start + 20] for start in range(0, 5000, 20))
CHINESE = "这是什么颜色的杯子" * 600


def longest_echo(message: str, given: str) -> int:
    """Characters of the longest piece of `given` that stands in `message`."""
    longest = 0
    for start in range(len(message)):
        while start + longest < len(message) and message[start : start + longest + 1] in given:
            longest += 1
    return longest


class Strange:
    """Of no use anywhere, and loud."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def fake(**options: Any) -> VqaClient:
    return VqaClient(transport=FakeTransport({}), **options)


def _unreadable(text: str) -> Any:
    file = io.BytesIO()
    file.read = lambda *_: (_ for _ in ()).throw(ValueError(text.replace(" ", "_")))  # type: ignore[method-assign]
    return file


def _broken_image(text: str) -> Image.Image:
    image = Image.new("RGB", (4, 4))
    image.load = lambda: (_ for _ in ()).throw(OSError(text.replace(" ", "_")))  # type: ignore[method-assign]
    return image


PHOTO = b"photo"
CALLS: dict[str, Callable[[str], Any]] = {
    "a path that is not there": lambda text: fake().ask(text, "What?"),
    "a folder's": lambda text: fake().ask("/no/such/" + text, "What?"),
    "a path with a null byte": lambda text: fake().ask(text + "\0", "What?"),
    "half a character": lambda text: fake().ask("\ud800" + text, "What?"),
    "a Path": lambda text: fake().ask(Path(text), "What?"),
    "a URL": lambda text: fake().ask("https://" + text, "What?"),
    "a data URI": lambda text: fake().ask("data:" + text, "What?"),
    "a file that fails": lambda text: fake().ask(_unreadable(text), "What?"),
    "an image that fails": lambda text: fake().ask(_broken_image(text), "What?"),
    "a photo of a strange kind": lambda text: fake().ask(Strange(text), "What?"),  # type: ignore[arg-type]
    "an array that does not fit": lambda text: fake().embed(np.array([text])),
    "a question that is none": lambda text: fake().ask(PHOTO, Strange(text)),  # type: ignore[arg-type]
    "a question of bytes": lambda text: fake().ask(PHOTO, text.encode()),  # type: ignore[arg-type]
    "questions that are one text": lambda text: fake().ask_many(PHOTO, text),
    "questions that are none": lambda text: fake().ask_many(PHOTO, [text, Strange(text)]),  # type: ignore[list-item]
    "candidates that are one text": lambda text: fake().choose(PHOTO, "What?", text),
    "candidates that are none": lambda text: fake().choose(PHOTO, text, [Strange(text)]),  # type: ignore[list-item]
    "candidates that are the same": lambda text: fake().choose(PHOTO, text, [text, text]),
    "a risk": lambda text: fake().ask(PHOTO, "What?", max_risk=text),  # type: ignore[arg-type]
    "a strange risk": lambda text: fake().ask(PHOTO, "What?", max_risk=Strange(text)),  # type: ignore[arg-type]
    "a huge risk": lambda _: fake().ask(PHOTO, "What?", max_risk=10**4000),
    "a timeout": lambda text: fake().ask(PHOTO, "What?", timeout_s=text),  # type: ignore[arg-type]
    "a timeout of the client": lambda text: fake(timeout_s=text),
    "an address": lambda text: VqaClient(text),
    "an address with a scheme": lambda text: VqaClient("https://" + text),
    "several addresses": lambda text: VqaClient(f"{text}:1,{text}:2"),
    "an address that is none": lambda text: VqaClient(Strange(text)),  # type: ignore[arg-type]
    "a host that is not there": lambda text: VqaClient(f"{text.replace(' ', '')}:8001").ask(PHOTO, text, timeout_s=5),
    "a name that is not there": lambda text: VqaClient(f"dns:///{text}:8001").ask(PHOTO, text, timeout_s=5),
    "its health": lambda text: VqaClient(f"dns:///{text}:8001").health(timeout_s=5),
    "nobody there": lambda text: VqaClient("127.0.0.1:1").ask(PHOTO, text, timeout_s=5),
    "an authority": lambda text: VqaClient("shop:1", tls=TlsFiles(text)),
    "no TLS files": lambda text: VqaClient("shop:1", tls=text),  # type: ignore[arg-type]
    "a key": lambda text: VqaClient("shop:1", tls=TlsFiles(text), api_key=text + "\n"),
    "a key in plain text": lambda text: VqaClient("shop:1", api_key=text),
}


@pytest.mark.parametrize("text", [LONG, SPACED, CHINESE], ids=["long", "words", "Chinese"])
@pytest.mark.parametrize("sentence", CALLS)
def test_errors_hold_little_of_what_was_given(sentence: str, text: str) -> None:
    with pytest.raises(VitrineError) as caught:
        CALLS[sentence](text)
    message = str(caught.value)
    assert longest_echo(message, repr(text)) <= MOST_CHARACTERS, message[:300]
    assert len(message) < 500


def test_the_test_finds_an_echo() -> None:
    assert longest_echo(f"cannot read {LONG[7:107]!r}", LONG) == 100


COMMANDS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "a photo": lambda text: ("ask", text, "What?"),
    "photos": lambda text: ("embed", text, text),
    "a photo of a product": lambda text: ("ask-product", "What?", text),
    "a video": lambda text: ("watch", text, "What?"),
    "a list of questions": lambda text: ("ask", "a.jpg", "--questions", text),
    "an address": lambda text: ("health", "--url", text),
    "a timeout": lambda text: ("health", "--timeout", text),
    "a timeout with =": lambda text: ("health", f"--timeout={text}"),
    "a count": lambda text: ("profile", "a.jpg", "What?", "--repeat", text),
    "a long count": lambda text: ("profile", "a.jpg", "What?", "--repeat", "9" * 5000),
    "a risk": lambda text: ("ask", "a.jpg", "What?", "--max-risk", text),
    "a command": lambda text: (text,),
    "an option": lambda text: ("health", "--" + text),
    "an argument too many": lambda text: ("health", text),
    "an authority": lambda text: ("health", "--tls-ca", text),
    "a key file": lambda text: ("health", "--api-key-file", text),
    "a file of vectors": lambda text: ("embed", "a.jpg", "--output", text),
    "a question where nobody is": lambda text: ("choose", __file__, text, text, "--url", "127.0.0.1:1"),
}


@pytest.mark.parametrize("text", [LONG, SPACED], ids=["long", "words"])
@pytest.mark.parametrize("sentence", COMMANDS)
def test_the_command_line_says_little_of_what_was_given(sentence: str, text: str) -> None:
    done = vitrine(*COMMANDS[sentence](text))
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    said = done.stdout + done.stderr
    assert longest_echo(said, text) <= MOST_CHARACTERS, said[:500]


def test_what_grpc_says_of_a_long_address_is_cut() -> None:
    theirs = InferenceServerException(msg=f"DNS resolution failed for {LONG}: nobody", status="StatusCode.UNAVAILABLE")
    for url in (LONG + ":8001", SPACED):
        assert longest_echo(str(error_from_library(theirs, url, "vqa", 3, "")), LONG) <= MOST_CHARACTERS


def test_short_values_are_shown_whole() -> None:
    assert quote("mug.jpg") == "'mug.jpg'"
    assert short_name("mug.jpg") == "mug.jpg"
    assert quote(5) == "5"
    assert quote("x" * 78) == repr("x" * 78)
    assert quote("x" * 79) == "'" + "x" * 39 + "… (79 characters)"
    assert without_long_words("a b", "b") == "a b"
