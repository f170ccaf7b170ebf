"""The inbox: a person answers once, the shop alone sees it, whoever waits is told, and nothing acknowledged is lost."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from vitrine_client import AsyncFakeTransport, AsyncVqaClient, FakeTransport
from vitrine_client.feedback.store import FeedbackStore

from desk.app import desk_app
from desk.context import Desk
from desk.hooks import WebHooks
from desk.inbox import Inbox
from desk.limits import ShopLimits
from tests.desk.conftest import HANDED_OVER, KEYS, desk_process, opened

ROUTES = (
    ("GET", "/v1/feedback/{id}"),
    ("GET", "/v1/feedback/{id}/photo"),
    ("POST", "/v1/feedback/{id}/answer"),
    ("POST", "/v1/feedback/{id}/dismiss"),
)


def hand_over(client: Any, photo: bytes, question: str = "Is it real?", **data: str) -> int:
    found = client.post("/v1/answers", files={"photo": photo}, data={"question": question, **data})
    return int(found.json()["answers"][0]["feedback_id"])


def test_a_person_answers_and_whoever_waits_is_told(client: TestClient, photo: bytes) -> None:
    number = hand_over(client, photo)
    assert client.get(f"/v1/feedback/{number}?wait_s=0.2").json()["state"] == "open"

    def answer() -> None:
        time.sleep(0.5)
        assert client.post(f"/v1/feedback/{number}/answer", data={"text": " yes ", "by": "li"}).status_code == 204

    helper = threading.Thread(target=answer)
    helper.start()
    found = client.get(f"/v1/feedback/{number}?wait_s=30").json()
    helper.join()
    assert (found["state"], found["answer"]) == ("answered", "yes")
    assert client.get("/v1/feedback/counts").json()["median_answer_s"] > 0


def test_two_people_cannot_answer_one_question(client: TestClient, photo: bytes) -> None:
    number = hand_over(client, photo)
    assert client.post(f"/v1/feedback/{number}/answer", data={"text": "yes"}).status_code == 204
    for action in ("answer", "dismiss"):
        late = client.post(f"/v1/feedback/{number}/{action}", data={"text": "no"})
        assert (late.status_code, late.json()["detail"]) == (409, f"question {number} is answered already")
    assert client.get(f"/v1/feedback/{number}").json()["answer"] == "yes"
    assert client.post("/v1/feedback/999/answer", data={"text": "no"}).status_code == 404
    assert client.post(f"/v1/feedback/{2**40}/answer", data={"text": "no"}).status_code == 404
    assert client.post(f"/v1/feedback/{number}/answer", data={"text": "  "}).status_code == 422


@pytest.mark.parametrize("question", HANDED_OVER)
def test_what_is_wrong_can_be_said(client: TestClient, photo: bytes, question: str) -> None:
    told = client.post("/v1/feedback", files={"photo": photo}, data={"question": question, "right": "不是", "by": "li"})
    assert told.status_code == 201
    [item] = client.get("/v1/feedback?state=answered").json()
    assert (item["id"], item["answer"]) == (told.json()["id"], "不是")


def test_a_shop_never_sees_anothers(shops: Callable[..., Any], photo: bytes) -> None:
    asked = {"question": "Is it real?", "product": "p", "buyer": "b"}
    answer = shops("north", "POST", "/v1/answers", files={"photo": photo}, data=asked).json()["answers"][0]
    number = answer["feedback_id"]
    assert shops("north", "GET", f"/v1/feedback/{number}/photo").content == photo
    for method, path in ROUTES:
        found = shops("south", method, path.format(id=number), **({"data": {"text": "x"}} if method == "POST" else {}))
        assert found.status_code == 404, path
    assert shops("south", "GET", "/v1/feedback").json() == []
    assert shops("south", "GET", "/v1/feedback/counts").json()["open"] == 0
    assert shops("south", "DELETE", "/v1/feedback?buyer=b").json() == {"removed": 0}
    assert shops("north", "GET", f"/v1/feedback/{number}").json()["state"] == "open"


def test_forgotten_is_gone(client: TestClient, store: FeedbackStore, photo: bytes, tmp_path: Path) -> None:
    number = hand_over(client, photo, buyer="b-7")
    assert client.delete("/v1/feedback").status_code == 422
    assert client.delete("/v1/feedback?buyer=b-7&product=x").status_code == 422
    assert client.delete("/v1/feedback?buyer=b-7").json() == {"removed": 1}
    assert not list((tmp_path / "photos").iterdir())
    assert not store.items()
    assert hand_over(client, photo, buyer="b-8") > number, "no number is given twice"


class _Hook(BaseHTTPRequestHandler):
    told: list[dict[str, Any]]
    failures: list[int]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.failures:
            self.send_response(self.failures.pop())
        else:
            self.told.append(body)
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_a_web_hook_is_told_once_and_again_until_it_takes_it(
    store: FeedbackStore, fake: FakeTransport, photo: bytes
) -> None:
    handler = type("Hook", (_Hook,), {"told": [], "failures": [500]})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hooks = WebHooks(store, {"": f"http://127.0.0.1:{server.server_port}/"})
    desk = Desk(
        AsyncVqaClient(transport=AsyncFakeTransport(fake)), Inbox(store, keep_days=None), ShopLimits(100, 9), None
    )
    with TestClient(desk_app(desk, hooks), base_url="http://127.0.0.1:8080") as client:
        number = hand_over(client, photo)
        client.post(f"/v1/feedback/{number}/answer", data={"text": "yes"})
        for _ in range(100):
            if handler.told:  # type: ignore[attr-defined]
                break
            time.sleep(0.1)
        time.sleep(1.5)
    server.shutdown()
    assert [(item["id"], item["answer"]) for item in handler.told] == [(number, "yes")]  # type: ignore[attr-defined]


def test_a_store_that_comes_later_is_waited_for(fake: FakeTransport, photo: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "not there yet"
    with FeedbackStore(f"sqlite:///{folder / 'desk.db'}", waits=True) as store:
        desk = Desk(AsyncVqaClient(transport=AsyncFakeTransport(fake)), Inbox(store, keep_days=None),
                    ShopLimits(100, 9), None)  # fmt: skip
        with TestClient(desk_app(desk), base_url="http://127.0.0.1:8080") as client:
            asked = {"files": {"photo": photo}, "data": {"question": "Is it real?"}}
            assert client.get("/health/ready").json()["ready"] is False
            assert client.post("/v1/answers", **asked).status_code == 503  # type: ignore[arg-type]
            assert client.post("/v1/answers", files={"photo": photo}, data={"question": "x"}).status_code == 200
            folder.mkdir()
            assert client.post("/v1/answers", **asked).status_code == 200  # type: ignore[arg-type]
            assert client.get("/health/ready").json()["ready"] is True


@pytest.mark.servers
def test_a_killed_desk_loses_nothing_acknowledged(
    repository: Path, store_url: str, photo: bytes, tmp_path: Path
) -> None:
    acknowledged: set[int] = set()
    for turn in range(2):
        with desk_process(repository, store_url, tmp_path) as (process, url):

            def ask(url: str = url, turn: int = turn) -> None:
                for number in range(10_000):
                    question = f"is it number {turn} {number}?"
                    try:
                        told = httpx.post(f"{url}/v1/feedback", files={"photo": photo}, data={"question": question})
                    except httpx.HTTPError:
                        return
                    if told.status_code == 201:
                        acknowledged.add(told.json()["id"])

            asking = threading.Thread(target=ask)
            asking.start()
            while len(acknowledged) < 15 * (turn + 1):
                time.sleep(0.05)
            os.kill(process.pid, signal.SIGKILL)
            asking.join()
    with FeedbackStore(store_url, photos=tmp_path / "photos") as store:
        assert acknowledged <= {item.id for item in store.items()}
        assert all(item.photo_file and item.photo_file.read_bytes() == photo for item in store.items())


@pytest.mark.servers
def test_a_desk_that_ends_answers_what_it_took(repository: Path, photo: bytes, tmp_path: Path) -> None:
    with desk_process(repository, f"sqlite:///{tmp_path / 'd.db'}", tmp_path) as (process, url):
        statuses: list[int] = []

        def ask() -> None:
            for _ in range(1000):
                try:
                    found = httpx.post(
                        f"{url}/v1/answers", files={"photo": photo}, data={"question": "what?"}, timeout=30
                    )
                except httpx.ConnectError:
                    return
                statuses.append(found.status_code)

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for thread in asking:
            thread.start()
        while len(statuses) < 40:
            time.sleep(0.05)
        number = hand_over_to(url, photo)
        waiting: list[httpx.Response] = []
        waiter = threading.Thread(
            target=lambda: waiting.append(httpx.get(f"{url}/v1/feedback/{number}?wait_s=50", timeout=60))
        )
        waiter.start()
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        for thread in (*asking, waiter):
            thread.join()
        assert process.wait(30) == 0
        assert (waiting[0].status_code, waiting[0].json()["state"]) == (200, "open")
    assert set(statuses) == {200}


def hand_over_to(url: str, photo: bytes) -> int:
    found = httpx.post(f"{url}/v1/feedback", files={"photo": photo}, data={"question": "really?"})
    return int(found.json()["id"])


def test_who_waits_keeps_nobody_from_answering(store: FeedbackStore, fake: FakeTransport, photo: bytes) -> None:
    with opened(store, fake, under_way=2) as client:
        number = hand_over(client, photo)
        waiters = [threading.Thread(target=lambda: client.get(f"/v1/feedback/{number}?wait_s=30")) for _ in range(4)]
        for waiter in waiters:
            waiter.start()
        time.sleep(0.5)
        assert client.post(f"/v1/feedback/{number}/answer", data={"text": "yes"}).status_code == 204
        for waiter in waiters:
            waiter.join()


def test_only_who_waits_is_counted_apart(store: FeedbackStore, fake: FakeTransport, photo: bytes) -> None:
    with opened(store, fake, under_way=0) as client:
        asked = {"files": {"photo": photo}, "data": {"question": "x"}}
        assert client.post("/v1/answers?wait_s=1", **asked).status_code == 429  # type: ignore[arg-type]
        assert client.get("/v1/feedback/7?wait_s=1").status_code == 404


def test_a_shop_is_told_of_a_question_that_was_open_again(
    store: FeedbackStore, client: TestClient, photo: bytes
) -> None:
    number = hand_over(client, photo)
    client.post(f"/v1/feedback/{number}/dismiss")
    store.mark_told(number)
    assert not store.untold("")
    hand_over(client, photo)
    client.post(f"/v1/feedback/{number}/answer", data={"text": "yes"})
    assert [item.answer for item in store.untold("")] == ["yes"]


def test_a_dismissed_question_that_is_asked_again_is_open(client: TestClient, photo: bytes) -> None:
    number = hand_over(client, photo)
    client.post(f"/v1/feedback/{number}/dismiss")
    assert hand_over(client, photo) == number
    assert client.get(f"/v1/feedback/{number}").json()["state"] == "open"
    assert hand_over(client, photo, buyer="another") != number


def test_the_list_goes_on_after_a_question(client: TestClient, photo: bytes) -> None:
    numbers = [hand_over(client, photo, product=f"p {n}") for n in range(5)]
    first = [item["id"] for item in client.get("/v1/feedback?limit=3").json()]
    assert first + [item["id"] for item in client.get(f"/v1/feedback?after={first[-1]}").json()] == numbers


def test_keys_of_the_test_are_those_of_the_gateways_file(keys_file: Path) -> None:
    from desk.keys import shop_of, shops_in

    shops = shops_in(keys_file)
    assert {shop_of(shops, f"Bearer {key}") for key in KEYS.values()} == set(KEYS)
    for wrong in (None, "", "Bearer", f"Basic {KEYS['north']}", "Bearer x"):
        assert shop_of(shops, wrong) is None
