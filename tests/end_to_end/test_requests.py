"""Requests to a real server: good ones answered, bad ones refused without harm to others."""

import hashlib
import io
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tritonclient.grpc as triton
from PIL import Image, ImageCms
from tritonclient.utils import InferenceServerException
from vitrine_client import GrpcTransport, InvalidRequestError, VqaClient
from vitrine_client.calls import ask_call

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from checks.fuzz.leaks import leak_in
from vitrine_steps.features import stamp
from vitrine_steps.photo.matrix_profile import DISPLAY_P3_PRIMARIES, rgb_profile, srgb_curve


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def client(server_url: str) -> VqaClient:
    return VqaClient(server_url, timeout_s=20)


@pytest.fixture(scope="module")
def photo() -> bytes:
    return photo_from_seed(first_seed("test"), long_side_px=(300, 400)).jpeg_bytes()


RED = Image.new("RGB", (50, 40), "red")
BAD_PHOTOS = {
    "empty": (b"", "empty (0 bytes)"),
    "not an image": (b"certainly not", "not an image that is known here"),
    "a GIF": (encoded(RED, "GIF"), "JPEG, PNG, WEBP, AVIF"),
    "a film": (b"\0\0\0\x18ftypmp42" + bytes(50), "format, MP4, is not accepted"),
    "an AVIF cut short": (encoded(RED.resize((300, 300)), "AVIF")[:-90], "the AVIF photo"),
    "cut short": (encoded(RED.resize((300, 300)), "JPEG")[:700], "broken or cut short"),
    "too many bytes": (b"\xff\xd8\xff" + bytes(16 * 2**20), "more than the 16777216 allowed"),
    "too many pixels": (encoded(Image.new("1", (8000, 8000)), "PNG"), "64000000 pixels"),
}
BAD_QUESTIONS = {
    "empty": (b"", "empty or blank"),
    "blank": (" 　\n".encode(), "empty or blank"),
    "too many tokens, English": (b"what colour " * 30, "tokens, more than the 32 allowed"),
    "too many tokens, Chinese": (("什么颜色" * 20).encode(), "tokens, more than the 32 allowed"),
    "not UTF-8": (b"\xff\xfe", "not UTF-8"),
    "a null byte": (b"what\0", "null byte"),
}


@pytest.mark.parametrize("sentence", BAD_PHOTOS)
def test_a_bad_photo_is_refused_clearly(server_url: str, sentence: str) -> None:
    photo, words = BAD_PHOTOS[sentence]
    transport = GrpcTransport(server_url)  # without the client, which refuses some of them itself
    for question in ("What is it?", "这是什么？"):
        call = ask_call(photo, question, None)
        with pytest.raises(InvalidRequestError) as caught:
            transport.infer(call.model, call.inputs, call.outputs, timeout_s=20, request_id="")
        assert words in caught.value.message
        assert leak_in(caught.value.message) is None
    transport.close()


def raw_infer(url: str, photos: list[bytes], questions: list[bytes]) -> np.ndarray:
    """Several rows in one request, as any Triton client can send them."""
    server = triton.InferenceServerClient(url)
    inputs = []
    for name, values in (("IMAGE", photos), ("QUESTION", questions)):
        tensor = triton.InferInput(name, [len(values), 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[value] for value in values], np.object_))
        inputs.append(tensor)
    answers: np.ndarray = server.infer("vqa", inputs, client_timeout=20).as_numpy("ANSWER")
    return answers


@pytest.mark.parametrize("sentence", BAD_QUESTIONS)
def test_a_bad_question_is_refused_clearly(server_url: str, photo: bytes, sentence: str) -> None:
    question, words = BAD_QUESTIONS[sentence]
    with pytest.raises(InferenceServerException) as caught:
        raw_infer(server_url, [photo], [question])
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"
    assert words in caught.value.message()
    assert leak_in(caught.value.message()) is None


QUESTIONS_AT_ONCE = {
    "none": (0, "0 questions about one photo came, but 1 to 16 are accepted"),
    "too many": (17, "17 questions about one photo came, but 1 to 16 are accepted"),
}


