"""Bad requests among good ones, many at a time: every good one is answered, and nothing stays behind in the server."""

import os
import random
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from vitrine_client import InvalidRequestError, VqaClient

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings

PHOTOS = [photo_from_seed(first_seed("test") + 70 + number).jpeg_bytes() for number in range(4)]
COLOURS = {"What colour is it?": ["red", "blue"], "它是什么颜色的？": ["红色", "蓝色"]}


def refused(call: Callable[[], object]) -> None:
    try:
        call()
    except InvalidRequestError:
        return
    raise AssertionError("a bad request was answered")


def test_bad_requests_harm_no_good_one_and_leave_nothing_in_flight(repository: Path, tmp_path: Path) -> None:
    log = tmp_path / "triton.log"
    settings = ServerSettings(repository, grpc_port=0, metrics_port=None, log_file=log)
    with EmbeddedServer(settings) as server, VqaClient(server.url, timeout_s=20) as client:
        expected = {(photo, text): client.ask(photo, text).text for photo in PHOTOS for text in COLOURS}

        def one(number: int) -> None:
            draw = random.Random(number)
            photo, text = draw.choice(PHOTOS), draw.choice(list(COLOURS))
            new = photo + draw.randbytes(8)  # bytes after the image's end: never seen before
            kind = draw.randrange(7)
            if kind == 0:
                refused(lambda: client.ask(b"hello", text))
            elif kind == 1:
                refused(lambda: client.ask(new, " "))
            elif kind == 2:
                refused(lambda: client.choose(new, text, ["red", "red"]))
            elif kind == 3:
                refused(lambda: client.choose(b"hello", " ", ["qwrt", "zzzz"]))
            elif kind == 4:
                assert set(client.choose(photo, text, COLOURS[text]).probabilities) == set(COLOURS[text])
            else:
                assert client.ask(new if kind == 5 else photo, text).text == expected[photo, text]

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, range(1500)))
        os.kill(server.pid, signal.SIGTERM)  # Triton's own way to stop says what is in flight
        psutil.Process(server.pid).wait(20)
    stopping = log.read_text("utf-8").partition("Waiting for in-flight requests")[2]
    assert "Found 0 model versions that have in-flight inferences" in stopping
    assert "has 1 in-flight" not in stopping
