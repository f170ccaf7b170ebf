"""Asking over HTTP: answers, choices, readings, embeddings; and what is refused, by what status."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from vitrine_client import DeadlineExceededError, FakeTransport, ServerError, ServerUnavailableError
from vitrine_client.feedback.store import FeedbackStore

from tests.desk.conftest import ANSWERS, HANDED_OVER, opened


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """Nothing here depends on the kind of the database."""
    return f"sqlite:///{tmp_path / 'desk.db'}"


MULTIPART = {"content-type": "multipart/form-data; boundary=x"}


def files(photo: bytes) -> dict[str, Any]:
    return {"photo": ("mug.jpg", photo, "image/jpeg")}


@pytest.mark.parametrize(("question", "answer"), ANSWERS.items())
def test_a_question_is_answered(client: TestClient, photo: bytes, question: str, answer: str) -> None:
    found = client.post("/v1/answers", files=files(photo), data={"question": [question, "why?"], "heatmap": True})
    assert found.status_code == 200
    first, second = found.json()["answers"]
    assert (first["text"], first["status"], first["feedback_id"]) == (answer, "answered", None)
    assert len(first["heatmap"]) == 4
    assert second["status"] == "cannot_tell"


@pytest.mark.parametrize("question", HANDED_OVER)
def test_what_is_handed_over_lies_in_the_inbox(client: TestClient, photo: bytes, question: str) -> None:
    asked = {"question": question, "product": "sku-1", "buyer": "b-7"}
    [answer] = client.post("/v1/answers", files=files(photo), data=asked).json()["answers"]
    [item] = client.get("/v1/feedback").json()
    assert (item["id"], item["question"], item["product"]) == (answer["feedback_id"], question, "sku-1")
    quiet = client.post("/v1/answers", files=files(photo), data={"question": question, "inbox": False})
    assert quiet.json()["answers"][0]["feedback_id"] is None
    assert client.get("/v1/feedback/counts").json()["open"] == 1


def test_lists_readings_and_vectors(client: TestClient, photo: bytes) -> None:
    asked = {"question": "What colour is it?", "candidate": ["blue", "red"]}
    chosen = client.post("/v1/choices", files=files(photo), data=asked).json()
    assert (chosen["text"], chosen["probabilities"]) == ("red", {"blue": 0.0, "red": 1.0})
    assert client.post("/v1/readings", files=files(photo)).json()["lines"][0]["text"] == "Net weight 500 g"
    assert len(client.post("/v1/embeddings", files=files(photo)).json()["vector"]) == 16


@pytest.mark.parametrize(
    ("data", "has_photo", "says"),
    [
        ({"question": "what?"}, False, "photo: Field required"),
        ({}, True, "question: Field required"),
        ({"question": "  "}, True, "the question is empty or blank"),
        ({"question": ["what?"] * 17}, True, "17 questions came, but 16 at most"),
        ({"question": "what?", "max_risk": "much"}, True, "max_risk: Input should be a valid number"),
        ({"question": "what?", "max_risk": "7"}, True, "less than or equal to 1"),
        ({"question": "Is it real?", "product": "\0"}, True, "null byte"),
        ({"question": "what?", "product": "x" * 201}, True, "product: String should have at most 200"),
    ],
)
def test_what_cannot_be_is_refused(
    client: TestClient, photo: bytes, data: dict[str, Any], has_photo: bool, says: str
) -> None:
    found = client.post("/v1/answers", files=files(photo) if has_photo else {"other": b"x"}, data=data)
    assert found.status_code == 422, found.text
    assert found.headers["content-type"] == "application/problem+json"
    assert says in found.json()["detail"]


def test_an_empty_photo_and_other_bodies_are_refused(client: TestClient) -> None:
    assert client.post("/v1/answers", files=files(b""), data={"question": "what?"}).status_code == 422
    for body, kind in ((b"{}", "application/json"), (b"\xff\xd8", "image/jpeg"), (b"--x", "multipart/form-data")):
        found = client.post("/v1/answers", content=body, headers={"content-type": kind})
        assert 400 <= found.status_code < 500, (kind, found.text)
        assert found.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_too_large_is_refused_before_it_is_read(client: TestClient, fake: FakeTransport) -> None:
    head = {"content-length": str(10**9), "content-type": "multipart/form-data; boundary=x"}
    assert client.post("/v1/answers", content=b"--x", headers=head).status_code == 413
    many = [bytes(2**20)] * 25  # without a length
    assert client.post("/v1/answers", content=iter([b"--x\r\n", *many]), headers=MULTIPART).status_code == 413
    assert client.post("/v1/chat/completions", content=iter(many)).status_code == 413
    large = {"photo": ("mug.jpg", bytes(24 * 2**20), "image/jpeg")}
    assert client.post("/v1/answers", files=large, data={"question": "what?"}).status_code == 413
    assert client.post("/v1/answers", files={"photo": bytes(17 * 2**20)}, data={"question": "x"}).status_code == 422
    assert not fake.requests


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ServerUnavailableError("no server", code="UNAVAILABLE"), 503),
        (DeadlineExceededError("late", code="DEADLINE_EXCEEDED"), 504),
        (ServerError("failed", code="INTERNAL"), 502),
    ],
)
def test_a_server_that_fails_is_said(
    client: TestClient, fake: FakeTransport, photo: bytes, error: Exception, status: int
) -> None:
    fake.fail_with = error  # type: ignore[assignment]
    found = client.post("/v1/answers", files=files(photo), data={"question": "what?"})
    assert found.status_code == status
    assert ("retry-after" in found.headers) == (status == 503)
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/live").status_code == 200
    fake.fail_with = None
    assert client.get("/health/ready").json() == {"ready": True, "server": "", "store": "", "catalogue": ""}


def test_nothing_is_read_of_who_shows_no_key(shops: Callable[..., Any]) -> None:
    for path in ("/v1/answers", "/v1/feedback", "/v1/chat/completions"):
        assert shops("", "POST", path, content=b"no form").status_code == 401


def test_a_photo_of_too_many_pixels_is_not_explained(client: TestClient) -> None:
    buffer = io.BytesIO()
    Image.new("1", (9000, 9000)).save(buffer, "PNG")
    found = client.post("/v1/explanations", files=files(buffer.getvalue()), data={"question": "What colour is it?"})
    assert found.status_code == 422


def test_an_answer_is_explained(client: TestClient, photo: bytes) -> None:
    found = client.post("/v1/explanations", files=files(photo), data={"question": "What colour is it?"}).json()
    assert found["answer"]["text"] == "red"
    assert [len(row) for row in found["drops"]] == [7] * 7


def test_a_bug_is_answered_and_logged_without_what_came(
    client: TestClient, fake: FakeTransport, photo: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    fake.fail_with = ZeroDivisionError("secret of the caller")  # type: ignore[assignment]  # no error of ours
    found = client.post("/v1/answers", files=files(photo), data={"question": "what?"})
    assert (found.status_code, found.json()["detail"]) == (500, "the desk failed; its log says where")
    assert "ZeroDivisionError in " in caplog.text
    assert "secret" not in caplog.text + found.text
    assert "Traceback" not in caplog.text


def test_keys_are_asked_for(shops: Callable[..., Any], photo: bytes) -> None:
    for path in ("/v1/answers", "/v1/choices", "/v1/readings", "/v1/embeddings", "/v1/feedback", "/mcp/",
                 "/v1/chat/completions"):  # fmt: skip
        found = shops("", "POST", path, files=files(photo))
        assert found.status_code == 401, path
        assert found.headers["www-authenticate"] == "Bearer"
    assert shops("north", "POST", "/v1/answers", files=files(photo), data={"question": "x"}).status_code == 200
    assert shops("", "GET", "/").status_code == 200  # the page itself asks for the key


def test_rates_are_of_each_shop(store: FeedbackStore, fake: FakeTransport, keys_file: Path, photo: bytes) -> None:
    from tests.desk.conftest import KEYS

    with opened(store, fake, keys=keys_file, rate=3) as client:
        found = [client.get("/v1/feedback", headers={"authorization": f"Bearer {KEYS['north']}"}) for _ in range(5)]
        assert [one.status_code for one in found] == [200, 200, 200, 429, 429]
        assert found[-1].headers["retry-after"] == "1"
        assert client.get("/v1/feedback", headers={"authorization": f"Bearer {KEYS['south']}"}).status_code == 200


def test_pages_of_other_sites_cannot_ask(client: TestClient, photo: bytes) -> None:
    def ask(origin: str) -> int:
        head = {"origin": origin}
        return client.post("/v1/answers", files=files(photo), data={"question": "what?"}, headers=head).status_code

    assert ask("http://127.0.0.1:8080") == 200
    assert ask("https://evil.example") == 403
    assert ask("null") == 403
    rebound = {"host": "evil.example:8080", "origin": "http://evil.example:8080"}
    assert client.get("/v1/feedback", headers=rebound).status_code == 403, "a name that was made to lead here"


@pytest.mark.parametrize(
    "path", ["/page/../app.py", "/page/%2e%2e/app.py", "/page/texts.json", "/page//etc/passwd", "/x"]
)
def test_only_the_pages_own_files_are_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def chat(photo: bytes, question: str, **more: Any) -> dict[str, Any]:
    url = "data:image/jpeg;base64," + base64.b64encode(photo).decode()
    content = [{"type": "text", "text": question}, {"type": "image_url", "image_url": {"url": url}}]
    return {"model": "vitrine", "messages": [{"role": "user", "content": content}], **more}


@pytest.mark.parametrize(("question", "answer"), ANSWERS.items())
def test_chat_completions(client: TestClient, photo: bytes, question: str, answer: str) -> None:
    found = client.post("/v1/chat/completions", json=chat(photo, question, temperature=0.2, n=1)).json()
    assert found["choices"][0]["message"] == {"role": "assistant", "content": answer, "refusal": None}
    assert found["vitrine"]["status"] == "answered"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"stream": True}, "'stream' is not supported"),
        ({"tools": [{}]}, "'tools' is not supported"),
        ({"n": 2}, "'n' is not supported"),
        ({"messages": [{"role": "user", "content": "what?"}]}, "no photo came"),
        ({"messages": [{"role": "tool", "content": "what?"}]}, "messages of system, user and assistant"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "parts other than"),
    ],
)
def test_what_chat_does_not_support_is_said(
    client: TestClient, photo: bytes, changed: dict[str, Any], says: str
) -> None:
    found = client.post("/v1/chat/completions", json=chat(photo, "what?") | changed)
    assert found.status_code in (400, 422)
    assert says in found.json()["error"]["message"]


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest/meta-data", "https://example.com/a.jpg", "file:///etc/passwd", "data:image/png,abc",
     "data:image/png;base64,***", "//host/a.jpg", ""],
)  # fmt: skip
def test_no_url_is_fetched(client: TestClient, fake: FakeTransport, url: str) -> None:
    content = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": url}}]
    found = client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": content}]})
    assert found.status_code == 400
    assert "169.254" not in found.text
    assert not fake.requests