@pytest.mark.parametrize("sentence", QUESTIONS_AT_ONCE)
@pytest.mark.parametrize("question", ["What is it?", "这是什么？"])
def test_a_wrong_number_of_questions_is_refused_clearly(
    server_url: str, photo: bytes, sentence: str, question: str
) -> None:
    count, words = QUESTIONS_AT_ONCE[sentence]
    tensors = {"IMAGE": [photo], "QUESTION": [question.encode()] * count}
    inputs = [triton.InferInput(name, [1, len(values)], "BYTES") for name, values in tensors.items()]
    for tensor, values in zip(inputs, tensors.values(), strict=True):
        tensor.set_data_from_numpy(np.array(values, np.object_).reshape(1, -1))
    with pytest.raises(InferenceServerException) as caught:
        triton.InferenceServerClient(server_url).infer("vqa", inputs, client_timeout=20)
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"
    assert words in caught.value.message()


ODD_BUT_GOOD = {
    "emoji": "🙂 what colour is it? 🙂",
    "full-width English": "Ｗｈａｔ　ｃｏｌｏｕｒ　ｉｓ　ｉｔ？",
    "full-width in Chinese": "有２个吗？",
    "traditional characters": "這是什麼顏色？",
    "two languages": "这个 mug 是什么颜色?",
    "one word": "颜色？",
}


@pytest.mark.parametrize("sentence", ODD_BUT_GOOD)
def test_odd_questions_are_answered(client: VqaClient, photo: bytes, sentence: str) -> None:
    assert client.ask(photo, ODD_BUT_GOOD[sentence]).text


@pytest.mark.parametrize(
    "text", ["？", "1", "<script>alert(1)</script>", "hello", "在吗", "De quelle couleur est-ce ?"]
)
def test_what_is_no_question_goes_to_a_person(client: VqaClient, photo: bytes, text: str) -> None:
    answer = client.ask(photo, text)
    assert (answer.status, answer.text) == ("hand_over", "")
    assert answer.reason == "the question is not understood"


@pytest.mark.parametrize("text", ["颜色？", "色？", "顏色？", "老板这个啥色的", "colour?", "wat color pls"])
def test_short_questions_about_colour_get_a_colour(client: VqaClient, photo: bytes, text: str) -> None:
    full = "这是什么颜色？" if text[0] > "z" else "What colour is it?"
    assert client.ask(photo, text).text == client.ask(photo, full).text


def test_full_width_asks_the_same(client: VqaClient, photo: bytes) -> None:
    plain, wide = client.ask_many(photo, ["What colour is it?", ODD_BUT_GOOD["full-width English"]])
    assert plain.text == wide.text
    assert plain.confidence == pytest.approx(wide.confidence, abs=1e-6)


ODD_PHOTOS = {
    "AVIF": encoded(RED, "AVIF"),
    "a JPEG without its end marker": encoded(RED, "JPEG")[:-2],
    "CMYK": encoded(RED.convert("CMYK"), "JPEG"),
    "16-bit grey": encoded(Image.fromarray(np.full((40, 50), 40000, np.uint16)), "PNG"),
    "palette": encoded(RED.convert("P"), "PNG"),
    "transparent": encoded(Image.new("RGBA", (40, 40), (255, 0, 0, 0)), "PNG"),
    "one bit": encoded(RED.convert("1"), "PNG"),
    "animated": encoded(RED, "WEBP", save_all=True, append_images=[Image.new("RGB", (50, 40), "blue")]),
    "one pixel": encoded(Image.new("RGB", (1, 1)), "PNG"),
    "a long strip": encoded(Image.new("RGB", (3000, 2)), "PNG"),
}


@pytest.mark.parametrize("sentence", ODD_PHOTOS)
def test_odd_photos_are_answered(client: VqaClient, sentence: str) -> None:
    answers = client.ask_many(ODD_PHOTOS[sentence], ["What colour is it?", "什么颜色"])
    assert all(answer.text for answer in answers)


def test_a_profile_and_a_process_apart_change_no_answer(client: VqaClient) -> None:
    """The same product in sRGB, in Display P3 with its profile, and as AVIF."""
    image = photo_from_seed(first_seed("test") + 5, long_side_px=(300, 400)).image
    profile = rgb_profile(DISPLAY_P3_PRIMARIES, srgb_curve)
    assert profile
    p3 = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    wide = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), p3)
    assert wide
    photos = [encoded(image, "PNG"), encoded(wide, "PNG", icc_profile=profile), encoded(image, "AVIF", quality=95)]
    questions = ["What is it?", "什么颜色"]
    own, *others = [[answer.text for answer in client.ask_many(photo, questions)] for photo in photos]
    assert others == [own, own]


