"""What a caller sees, on the fake and on the real server alike."""

import dataclasses
import hashlib
import io
import multiprocessing
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tritonclient.utils import InferenceServerException
from vitrine_client import (
    DeadlineExceededError,
    FakeTransport,
    InvalidPhotoError,
    InvalidRequestError,
    ServerUnavailableError,
    TlsFiles,
    VitrineError,
    VqaClient,
)
from vitrine_client.photos import bytes_from_photo
from vitrine_client.sending import error_from_library

from .conftest import HAS_SERVER

EN, ZH = "What colour is it?", "什么颜色"


@pytest.mark.parametrize("question", [EN, ZH])
def test_ask_gives_a_typed_answer(client: VqaClient, photo: Path, question: str) -> None:
    answer = client.ask(photo, question)
    assert answer.text
    assert answer.status in ("answered", "cannot_tell", "hand_over")  # the photo is of no product
    assert answer.confidence is not None
    assert 0 <= answer.confidence <= 1
    assert answer.alternatives[0].text == answer.text
    assert answer.heatmap.ndim == 2
    assert answer.heatmap.sum() == pytest.approx(1, abs=1e-4)
    assert len(answer.request_id) == 16


@pytest.mark.parametrize("question", [EN, ZH])
def test_details_may_be_left_out(client: VqaClient, photo: Path, question: str) -> None:
    whole, plain = client.ask(photo, question), client.ask(photo, question, details=False)
    assert (plain.text, plain.status, plain.reason) == (whole.text, whole.status, whole.reason)
    assert plain.confidence == pytest.approx(whole.confidence)
    assert plain.alternatives == ()
    assert plain.heatmap.shape == (0, 0)
    assert [answer.text for answer in client.ask_many(photo, [question], details=False)] == [whole.text]
    with pytest.raises(InvalidRequestError, match="without a heatmap: ask with details=True"):
        plain.overlay(photo)


def test_results_are_frozen(client: VqaClient, photo: Path) -> None:
    answer = client.ask(photo, EN)
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer.text = "other"  # type: ignore[misc]


def test_every_kind_of_photo_gives_the_same_answer(client: VqaClient, photo: Path) -> None:
    image = Image.open(photo)
    answers = {
        client.ask(form, EN).text
        for form in (photo, str(photo), photo.read_bytes(), bytearray(photo.read_bytes()), image, np.asarray(image))
    }
    assert len(answers) == 1


def test_ask_many_keeps_the_order(client: VqaClient, photo: Path) -> None:
    questions = [EN, ZH, EN, ZH, EN] * 4  # more than go as one request
    together = [answer.text for answer in client.ask_many(photo, questions)]
    assert together == [client.ask(photo, question).text for question in questions]
    assert client.ask_many(photo, []) == []


def test_embed_gives_a_unit_vector_and_the_photos_digest(client: VqaClient, photo: Path) -> None:
    embedding = client.embed(photo)
    assert np.linalg.norm(embedding.vector) == pytest.approx(1, abs=1e-5)
    assert embedding.sha256 == hashlib.sha256(photo.read_bytes()).digest()
    assert np.array_equal(embedding.vector, client.embed(photo).vector)


