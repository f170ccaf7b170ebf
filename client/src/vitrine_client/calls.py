"""Requests as tensors, and results from tensors: pure functions for both clients, which talk to nobody."""

import math
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from vitrine_client.contract import question_prefix, split_question_prefix
from vitrine_client.errors import InvalidRequestError, VitrineError
from vitrine_client.quoting import kind_of, quote
from vitrine_client.results import Alternative, Answer, Choice, Embedding
from vitrine_client.timeouts import is_number

Tensors = Mapping[str, NDArray[Any]]
Result = TypeVar("Result")

ANSWER_OUTPUTS = (
    "ANSWER",
    "CONFIDENCE",
    "STATUS",
    "REASON",
    "ALTERNATIVES",
    "ALTERNATIVE_CONFIDENCES",
    "HEATMAP",
    "RELEASE",
)
_DETAILS = ("ALTERNATIVES", "ALTERNATIVE_CONFIDENCES", "HEATMAP")
"""Outputs that a call may leave out."""
_NO_HEATMAP = np.zeros((0, 0), np.float32)
CHOICE_OUTPUTS = ("ANSWER", "CONFIDENCE", "STATUS", "REASON", "PROBABILITIES", "HEATMAP", "RELEASE")
EMBEDDING_OUTPUTS = ("IMAGE_EMBEDDING", "IMAGE_SHA256", "RELEASE")
QUESTIONS_A_REQUEST = 16
"""Questions that the server takes about one photo at once, at most."""
_LARGEST_FLOAT32 = 3.4e38


@dataclass(frozen=True)
class Call(Generic[Result]):
    """Request of a client, and how its result is read."""

    model: str
    inputs: Tensors
    outputs: tuple[str, ...]
    result_from: Callable[[Tensors, str], Result]
    """Function from the output tensors and the request's id to the result."""
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    part: tuple[int, int, int] | None = None
    """First and last number of the request's questions, and how many were asked in all; None: these are all."""

    @contextmanager
    def naming_its_part(self) -> Iterator[None]:
        """Make errors say which of all questions they are about; the server counts those of its request only."""
        try:
            yield
        except VitrineError as error:
            if self.part:
                first, last, count = self.part
                number, rest = split_question_prefix(error.message)
                is_about_one = number is not None or first == last
                which = f"question {first - 1 + (number or 1)}" if is_about_one else f"questions {first} to {last}"
                message = f"{which} of {count}: {rest}"
                named = type(error)(message, code=error.code, model=error.model, request_id=error.request_id)
                named.was_sent = error.was_sent
                raise named from error
            raise


def ask_call(
    photo: bytes, question: str, max_risk: float | None, context: str | None = None, *, details: bool = True
) -> Call[Answer]:
    def answer_from_tensors(tensors: Tensors, request_id: str) -> Answer:
        return _answers_from_tensors(tensors, request_id)[0]

    tensors = _question_tensors(photo, [question], max_risk, context)
    return Call("vqa", tensors, _answer_outputs(context, details), answer_from_tensors)


def ask_calls(
    photo: bytes,
    questions: Iterable[str],
    max_risk: float | None,
    context: str | None = None,
    *,
    details: bool = True,
) -> list[Call[list[Answer]]]:
    """Make as few requests as can be for several questions about one photo."""
    if isinstance(questions, str):
        raise InvalidRequestError("questions are a list of str, but one str came: use ask(), or put it in a list")
    try:
        texts = list(questions)
    except TypeError:
        raise InvalidRequestError(f"questions are a list of str, but {kind_of(questions)} came") from None
    for number, text in enumerate(texts, 1):
        _require_text(text, question_prefix(number, len(texts)))
    calls = []
    for start in range(0, len(texts), QUESTIONS_A_REQUEST):
        asked = texts[start : start + QUESTIONS_A_REQUEST]
        part = (start + 1, start + len(asked), len(texts)) if len(asked) < len(texts) else None
        tensors = _question_tensors(photo, asked, max_risk, context)
        calls.append(Call("vqa", tensors, _answer_outputs(context, details), _answers_from_tensors, part=part))
    return calls


def _answer_outputs(context: str | None, details: bool) -> tuple[str, ...]:
    return tuple(name for name in ANSWER_OUTPUTS if details or name not in _DETAILS) + _source_of(context)


