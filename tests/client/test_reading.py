"""Reading a photo, and answers that are printed on it, with a fake transport in both clients."""

import asyncio
from typing import Any

import numpy as np
import pytest
from PIL import Image
from vitrine_client import (
    AsyncFakeTransport,
    AsyncVqaClient,
    Code,
    FakeTransport,
    InvalidRequestError,
    Line,
    Reading,
    VqaClient,
)
from vitrine_client.errors import error_from_code
from vitrine_client.lines import reading_lines
from vitrine_client.text_answers import answer_from_text, context_with_text, fact_asked

PHOTO = b"photo"
LINES = ("有机绿茶", "净含量：500克", "保质期：12个月", "Model: AX-200", "Cotton 80% Wool 20%")


def fake(**fields: Any) -> FakeTransport:
    return FakeTransport({"What colour is it?": "red"}, lines=LINES, **fields)


def ask(transport: FakeTransport, question: str, *, is_async: bool, **options: Any) -> Any:
    if not is_async:
        return VqaClient(transport=transport).ask(PHOTO, question, **options)

    async def asked() -> Any:
        async with AsyncVqaClient(transport=AsyncFakeTransport(transport)) as client:
            return await client.ask(PHOTO, question, **options)

    return asyncio.run(asked())


def test_lines_come_in_their_order_with_their_boxes() -> None:
    reading = VqaClient(transport=fake()).read(PHOTO)
    assert reading.text.split("\n") == list(LINES)
    assert reading.lines[1].box == ((0.0, 0.2), (1.0, 0.2), (1.0, 0.4), (0.0, 0.4))
    assert reading.to_dict()["lines"][0]["status"] == "sure"
    assert reading.lines_left_out == 0


def test_the_overlay_outlines_each_line_on_the_photo() -> None:
    photo = Image.new("RGB", (200, 100), "white")
    drawn = np.asarray(VqaClient(transport=fake()).read(PHOTO).overlay(photo))
    assert drawn.shape == (100, 200, 3)
    assert (drawn[20, 100] != 255).any()  # between the first line and the second
    assert (drawn[30, 100] == 255).all()


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("净含量多少？", "500克"),
        ("What is the net weight?", "500克"),
        ("保质期多久", "12个月"),
        ("How long does it keep?", "12个月"),
        ("Which model is it?", "AX-200"),
        ("成分是什么", "Cotton 80% Wool 20%"),
        ("含棉量多少", "Cotton 80% Wool 20%"),
    ],
)
def test_a_question_after_what_is_printed_is_answered_by_its_line(
    question: str, answer: str, *, is_async: bool
) -> None:
    transport = fake()
    found = ask(transport, question, is_async=is_async, read_text=True)
    assert (found.text, found.source, found.status) == (answer, "text", "answered")
    assert found.heatmap.sum() == pytest.approx(1)
    assert transport.requests == ["photo_reading"]


def test_the_heatmap_is_the_lines_box() -> None:
    heatmap = ask(fake(), "净含量多少？", is_async=False, read_text=True).heatmap
    rows = np.flatnonzero(heatmap.sum(1)) / len(heatmap)
    assert 0.15 < rows.min() < rows.max() < 0.4


@pytest.mark.parametrize("is_async", [False, True])
def test_any_other_question_goes_to_the_model_with_the_lines_as_context(*, is_async: bool) -> None:
    transport = fake()
    found = ask(transport, "What colour is it?", is_async=is_async, read_text=True)
    assert (found.text, found.source) == ("red", "photo_and_context")
    assert transport.requests == ["photo_reading", "vqa"]


class NoContext(FakeTransport):
    """A server whose checkpoint takes no context."""

    def infer(self, model: str, inputs: Any, outputs: Any, *, timeout_s: float, request_id: str) -> Any:
        if "CONTEXT" in inputs:
            self.requests.append("refused")
            message = "CONTEXT came, but this checkpoint reads the photo and the question only: leave it out"
            raise error_from_code("INVALID_ARGUMENT", message, model=model, request_id=request_id)
        return super().infer(model, inputs, outputs, timeout_s=timeout_s, request_id=request_id)


def test_a_checkpoint_without_context_is_asked_without_and_tried_once() -> None:
    transport = NoContext({"What colour is it?": "red"}, lines=LINES)
    client = VqaClient(transport=transport)
    for _ in range(2):
        found = client.ask(PHOTO, "What colour is it?", read_text=True)
        assert (found.text, found.source) == ("red", "photo")
    assert transport.requests == ["photo_reading", "refused", "vqa", "vqa"]  # the photo is not read for nothing
    assert client.ask(PHOTO, "净含量多少？", read_text=True).source == "text"