@pytest.mark.parametrize(("is_photo_good", "question"), [(False, EN), (False, ZH), (True, " "), (True, "")])
def test_bad_input_is_the_callers_fault(client: VqaClient, photo: Path, is_photo_good: bool, question: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.ask(photo if is_photo_good else b"", question)
    assert caught.value.code == "INVALID_ARGUMENT"
    assert caught.value.model == "vqa"
    assert caught.value.request_id


def test_ask_many_says_which_question_is_refused(client: VqaClient, photo: Path) -> None:
    for blank in (" ", "　"):
        with pytest.raises(InvalidRequestError, match="question 2 of 3: the question is empty or blank"):
            client.ask_many(photo, [EN, blank, ZH])


@pytest.mark.parametrize(("count", "bad", "said"), [(19, 18, "question 18 of 19: "), (17, 17, "question 17 of 17: ")])
def test_ask_many_says_which_question_of_many_is_refused(
    client: VqaClient, photo: Path, count: int, bad: int, said: str
) -> None:
    questions = [EN if number % 2 else ZH for number in range(1, count + 1)]
    questions[bad - 1] = "　"
    with pytest.raises(InvalidRequestError) as caught:
        client.ask_many(photo, questions)
    assert caught.value.message.startswith(f"{said}the question is empty or blank")
    questions[bad - 1] = None  # type: ignore[call-overload]
    with pytest.raises(InvalidRequestError, match=f"question {bad} of {count}: a question is a str, but a NoneType"):
        client.ask_many(photo, questions)


def test_ask_many_sends_the_photo_once(photo: Path) -> None:
    transport = FakeTransport({EN: "red", ZH: "红色"})
    answers = VqaClient(transport=transport).ask_many(photo, [EN, ZH] * 8)
    assert [answer.text for answer in answers] == ["red", "红色"] * 8
    assert transport.requests == ["vqa"]


def test_many_threads_share_a_client(client: VqaClient, photo: Path) -> None:
    expected = client.ask(photo, EN).text
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(client.ask(photo, EN).text)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 12


def test_health(client: VqaClient) -> None:
    assert client.health().model_ready


UNREADABLE = {
    "no such file": ("/no/such/photo.jpg", "cannot read the photo"),
    "a folder": ("/", "cannot read the photo"),
    "a null byte in the path": ("a\0b", "cannot read the photo"),
    "floats": (np.zeros((4, 4, 3)), "float64 [4, 4, 3] came"),
    "a batch": (np.zeros((2, 4, 4, 3), np.uint8), "uint8 [2, 4, 4, 3] came"),
    "nothing": (np.zeros((0, 0, 3), np.uint8), "[0, 0, 3] came"),
    "a number": (5, "an int came"),
    "too large": (bytes(16 * 2**20 + 1), "more than the 16777216 bytes allowed"),
    "a file without an end": ("/dev/zero", "more than the 16777216 bytes allowed"),
}


@pytest.mark.parametrize("sentence", UNREADABLE)
def test_a_photo_that_cannot_be_sent_is_refused_here(sentence: str) -> None:
    photo, words = UNREADABLE[sentence]
    with pytest.raises(InvalidPhotoError) as caught:
        VqaClient(transport=FakeTransport({})).ask(photo, EN)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_a_fake_failure_reaches_the_caller(photo: Path) -> None:
    transport = FakeTransport({}, fail_with=ServerUnavailableError("down", code="UNAVAILABLE"))
    with pytest.raises(ServerUnavailableError):
        VqaClient(transport=transport).ask(photo, EN)


@pytest.mark.skipif(not HAS_SERVER, reason="tested without a server")
def test_a_deadline_that_passes_is_a_typed_error(server_url: str, photo: Path) -> None:
    with VqaClient(server_url) as client:
        client.ask(photo, EN)
        with pytest.raises(DeadlineExceededError) as caught:
            client.ask(photo, EN, timeout_s=0.0001)
        assert "within 0.0001 s" in caught.value.message
        assert client.ask(photo, EN).text, "the next call is not harmed"


@pytest.mark.parametrize("url", ["vqa.shop:8001", "[::1]:8001", "ipv4:10.0.0.1:8001,10.0.0.2:8001", "dns:///vqa.shop:1",
                                 "ipv6:[::1]:8001", "[fe80::1%eth0.100]:8001",
                                 "unix:/run/vitrine.sock"])  # fmt: skip
def test_addresses_of_all_kinds_are_taken(url: str) -> None:
    VqaClient(url).close()


def test_what_is_no_address_and_no_tls_is_refused_here() -> None:
    with pytest.raises(InvalidRequestError, match="a gRPC address is text"):
        VqaClient(5)  # type: ignore[arg-type]  # as callers without a type checker may
    for empty in ("dns:", "dns:///", "unix:"):
        with pytest.raises(InvalidRequestError, match="a gRPC address is host:port"):
            VqaClient(empty)
    with pytest.raises(InvalidRequestError, match="tls is TlsFiles"):
        VqaClient(tls="ca.crt")  # type: ignore[arg-type]  # as above
    with pytest.raises(InvalidRequestError, match="name the certificate of the authority"):
        VqaClient(tls=TlsFiles(None))  # type: ignore[arg-type]  # as above, such as os.environ.get("CA")


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        (
            "Received http2 header with status: 404",
            "UNIMPLEMENTED",
            "vqa:8001 does not speak gRPC .*404.*name the gRPC",
        ),
        ("Received http2 header with status: 301", "UNKNOWN", "vqa:8001 does not speak gRPC .*301.*name the gRPC"),
        ("Failed to increase the shared memory pool size for key 'x-1'", "INTERNAL", "^the server has run out of"),
        ("Deadline Exceeded", "DEADLINE_EXCEEDED", "^no answer from vqa:8001 within 3 s"),
    ],
)
def test_what_others_say_gets_what_to_do(said: str, code: str, words: str) -> None:
    theirs = InferenceServerException(msg=said, status=f"StatusCode.{code}")
    ours = error_from_library(theirs, "vqa:8001", "vqa", 3, "")
    assert re.search(words, ours.message)
    assert ours.code == code
    assert "x-1" not in str(ours)


