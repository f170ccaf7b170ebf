"""The client: policy and types; the transport does the talking."""

import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrine_client.errors import InvalidRequestError
from vitrine_client.photos import Photo, bytes_from_photo
from vitrine_client.results import Alternative, Answer, Choice, Embedding, Health
from vitrine_client.transport import GrpcTransport, TlsFiles, Transport

DEFAULT_URL = "localhost:8001"
_ANSWER_OUTPUTS = (
    "ANSWER",
    "CONFIDENCE",
    "STATUS",
    "REASON",
    "ALTERNATIVES",
    "ALTERNATIVE_CONFIDENCES",
    "HEATMAP",
)
_CHOICE_OUTPUTS = ("ANSWER", "CONFIDENCE", "STATUS", "REASON", "PROBABILITIES", "HEATMAP")
_EMBEDDING_OUTPUTS = ("IMAGE_EMBEDDING", "IMAGE_SHA256")
_PARALLEL_QUESTIONS = 8


class VqaClient:
    """Asks a Vitrine server about product photos. Safe to use from many threads.

    Every method raises a `VitrineError`, and nothing else, when the photo, the
    question, the server or the deadline is at fault.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        timeout_s: float = 10.0,
        tls: TlsFiles | None = None,
        transport: Transport | None = None,
    ) -> None:
        """
        Args:
            url: the server's gRPC address, "host:port"; see `GrpcTransport`.
            timeout_s: deadline of a call that names none, retries counted in.
            tls: PEM files of an encrypted connection; None: plain text.
            transport: something else than gRPC, such as a `FakeTransport`; `url` is then unused.
        """
        self._transport = transport or GrpcTransport(url, tls=tls)
        self._timeout_s = timeout_s

    def __enter__(self) -> "VqaClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def ask(
        self, photo: Photo, question: str, *, max_risk: float | None = None, timeout_s: float | None = None
    ) -> Answer:
        """Ask one question about one photo.

        Args:
            photo: a path, encoded bytes, a `PIL.Image` or a uint8 array.
            question: in English or Chinese.
            max_risk: share of such answers that may be wrong, such as 0.001;
                stricter than the server's own, or without effect. What is not
                sure enough is handed over.
            timeout_s: deadline of this call.
        """
        return self._ask(bytes_from_photo(photo), question, max_risk, timeout_s)

    def ask_many(
        self,
        photo: Photo,
        questions: Iterable[str],
        *,
        max_risk: float | None = None,
        timeout_s: float | None = None,
    ) -> list[Answer]:
        """Ask several questions about one photo; the answers come in the questions' order.

        The first goes ahead and leaves the photo's features in the server's
        cache; the others follow at once. The first failure is raised.

        Args:
            max_risk: as in `ask`.
            timeout_s: deadline of each question.
        """
        if isinstance(questions, str):
            raise InvalidRequestError("questions are a list of str, but one str came: use ask(), or put it in a list")
        questions = list(questions)
        if not questions:
            return []
        encoded = bytes_from_photo(photo)
        first = self._ask(encoded, questions[0], max_risk, timeout_s)
        with ThreadPoolExecutor(min(_PARALLEL_QUESTIONS, len(questions))) as pool:
            others = pool.map(lambda question: self._ask(encoded, question, max_risk, timeout_s), questions[1:])
            return [first, *others]

    def choose(
        self,
        photo: Photo,
        question: str,
        candidates: Iterable[str],
        *,
        max_risk: float | None = None,
        timeout_s: float | None = None,
    ) -> Choice:
        """Ask which of a list of allowed answers is right.

        Args:
            candidates: 1 to 256 short answers, no two alike.
            max_risk, timeout_s: as in `ask`.
        """
        if isinstance(candidates, str):
            raise InvalidRequestError("candidates are a list of str, but one str came: put it in a list")
        try:
            texts = list(candidates)
        except TypeError:
            raise InvalidRequestError(f"candidates are a list of str, but a {type(candidates).__name__} came") from None
        if wrong := [text for text in texts if not isinstance(text, str)]:
            raise InvalidRequestError(f"a candidate is a str, but a {type(wrong[0]).__name__} came")
        if not texts:
            raise InvalidRequestError("the list of candidates is empty: name at least one allowed answer")
        request_id = _new_request_id()
        listed = np.array([[_utf8(text) for text in texts]], np.object_)
        tensors = self._transport.infer(
            "vqa_choose",
            _question_tensors(bytes_from_photo(photo), question, max_risk) | {"CANDIDATES": listed},
            _CHOICE_OUTPUTS,
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
            request_id=request_id,
        )
        return Choice(
            text=tensors["ANSWER"][0, 0].decode("utf-8"),
            status=tensors["STATUS"][0, 0].decode("ascii"),
            confidence=_number(tensors["CONFIDENCE"][0, 0]),
            reason=tensors["REASON"][0, 0].decode("utf-8"),
            probabilities=dict(zip(texts, map(float, tensors["PROBABILITIES"][0]), strict=True)),
            heatmap=tensors["HEATMAP"][0],
            request_id=request_id,
        )

    def embed(self, photo: Photo, *, timeout_s: float | None = None) -> Embedding:
        """The photo as a vector, for finding similar products."""
        request_id = _new_request_id()
        tensors = self._transport.infer(
            "image_embedding",
            {"IMAGE": _bytes_tensor(bytes_from_photo(photo))},
            _EMBEDDING_OUTPUTS,
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
            request_id=request_id,
        )
        return Embedding(
            vector=tensors["IMAGE_EMBEDDING"][0],
            sha256=tensors["IMAGE_SHA256"][0].tobytes(),
            request_id=request_id,
        )

    def health(self, *, timeout_s: float = 2.0) -> Health:
        """Whether the server lives, is ready, and takes questions."""
        return self._transport.health(timeout_s=timeout_s)

    def _ask(self, photo: bytes, question: str, max_risk: float | None, timeout_s: float | None) -> Answer:
        request_id = _new_request_id()
        tensors = self._transport.infer(
            "vqa",
            _question_tensors(photo, question, max_risk),
            _ANSWER_OUTPUTS,
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
            request_id=request_id,
        )
        return _answer_from_tensors(tensors, request_id)


def _question_tensors(photo: bytes, question: str, max_risk: float | None) -> dict[str, NDArray[Any]]:
    if not isinstance(question, str):
        raise InvalidRequestError(f"a question is a str, but a {type(question).__name__} came")
    if max_risk is not None and not (isinstance(max_risk, (int, float)) and max_risk == max_risk):
        raise InvalidRequestError(f"max_risk is a share such as 0.001, but {max_risk!r} came")
    risk = {} if max_risk is None else {"MAX_RISK": np.array([[max_risk]], np.float32)}
    return {"IMAGE": _bytes_tensor(photo), "QUESTION": _bytes_tensor(_utf8(question)), **risk}


def _answer_from_tensors(tensors: dict[str, NDArray[Any]], request_id: str) -> Answer:
    texts = [text.decode("utf-8") for text in tensors["ALTERNATIVES"][0]]
    pairs = list(zip(texts, map(_number, tensors["ALTERNATIVE_CONFIDENCES"][0]), strict=True))
    return Answer(
        text=tensors["ANSWER"][0, 0].decode("utf-8"),
        status=tensors["STATUS"][0, 0].decode("ascii"),
        confidence=_number(tensors["CONFIDENCE"][0, 0]),
        reason=tensors["REASON"][0, 0].decode("utf-8"),
        # The answer itself may be empty; after it, empty ones are padding.
        alternatives=tuple(
            Alternative(text, confidence) for text, confidence in pairs[:1] + [p for p in pairs[1:] if p[0]]
        ),
        heatmap=tensors["HEATMAP"][0],
        request_id=request_id,
    )


def _number(value: np.float32) -> float | None:
    """The server's NaN is None here: nothing was calibrated."""
    return None if np.isnan(value) else float(value)


def _bytes_tensor(value: bytes) -> NDArray[np.object_]:
    """One row of one BYTES element: [1, 1]."""
    return np.array([[value]], np.object_)


def _utf8(text: str) -> bytes:
    """What is not Unicode travels too, so that the server refuses it in its own words."""
    return text.encode("utf-8", "surrogatepass")


def _new_request_id() -> str:
    return uuid.uuid4().hex[:16]
