"""Photos read by a real server: labels in both languages, codes, the same photo again, and input that fails."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from vitrine_client import GrpcTransport, InvalidRequestError, ServerError, VqaClient
from vitrine_client.calls import bytes_tensor

from builders.repository.cached_input import cached_input
from catalogue.code_photos import code_from_seed
from catalogue.dataset import first_seed
from catalogue.fonts import chinese_fonts, font_of
from catalogue.labels import LabelPhoto, label_from_seed
from catalogue.photos import photo_from_seed
from measuring.plain_text import plain
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings


@pytest.fixture(scope="module")
def client(server_url: str) -> VqaClient:
    return VqaClient(server_url, timeout_s=60)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def sharp_label(first: int, language: str) -> LabelPhoto:
    labels = (label_from_seed(seed, language) for seed in range(first, first + 50))
    return next(label for label in labels if not label.blur_px and label.contrast > 0.6 and label.line_px > 20)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_label_is_read_line_by_line_where_it_stands(client: VqaClient, language: str) -> None:
    label = sharp_label(10, language)
    reading = client.read(label.jpeg_bytes())
    assert [plain(line.text) for line in reading.lines] == [plain(line.text) for line in label.lines]
    assert [line.status for line in reading.lines] == ["sure"] * len(label.lines)
    assert plain(reading.text) == plain("".join(line.text for line in label.lines))
    for line, drawn in zip(reading.lines, label.lines, strict=True):
        assert np.abs(np.mean(line.box, axis=0) - np.mean(drawn.box, axis=0)).max() < 0.02
    assert reading.lines_left_out == 0
    assert reading.release.startswith("vitrine-small-")


@pytest.mark.parametrize(("language", "question"), [("en", "How long does it keep?"), ("zh", "保质期多久？")])
def test_what_is_printed_answers_a_question(client: VqaClient, language: str, question: str) -> None:
    labels = (sharp_label(first, language) for first in range(100, 200))
    label, life = next(
        (label, value) for label in labels for line in label.lines for kind, value in line.facts if kind == "shelf_life"
    )
    answer = client.ask(label.jpeg_bytes(), question, read_text=True)
    assert (answer.source, answer.status) == ("text", "answered")
    assert answer.text.startswith(life.split()[0])


def test_any_other_question_is_answered_by_the_model(client: VqaClient) -> None:
    photo = photo_from_seed(first_seed("test")).jpeg_bytes()
    with_text, without = (client.ask(photo, "What colour is it?", read_text=read) for read in (True, False))
    assert (with_text.text, with_text.source) == (without.text, "photo")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_code_is_read(client: VqaClient, seed: int) -> None:
    drawn = code_from_seed(seed)
    [code] = client.read(drawn.jpeg_bytes).codes
    assert code.text == drawn.text


def test_the_same_photo_again_comes_from_the_cache_and_another_does_not(client: VqaClient) -> None:
    label = label_from_seed(77, "en").jpeg_bytes()
    assert client.read(label).lines == client.read(label).lines
    assert client.read(label_from_seed(78, "zh").jpeg_bytes()).lines != client.read(label).lines


def test_lines_of_many_photos_do_not_mix(client: VqaClient) -> None:
    labels = [sharp_label(300 + 50 * number, "zh" if number % 2 else "en") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        readings = list(pool.map(lambda label: client.read(label.jpeg_bytes()), labels))
    for label, reading in zip(labels, readings, strict=True):
        assert plain(reading.lines[0].text) == plain(label.lines[0].text)


@pytest.mark.parametrize(
    "size",
    [(1, 1), (3000, 8), (8, 3000), (2000, 1), (1, 2000), (31, 33), (4000, 3000)],
    ids=lambda size: f"{size[0]}x{size[1]}",
)
def test_a_photo_of_any_shape_without_text_has_no_lines(client: VqaClient, size: tuple[int, int]) -> None:
    reading = client.read(png(Image.new("RGB", size, "grey")))
    assert (reading.lines, reading.codes, reading.text) == ((), (), "")


def test_a_stricter_risk_makes_lines_unsure_and_one_that_cannot_be_is_refused(client: VqaClient) -> None:
    photo = sharp_label(10, "en").jpeg_bytes()
    assert {line.status for line in client.read(photo, max_risk=1e-9).lines} == {"unsure"}
    with pytest.raises(InvalidRequestError, match="MAX_RISK is 2, but a share"):
        client.read(photo, max_risk=2)


def test_of_more_lines_than_are_read_the_rest_is_counted(client: VqaClient) -> None:
    page = Image.new("L", (1900, 1900), 255)
    draw = ImageDraw.Draw(page)
    font = font_of(None, 20)
    for row in range(56):
        for column in range(6):
            draw.text((20 + 310 * column, 20 + 33 * row), f"No. {row}-{column}", 0, font)
    reading = client.read(png(page))
    assert len(reading.lines) == 192
    assert reading.lines_left_out > 50


@pytest.mark.parametrize("turn", [Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270])
def test_text_that_lies_or_stands_on_its_head_is_read_or_unsure(client: VqaClient, turn: Image.Transpose) -> None:
    label = sharp_label(10, "en")
    written = {plain(line.text) for line in label.lines}
    reading = client.read(png(label.image.transpose(turn)))
    assert {plain(line.text) for line in reading.lines if line.status == "sure"} <= written


@pytest.mark.parametrize("text", ["שלום עולם", "مرحبا بالعالم", "สวัสดีชาวโลก"])
def test_other_scripts_are_unsure_not_invented(client: VqaClient, text: str) -> None:
    font = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
    if not font.exists():
        pytest.skip("needs DejaVu")
    photo = Image.new("RGB", (700, 200), "white")
    ImageDraw.Draw(photo).text((40, 70), text, "black", font_of(font, 40))
    assert all(line.status == "unsure" for line in client.read(png(photo)).lines)


def test_vertical_chinese_is_one_line(client: VqaClient) -> None:
    photo = Image.new("RGB", (400, 700), "white")
    draw = ImageDraw.Draw(photo)
    for number, character in enumerate("有机高山绿茶"):
        draw.text((160, 60 + 90 * number), character, "black", font_of(chinese_fonts()[0], 72))
    assert [plain(line.text) for line in client.read(png(photo)).lines] == ["有机高山绿茶"]


@pytest.mark.parametrize(
    ("photo", "message"),
    [(b"", "empty"), (b"certainly not", "not an image that is known here"), (b"\xff\xd8\xff\xe0", "broken")],
)
def test_a_bad_photo_is_refused_as_in_questions(client: VqaClient, photo: bytes, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        client.read(photo)


def test_what_another_photo_left_in_the_cache_becomes_no_reading(server_url: str, repository: Path) -> None:
    """The cache verifies no key: what it found is held to the photo itself."""
    transport = GrpcTransport(server_url)
    other = bytes_tensor(label_from_seed(1, "en").jpeg_bytes())
    found = transport.infer(
        "photo_text", {cached_input(repository, "photo_text"): other}, ("PHOTO_TEXT",), timeout_s=60, request_id=""
    )
    mixed = {"IMAGE": bytes_tensor(b"another"), **found}
    with pytest.raises(ServerError, match="belong to another photo"):
        transport.infer("reading_postprocess", mixed, ("TEXT",), timeout_s=60, request_id="")
    transport.close()


@pytest.fixture(scope="module")
def without_text(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VqaClient]:
    from tests.helpers.product import without_text

    folder = without_text(repository, tmp_path_factory.mktemp("without") / "text")
    with EmbeddedServer(ServerSettings(folder, grpc_port=0, metrics_port=None)) as server:
        yield VqaClient(server.url, timeout_s=20)


def test_a_server_without_text_answers_and_says_why_it_reads_nothing(without_text: VqaClient) -> None:
    photo = photo_from_seed(first_seed("test")).jpeg_bytes()
    assert without_text.ask(photo, "What colour is it?").text
    with pytest.raises(InvalidRequestError, match="--without-text"):
        without_text.read(photo)