def test_one_opened_picture_may_be_sent_from_many_threads(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    picture = Image.effect_noise((400, 300), 40).convert("RGB")
    exif = picture.getexif()
    exif[274] = 6  # orientation: a quarter turn
    picture.save(file, exif=exif)
    expected = bytes_from_photo(Image.open(file))
    assert Image.open(io.BytesIO(expected)).size == (300, 400)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(100):
            opened = Image.open(file)  # its pixels are not read yet
            assert set(pool.map(bytes_from_photo, [opened] * 4)) == {expected}


def test_a_picture_is_encoded_after_a_fork_in_the_middle_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Image.new("RGB", (8, 8))
    is_read, may_end = threading.Event(), threading.Event()

    def load() -> None:
        is_read.set()
        may_end.wait(10)

    monkeypatch.setattr(slow, "load", load)
    fork = multiprocessing.get_context("fork")
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(bytes_from_photo, slow)
        assert is_read.wait(10)
        threading.Timer(0.5, may_end.set).start()  # the fork, which waits for it, has begun by then
        child = fork.Process(target=bytes_from_photo, args=(Image.new("RGB", (8, 8)),))
        child.start()
        child.join(10)
        has_ended = child.exitcode == 0
        child.kill()
        reading.result()
    assert has_ended


def test_an_error_names_its_questions_once(photo: Path) -> None:
    failing = VqaClient(transport=FakeTransport({}, fail_with=ServerUnavailableError("busy", code="UNAVAILABLE")))
    for _ in range(2):
        with pytest.raises(ServerUnavailableError) as caught:
            failing.ask_many(photo, [EN, ZH] * 10)
        assert caught.value.message == "questions 1 to 16 of 20: busy"


@pytest.mark.parametrize("max_risk", [10**400, 1e300, float("nan"), "0.1"])
def test_a_risk_that_is_no_number_is_refused_here(client: VqaClient, photo: Path, max_risk: float) -> None:
    with pytest.raises(InvalidRequestError, match="max_risk is a share"):
        client.ask(photo, ZH, max_risk=max_risk)


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), 1e10, "5", True])
def test_a_timeout_that_cannot_be_is_refused_here(client: VqaClient, photo: Path, timeout_s: float) -> None:
    for call in (
        lambda: client.ask(photo, EN, timeout_s=timeout_s),
        lambda: client.choose(photo, ZH, ["红色"], timeout_s=timeout_s),
        lambda: client.ask_many(photo, [EN] * 20, timeout_s=timeout_s),
        lambda: client.health(timeout_s=timeout_s),
        lambda: VqaClient(timeout_s=timeout_s),
    ):
        with pytest.raises(InvalidRequestError, match=r"^a timeout is a number of seconds"):
            call()
    assert client.ask(photo, EN, timeout_s=np.float32(20)).text  # type: ignore[arg-type]  # a number, too