def test_a_request_of_several_rows_is_answered_row_by_row(server_url: str, client: VqaClient, photo: bytes) -> None:
    other = photo_from_seed(first_seed("test") + 5, long_side_px=(300, 400)).jpeg_bytes()
    questions = ["What is it?", "这是什么？", "What colour is it?"]
    answers = raw_infer(server_url, [photo, other, other], [q.encode() for q in questions])
    alone = [client.ask(p, q).text for p, q in zip([photo, other, other], questions, strict=True)]
    assert [row[0].decode() for row in answers] == alone


Metric = Callable[[str, str], float]


@pytest.fixture
def metric(metrics_url: str) -> Metric:
    """What the server counts now: the sum over a metric's samples of one model."""

    def value(name: str, model: str) -> float:
        with urllib.request.urlopen(metrics_url) as page:  # noqa: S310  our own server
            lines = page.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name) and f'"{model}"' in line)

    return value


def test_bad_requests_harm_none_that_they_meet_in_a_batch(server_url: str, client: VqaClient, metric: Metric) -> None:
    # Photos that were never seen, so that every request goes through all steps.
    seeds = range(first_seed("test") + 200, first_seed("test") + 224)
    photos = [photo_from_seed(seed, long_side_px=(256, 300)).jpeg_bytes() for seed in seeds]
    names = ("nv_inference_count", "nv_inference_exec_count")
    before = [metric(name, "image_preprocess") for name in names]

    def ask_good(photo: bytes) -> str:
        return client.ask(photo, "What is it?").text

    def ask_bad(_: int) -> str:
        with pytest.raises(InferenceServerException) as caught:
            raw_infer(server_url, [photos[0] + b"unseen", b"broken"], [b"What is it?", b"What is it?"])
        assert "row 2 of 2: the photo is not an image" in caught.value.message()
        return str(caught.value.status())

    with ThreadPoolExecutor(32) as pool:
        bad, good = pool.map(ask_bad, range(8)), list(pool.map(ask_good, photos))
        assert set(bad) == {"StatusCode.INVALID_ARGUMENT"}
    rows, runs = (metric(name, "image_preprocess") - value for name, value in zip(names, before, strict=True))
    assert runs < rows, "some requests shared a batch"
    assert good == [client.ask(photo, "What is it?").text for photo in photos]


def decoder_request(url: str, ids: np.ndarray) -> np.ndarray:
    """Ask the decoder itself, as a caller can who knows its name."""
    mask = np.ones_like(ids)
    inputs = []
    for name, array, kind in (
        ("IMAGE_FEATURES", np.zeros((1, 52, 192), np.float16), "FP16"),
        ("QUESTION_IDS", ids, "INT32"),
        ("QUESTION_MASK", mask, "INT32"),
    ):
        tensor = triton.InferInput(name, list(array.shape), kind)
        tensor.set_data_from_numpy(array)
        inputs.append(tensor)
    answer: np.ndarray = triton.InferenceServerClient(url).infer("answer_decoder", inputs).as_numpy("ANSWER_IDS")
    return answer


def test_a_request_that_the_engine_fails_on_harms_no_other(server_url: str) -> None:
    good_ids = np.full((1, 1, 32), 7, np.int32)
    expected = decoder_request(server_url, good_ids).tolist()

    def ask(index: int) -> object:
        if index % 4:
            return decoder_request(server_url, good_ids).tolist()
        with pytest.raises(InferenceServerException) as caught:
            decoder_request(server_url, np.full((1, 1, 32), 10**6, np.int32))  # no such token
        assert leak_in(caught.value.message()) is None
        return str(caught.value.status())

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(64)))
    assert all(a == ("StatusCode.INTERNAL" if i % 4 == 0 else expected) for i, a in enumerate(answers))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_features_of_another_photo_are_an_error_and_a_metric(
    server_url: str, photo: bytes, metric: Metric, language: str
) -> None:
    """The check itself, whatever the cache does; test_cache_collision.py makes the cache err."""
    before = metric("vitrine_feature_mismatch_total", "answer_postprocess")
    with VqaClient(server_url) as client:
        release = client.embed(photo).release
    digest = np.frombuffer(hashlib.sha256(photo).digest(), np.uint8).copy()
    answer = {"en": 200, "zh": 300}[language]
    for is_own in (True, False):
        digest[5] ^= 0 if is_own else 1
        inputs = []
        for name, array, kind in (
            ("IMAGE", np.array([[photo]], np.object_), "BYTES"),
            ("IMAGE_SHA256", stamp(digest[None], release), "UINT8"),
            ("QUESTION", np.array([[b"What is it?"]], np.object_), "BYTES"),
            ("ANSWER_IDS", np.full((1, 1, 5, 8), answer, np.int32), "INT32"),
            ("ANSWER_LOGPROBS", np.zeros((1, 1, 5, 8), np.float32), "FP32"),
            ("ATTENTION", np.ones((1, 1, 50), np.float32), "FP32"),
        ):
            tensor = triton.InferInput(name, list(array.shape), kind)
            tensor.set_data_from_numpy(array)
            inputs.append(tensor)
        server = triton.InferenceServerClient(server_url)
        if is_own:
            assert server.infer("answer_postprocess", inputs).as_numpy("ANSWER")[0, 0]
        else:
            with pytest.raises(InferenceServerException, match="belong to another photo") as caught:
                server.infer("answer_postprocess", inputs)
            assert caught.value.status() == "StatusCode.INTERNAL"
    assert metric("vitrine_feature_mismatch_total", "answer_postprocess") == before + 1


