"""Which server is asked about a photo, through the gateway: always the same one, unless it is gone or has too much."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
from vitrine_client.calls import ask_call
from vitrine_client.transport import request_from_tensors

from loadtest.server_metrics import scrape
from tests.helpers.fault_server import serving
from tests.helpers.gateway import KEY, PHOTO, envoy_before, wait_until
from tests.helpers.gateway_fake import Fake, failure, serving_fake, stub_at

PHOTOS = [sha256(bytes([number])).hexdigest() for number in range(40)]


@contextmanager
def three_behind(folder: Path) -> Iterator[tuple[list[Fake], Any]]:
    """Three servers behind a gateway, and a stub to call them by."""
    with ExitStack() as stack:
        found = [stack.enter_context(serving_fake("127.0.0.1")) for _ in range(3)]
        servers = [f"127.0.0.1:{port}" for _, port in found]
        url = stack.enter_context(envoy_before(servers, folder, under_way=100, under_way_of_shop=100))
        yield [fake for fake, _ in found], stack.enter_context(stub_at(url, folder))


def who_answers(fakes: list[Fake], stub: Any, photo: str) -> int:
    """The number of the server that one question about a photo gets to."""
    for fake in fakes:
        fake.asked.clear()
    assert failure(stub, "", photo=photo).code() == grpc.StatusCode.INTERNAL
    [number] = [number for number, fake in enumerate(fakes) if fake.asked]
    return number


def test_one_photo_goes_to_one_server_and_many_to_all(tmp_path: Path) -> None:
    with three_behind(tmp_path) as (fakes, stub):
        first = [who_answers(fakes, stub, photo) for photo in PHOTOS]
        assert [who_answers(fakes, stub, photo) for photo in PHOTOS] == first
        assert set(first) == {0, 1, 2}


def test_a_server_that_dies_fails_no_call_and_moves_only_its_own_photos(tmp_path: Path) -> None:
    with three_behind(tmp_path) as (fakes, stub):
        first = [who_answers(fakes, stub, photo) for photo in PHOTOS]
        fakes[0].server.stop(None).wait()
        after = [who_answers(fakes, stub, photo) for photo in PHOTOS]
        assert all(now == before for now, before in zip(after, first, strict=True) if before)
        assert 0 not in after


def test_a_server_that_takes_nothing_fails_no_call(tmp_path: Path) -> None:
    with three_behind(tmp_path) as (fakes, stub):
        fakes[0].is_busy = True
        for photo in PHOTOS:
            assert failure(stub, "", photo=photo).code() == grpc.StatusCode.INTERNAL
        assert fakes[0].asked, "it was asked, and said no"


def test_real_servers_know_a_photo_again(repository: Path, tmp_path: Path) -> None:
    """Each photo is looked into by one of two servers, and the other one never sees it."""
    calls = [ask_call(PHOTO + bytes([number]), "What is this?", None) for number in range(6)]
    logs = [("--log-file", str(tmp_path / name)) for name in ("1.log", "2.log")]
    with (
        serving(repository, tmp_path, *logs[0]) as one,
        serving(repository, tmp_path, *logs[1]) as two,
        envoy_before([one.url, two.url], tmp_path) as url,
        stub_at(url, tmp_path) as stub,
    ):
        for _ in range(5):
            for call, photo in zip(calls, PHOTOS, strict=False):
                request = request_from_tensors(call.model, call.inputs, call.outputs, call.request_id)
                metadata = [("authorization", f"Bearer {KEY}"), ("x-vitrine-photo", photo)]
                assert stub.ModelInfer(request, timeout=20, metadata=metadata).outputs
        hits = sum(cache_hits(server.metrics_url) for server in (one, two))
        assert hits == 4 * len(calls)


def cache_hits(metrics_url: str) -> float:
    return scrape(metrics_url)["image_features"]["cache_hits"]


def test_a_hot_photo_spreads(tmp_path: Path) -> None:
    with three_behind(tmp_path) as (fakes, stub):
        for photo in PHOTOS:  # each server gets a connection: what waits for one is not under way yet, and not counted
            who_answers(fakes, stub, photo)
        for fake in fakes:
            fake.asked.clear()
        calls = [failure(stub, "slow", photo=PHOTOS[0], timeout_s=60) for _ in range(30)]
        wait_until(lambda: sum(len(fake.asked) for fake in fakes) == len(calls))
        assert all(len(fake.asked) <= 16 for fake in fakes), "half as many more than the mean, at most"
        for fake in fakes:
            fake.may_end.set()
        assert {call.code() for call in calls} == {grpc.StatusCode.INTERNAL}