def test_no_server_is_unavailable_and_says_where(photo: Path) -> None:
    with VqaClient("127.0.0.1:1", timeout_s=5) as client, pytest.raises(VitrineError) as caught:
        client.ask(photo, EN)
    assert caught.value.code == "UNAVAILABLE"
    assert "127.0.0.1:1" in str(caught.value)


def test_an_image_is_sent_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (60, 20), "red").save(buffer, "JPEG", exif=exif)
    sent = Image.open(io.BytesIO(bytes_from_photo(Image.open(buffer))))
    assert sent.size == (20, 60)


def test_a_large_image_is_shrunk_to_what_the_server_takes() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), dtype=np.uint8)  # the worst case for PNG
    sent = bytes_from_photo(noise)
    assert len(sent) < 16 * 2**20
    width, height = Image.open(io.BytesIO(sent)).size
    assert 3.9e6 < width * height <= 4e6


def test_sixteen_bits_are_kept_and_unscaled_values_refused() -> None:
    grey = Image.fromarray(np.full((4, 4), 40_000, np.uint16))
    assert Image.open(io.BytesIO(bytes_from_photo(grey))).mode == "I;16"
    with pytest.raises(InvalidPhotoError, match="no agreed range"):
        bytes_from_photo(Image.new("F", (4, 4)))


def test_a_closed_client_says_so(photo: Path) -> None:
    client = VqaClient("127.0.0.1:1")
    client.close()
    with pytest.raises(VitrineError, match="closed"):
        client.ask(photo, EN, timeout_s=2)


@pytest.mark.parametrize("question", [None, b"bytes", 5])
def test_a_question_that_is_no_text_is_refused_here(photo: Path, question: object) -> None:
    client = VqaClient(transport=FakeTransport({}))
    with pytest.raises(InvalidRequestError, match="a question is a str"):
        client.ask(photo, question)  # type: ignore[arg-type]


def test_ask_many_takes_any_iterable_but_not_one_text(client: VqaClient, photo: Path) -> None:
    assert len(client.ask_many(photo, (question for question in (EN, ZH)))) == 2
    with pytest.raises(InvalidRequestError, match="a list of str"):
        client.ask_many(photo, EN)
    with pytest.raises(InvalidRequestError, match="a list of str, but a NoneType came"):
        client.ask_many(photo, None)  # type: ignore[arg-type]  # as callers without a type checker may


@pytest.mark.parametrize(
    ("question", "candidates"), [("What colour is it?", ["red", "blue", "green"]), ("什么颜色", ["蓝色", "红色"])]
)
def test_choose_gives_each_candidate_its_share(
    client: VqaClient, photo: Path, question: str, candidates: list[str]
) -> None:
    choice = client.choose(photo, question, iter(candidates))
    assert list(choice.probabilities) == candidates, "in their order"
    assert sum(choice.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert choice.status in ("answered", "hand_over", "cannot_tell")
    assert choice.text in (*candidates, "")
    assert choice.confidence is None or 0 <= choice.confidence <= 1
    assert choice.heatmap.sum() == pytest.approx(1, abs=1e-4)
    assert choice.overlay(photo).size == (80, 60)


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([], "is empty"),
        (["red", "red"], "same"),
        (["red", " "], "blank"),
        ("red", "one str came"),
        ([3], "an int came"),
    ],
)
def test_a_bad_list_is_the_callers_fault(client: VqaClient, photo: Path, candidates: list[str], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        client.choose(photo, "What colour is it?", candidates)