@pytest.mark.parametrize("question", ["What colour is it?", "它是什么颜色的？"])
def test_an_answer_carries_a_calibrated_confidence_and_alternatives(
    client: VqaClient, photo: bytes, question: str
) -> None:
    answer = client.ask(photo, question)
    assert answer.status == "answered"
    assert answer.confidence is not None
    assert answer.confidence > 0.8
    assert answer.alternatives[0].text == answer.text
    assert answer.alternatives[0].confidence == answer.confidence
    assert len(answer.alternatives) > 1
    sure = [alternative.confidence or 0.0 for alternative in answer.alternatives]
    assert sum(sure) <= 1.0001
    assert len({alternative.text for alternative in answer.alternatives}) == len(answer.alternatives)


@pytest.mark.parametrize("question", ["What colour is it?", "它是什么颜色的？"])
def test_a_stricter_risk_hands_over_with_the_reason(client: VqaClient, photo: bytes, question: str) -> None:
    answer = client.ask(photo, question, max_risk=1e-6)
    assert answer.status == "hand_over"
    assert answer.reason.startswith("a risk of 0.0001% was asked for, but the strictest risk")
    assert answer.text == client.ask(photo, question).text, "the answer is still told to the person"
    assert [a.status for a in client.ask_many(photo, [question] * 3, max_risk=1.0)] == ["answered"] * 3


@pytest.mark.parametrize("risk", [0.0, -1.0, 2.0])
def test_an_impossible_risk_is_refused(client: VqaClient, photo: bytes, risk: float) -> None:
    with pytest.raises(InvalidRequestError, match=f"MAX_RISK is {risk:g}, but a share of wrong answers is expected"):
        client.ask(photo, "What is it?", max_risk=risk)


def test_a_second_question_finds_the_features_in_the_cache(client: VqaClient, metric: Metric) -> None:
    new = photo_from_seed(first_seed("test") + 77, long_side_px=(300, 400)).jpeg_bytes()
    hits, encoded_photos = (
        metric("nv_cache_num_hits_per_model", "image_features"),
        metric("nv_inference_count", "image_encoder"),
    )
    client.ask(new, "What is it?")
    client.ask(new, "什么颜色")
    client.embed(new)
    assert metric("nv_cache_num_hits_per_model", "image_features") - hits == 2
    assert metric("nv_inference_count", "image_encoder") - encoded_photos == 1


def test_an_embedding_does_not_depend_on_what_was_asked_before(client: VqaClient) -> None:
    """Triton's cache keeps just the outputs that the first request asked for."""
    for order in ("ask first", "embed first"):
        new = photo_from_seed(first_seed("test") + len(order), long_side_px=(256, 300)).jpeg_bytes()
        if order == "ask first":
            client.ask(new, "What is it?")
        embedding = client.embed(new)
        assert embedding.sha256 == hashlib.sha256(new).digest()
        assert client.ask(new, "What is it?").text


def test_like_photos_are_near(client: VqaClient) -> None:
    photo = photo_from_seed(first_seed("test") + 3, long_side_px=(400, 500))
    other = photo_from_seed(first_seed("test") + 4, long_side_px=(400, 500))
    smaller = photo.image.resize((photo.image.width // 2, photo.image.height // 2))
    vectors = [client.embed(image).vector for image in (photo.image, smaller, other.image)]
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