def test_a_context_that_is_too_long_for_one_photo_is_tried_again_for_the_next() -> None:
    class Short(NoContext):
        def infer(self, model: str, inputs: Any, outputs: Any, *, timeout_s: float, request_id: str) -> Any:
            if "CONTEXT" in inputs and len(inputs["CONTEXT"][0, 0]) > 1000:
                message = "the context has 900 tokens, more than the 512 that fit: shorten it"
                raise error_from_code("INVALID_ARGUMENT", message, model=model, request_id=request_id)
            return FakeTransport.infer(self, model, inputs, outputs, timeout_s=timeout_s, request_id=request_id)

    client = VqaClient(transport=Short({"What colour is it?": "red"}, lines=["x" * 1500]))
    assert client.ask(PHOTO, "What colour is it?", read_text=True).source == "photo"
    client._transport.lines = LINES  # type: ignore[attr-defined]  # of the fake
    assert client.ask(PHOTO, "What colour is it?", read_text=True).source == "photo_and_context"


def test_a_code_that_holds_control_characters_forges_no_line() -> None:
    code = Code("a\x1b[31m\nsure line", "QR Code", ((0, 0), (1, 0), (1, 1), (0, 1)))
    assert reading_lines(Reading((), (code,), 0, "r", "id")) == ["a\\x1b[31m\\x0asure line  (QR Code)"]


def test_a_line_at_the_photos_edge_has_a_heatmap() -> None:
    edge = ((0.999, 1.0), (1.0, 1.0), (1.0, 1.0), (0.999, 1.0))
    answer = answer_from_text("净含量多少？", Reading((Line("净含量：500克", edge, 0.99, "sure"),), (), 0, "r", "id"))
    assert answer
    assert answer.heatmap.sum() == pytest.approx(1)


def test_without_the_extra_it_is_said_whatever_the_photo_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("vitrine_client.extras.import_module", missing)
    with pytest.raises(InvalidRequestError, match=r"pip install 'vitrine-client\[facts\]'"):
        VqaClient(transport=FakeTransport({}, lines=("有机绿茶",))).read(PHOTO).facts()


def test_what_no_line_says_is_asked_of_the_model() -> None:
    transport = FakeTransport({}, lines=("有机绿茶",))
    assert ask(transport, "净含量多少？", is_async=False, read_text=True).status == "cannot_tell"


@pytest.mark.parametrize(
    ("question", "lines"),
    [
        ("净含量多少？", ("净含量：500克", "净含量：250克")),
        ("什么时候过期？", ("最佳食用日期：14/03/2026",)),
        ("When does it expire?", ("Best before: 14/03/2026",)),
        ("How much does it cost?", ("$12.99", "HK$88")),
        ("多少钱？", ("Save £5.00", "Order over £30")),
        ("How long does it keep after opening?", ("Shelf life: 24 months", "After opening: 3 days")),
        ("开封后保质期多久？", ("保质期：12个月",)),
        ("How many are in the pack?", ("Box of 24",)),
    ],
)
def test_lines_that_may_say_it_and_are_not_clear_go_to_a_person(question: str, lines: tuple[str, ...]) -> None:
    found = ask(FakeTransport({question: "3"}, lines=lines), question, is_async=False, read_text=True)
    assert (found.status, found.text, found.source) == ("hand_over", "", "text")
    assert found.reason


def test_a_context_holds_as_many_lines_as_fit() -> None:
    reading = VqaClient(transport=FakeTransport({}, lines=["行" * 100] * 20)).read(PHOTO)
    context = context_with_text("Price: 5", reading)
    assert context
    assert context.startswith("Price: 5\nPrinted on the product:\n行")
    assert 1700 < len(context.encode()) <= 2000
    assert context_with_text(None, Reading((), (), 0, "r", "id")) is None


@pytest.mark.parametrize(
    "question",
    [
        "What colour is it?",
        "有几个杯子？",
        "Is it round?",
        "这是什么材质",
        "Is the box open?",
        "是什么形状",
        "Does it look clean?",
        "What does this mean?",
        "What colour is the model's dress?",
        "How much is left in the bottle?",
        "蛋白质有多少克？",
        "多重防护是什么",
        "这条码数多大",
        "主要成分是什么？",
    ],
)  # fmt: skip
def test_most_questions_ask_for_nothing_that_is_printed(question: str) -> None:
    assert fact_asked(question) is None