def choose_call(
    photo: bytes, question: str, candidates: Iterable[str], max_risk: float | None, context: str | None = None
) -> Call[Choice]:
    if isinstance(candidates, str):
        raise InvalidRequestError("candidates are a list of str, but one str came: put it in a list")
    try:
        texts = list(candidates)
    except TypeError:
        raise InvalidRequestError(f"candidates are a list of str, but {kind_of(candidates)} came") from None
    if wrong := [text for text in texts if not isinstance(text, str)]:
        raise InvalidRequestError(f"a candidate is a str, but {kind_of(wrong[0])} came")
    if not texts:
        raise InvalidRequestError("the list of candidates is empty: name at least one allowed answer")
    listed = np.array([[_utf8(text) for text in texts]], np.object_)

    def choice_from_tensors(tensors: Tensors, request_id: str) -> Choice:
        return Choice(
            text=tensors["ANSWER"][0, 0].decode("utf-8"),
            status=tensors["STATUS"][0, 0].decode("ascii"),
            confidence=_number(tensors["CONFIDENCE"][0, 0]),
            reason=tensors["REASON"][0, 0].decode("utf-8"),
            source=_source(tensors["SOURCE"][0, 0] if "SOURCE" in tensors else None),
            probabilities=dict(zip(texts, map(float, tensors["PROBABILITIES"][0]), strict=True)),
            heatmap=tensors["HEATMAP"][0],
            release=tensors["RELEASE"][0, 0].decode("utf-8"),
            request_id=request_id,
        )

    inputs = _question_tensors(photo, [question], max_risk, context) | {"CANDIDATES": listed}
    return Call("vqa_choose", inputs, CHOICE_OUTPUTS + _source_of(context), choice_from_tensors)


def embed_call(photo: bytes) -> Call[Embedding]:
    return Call("image_embedding", {"IMAGE": bytes_tensor(photo)}, EMBEDDING_OUTPUTS, _embedding_from_tensors)


def _require_text(question: object, which: str = "") -> None:
    if not isinstance(question, str):
        raise InvalidRequestError(f"{which}a question is a str, but {kind_of(question)} came")


def _source_of(context: str | None) -> tuple[str, ...]:
    """Outputs that are asked for with a context only, so that servers from before it go on answering."""
    return () if context is None else ("SOURCE",)


def _question_tensors(
    photo: bytes, questions: list[str], max_risk: float | None, context: str | None
) -> dict[str, NDArray[Any]]:
    for question in questions:
        _require_text(question)
    risk = risk_tensor(max_risk)
    if context is not None and not isinstance(context, str):
        raise InvalidRequestError(f"a context is a str, but {kind_of(context)} came")
    known = {} if context is None else {"CONTEXT": bytes_tensor(_utf8(context))}
    return {"IMAGE": bytes_tensor(photo), "QUESTION": bytes_tensor(*map(_utf8, questions)), **risk, **known}


def _answers_from_tensors(tensors: Tensors, request_id: str) -> list[Answer]:
    photo = {name: tensor[0] for name, tensor in tensors.items() if name != "RELEASE"}  # [Q, ...] each
    release = tensors["RELEASE"][0, 0].decode("utf-8")
    return [
        _answer({name: tensor[question] for name, tensor in photo.items()}, release, request_id)
        for question in range(len(photo["ANSWER"]))
    ]


def _answer(tensors: Mapping[str, Any], release: str, request_id: str) -> Answer:
    texts = [text.decode("utf-8") for text in tensors.get("ALTERNATIVES", ())]
    pairs = list(zip(texts, map(_number, tensors.get("ALTERNATIVE_CONFIDENCES", ())), strict=True))
    return Answer(
        text=tensors["ANSWER"].decode("utf-8"),
        status=tensors["STATUS"].decode("ascii"),
        confidence=_number(tensors["CONFIDENCE"]),
        reason=tensors["REASON"].decode("utf-8"),
        source=_source(tensors.get("SOURCE")),
        # The answer itself may be empty; after it, empty ones are padding.
        alternatives=tuple(
            Alternative(text, confidence) for text, confidence in pairs[:1] + [p for p in pairs[1:] if p[0]]
        ),
        heatmap=tensors.get("HEATMAP", _NO_HEATMAP),
        release=release,
        request_id=request_id,
    )


def _embedding_from_tensors(tensors: Tensors, request_id: str) -> Embedding:
    return Embedding(
        vector=tensors["IMAGE_EMBEDDING"][0],
        sha256=tensors["IMAGE_SHA256"][0].tobytes(),
        release=tensors["RELEASE"][0, 0].decode("utf-8"),
        request_id=request_id,
    )


def _source(value: bytes | None) -> str:
    return "photo" if value is None else value.decode("ascii")


def _number(value: np.float32) -> float | None:
    """The server's NaN is None here: nothing was calibrated."""
    return None if math.isnan(value) else float(value)


def risk_tensor(max_risk: float | None) -> dict[str, NDArray[Any]]:
    """Make the tensor MAX_RISK; none for None.

    Raises:
        InvalidRequestError: no number.
    """
    if max_risk is None:
        return {}
    if not (is_number(max_risk) and abs(max_risk) <= _LARGEST_FLOAT32):
        raise InvalidRequestError(f"max_risk is a share such as 0.001, but {quote(max_risk)} came")
    return {"MAX_RISK": np.array([[max_risk]], np.float32)}


def bytes_tensor(*values: bytes) -> NDArray[np.object_]:
    """Make one row of BYTES elements, [1, len(values)]."""
    return np.array([values], np.object_)


def _utf8(text: str) -> bytes:
    """Encode a text; what is not Unicode travels too, so that the server refuses it in its own words."""
    return text.encode("utf-8", "surrogatepass")
