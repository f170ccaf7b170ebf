"""A transport without a server, for the tests of code that uses the client."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrine_client.calls import QUESTIONS_A_REQUEST, Tensors
from vitrine_client.contract import CONTRACT_VERSION, question_prefix
from vitrine_client.errors import VitrineError, error_from_code
from vitrine_client.results import Health

_RELEASE = np.array([[b"fake"]], np.object_)


@dataclass
class FakeTransport:
    """Answers from a table.

    Bad input is refused as the server refuses it: an empty photo, a blank
    question. Embeddings are a function of the photo's bytes.
    """

    answers: Mapping[str, str]
    """Answer by question. Any other question gets "cannot tell"."""
    fail_with: VitrineError | None = None
    """Error that every call raises while it is set."""
    contract_version: int | None = CONTRACT_VERSION
    """Version that `health` reports. With another than the client's, refusals raise a `ContractMismatchError`."""
    grid: int = 4
    """Side of the heatmaps. A server's depends on its checkpoint, so code that uses the client takes it as it comes."""
    embedding_width: int = 16
    """Length of the embeddings, which depends on the checkpoint too."""
    lines: Sequence[str] = ()
    """Lines of text that `read` finds in every photo, all sure, from the top."""
    hand_over: Collection[str] = ()
    """Questions whose answers are handed over to a person."""
    codes: Sequence[str] = ()
    """EAN-13 codes that `read` finds in every photo."""
    requests: list[str] = field(default_factory=list)
    """Names of the models that were asked, in order."""

    def infer(
        self, model: str, inputs: Tensors, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        self.requests.append(model)
        if self.fail_with:
            raise self.fail_with
        photo: bytes = inputs["IMAGE"][0, 0]
        if not photo:
            raise error_from_code(
                "INVALID_ARGUMENT", "the photo is empty (0 bytes)", model=model, request_id=request_id
            )
        if model == "image_embedding":
            tensors = self._embedding(photo)
        elif model == "photo_reading":
            tensors = self._reading()
        else:
            tensors = self._answer(inputs, model, request_id)
            if model == "vqa_choose":
                tensors |= self._choice(inputs, tensors, model, request_id)
        return {name: tensors[name] for name in outputs}

    def health(self, *, timeout_s: float) -> Health:
        if self.fail_with:
            raise self.fail_with
        return Health(live=True, ready=True, model_ready=True, contract_version=self.contract_version)

    def close(self) -> None:
        """Nothing to close."""

    def _answer(self, inputs: Tensors, model: str, request_id: str) -> dict[str, NDArray[Any]]:
        questions = [question.decode("utf-8", "replace") for question in inputs["QUESTION"][0]]
        if not 1 <= len(questions) <= QUESTIONS_A_REQUEST:
            raise error_from_code(
                "INVALID_ARGUMENT",
                f"{len(questions)} questions about one photo came, but 1 to {QUESTIONS_A_REQUEST} are accepted",
                model=model,
                request_id=request_id,
            )
        for number, question in enumerate(questions, 1):
            if not question.strip():
                which = question_prefix(number, len(questions))
                raise error_from_code(
                    "INVALID_ARGUMENT", f"{which}the question is empty or blank", model=model, request_id=request_id
                )
        if "CONTEXT" in inputs and not inputs["CONTEXT"][0, 0].strip():
            raise error_from_code(
                "INVALID_ARGUMENT", "the context is empty or blank", model=model, request_id=request_id
            )
        count = len(questions)
        source = b"photo_and_context" if "CONTEXT" in inputs else b"photo"
        texts = [self.answers.get(question, "cannot tell").encode("utf-8") for question in questions]
        statuses = [
            b"hand_over" if question in self.hand_over else b"answered" if question in self.answers else b"cannot_tell"
            for question in questions
        ]
        reasons = [b"not sure enough" if status == b"hand_over" else b"" for status in statuses]
        return {
            "ANSWER": np.array([texts], np.object_),
            "CONFIDENCE": np.ones((1, count), np.float32),
            "REASON": np.array([reasons], np.object_),
            "SOURCE": np.full((1, count), source, np.object_),
            "STATUS": np.array([statuses], np.object_),
            "ALTERNATIVES": np.array([texts], np.object_)[:, :, None],
            "ALTERNATIVE_CONFIDENCES": np.ones((1, count, 1), np.float32),
            "HEATMAP": np.full((1, count, self.grid, self.grid), 1 / self.grid**2, np.float32),
            "RELEASE": _RELEASE,
        }

    def _choice(
        self, inputs: Tensors, answer: dict[str, NDArray[Any]], model: str, request_id: str
    ) -> dict[str, NDArray[Any]]:
        """Choose a known answer in the list; a list that lacks it is handed over, an unknown one "cannot tell"."""
        candidates = inputs["CANDIDATES"][0].tolist()
        for problem, wrong in (
            ("is empty or blank", any(not c.strip() for c in candidates)),
            ("is the same as another to the model", len(set(candidates)) < len(candidates)),
        ):
            if wrong:
                raise error_from_code("INVALID_ARGUMENT", f"a candidate {problem}", model=model, request_id=request_id)
        text = answer["ANSWER"][0, 0]
        chosen = [float(candidate == text) for candidate in candidates]
        known = text in candidates
        shares = chosen if known else [1 / len(candidates)] * len(candidates)
        refuses = answer["STATUS"][0, 0] == b"cannot_tell"
        status = b"cannot_tell" if refuses else b"answered" if known else b"hand_over"
        chosen_text = b"" if refuses else text if known else candidates[0]
        return {
            "ANSWER": np.array([[chosen_text]], np.object_),
            "STATUS": np.array([[status]], np.object_),
            "CONFIDENCE": np.array([[0.0 if status == b"hand_over" else 1.0]], np.float32),
            "REASON": np.array([[b"the list lacks the answer" if status == b"hand_over" else b""]], np.object_),
            "PROBABILITIES": np.array([shares], np.float32),
            "HEATMAP": answer["HEATMAP"][:, 0],
            "RELEASE": _RELEASE,
        }

    def _reading(self) -> dict[str, NDArray[Any]]:
        count = len(self.lines)
        pitch = 1 / max(count, 1)
        boxes = [[[0, n * pitch], [1, n * pitch], [1, (n + 1) * pitch], [0, (n + 1) * pitch]] for n in range(count)]
        return {
            "TEXT": np.array([[line.encode("utf-8") for line in self.lines]], np.object_),
            "TEXT_BOX": np.array(boxes, np.float32).reshape(1, count, 4, 2),
            "TEXT_CONFIDENCE": np.ones((1, count), np.float32),
            "TEXT_STATUS": np.full((1, count), b"sure", np.object_),
            "LINES_LEFT_OUT": np.zeros((1, 1), np.int32),
            "CODE": np.array([[code.encode("utf-8") for code in self.codes]], np.object_),
            "CODE_KIND": np.full((1, len(self.codes)), b"EAN-13", np.object_),
            "CODE_BOX": np.zeros((1, len(self.codes), 4, 2), np.float32),
            "RELEASE": _RELEASE,
        }

    def _embedding(self, photo: bytes) -> dict[str, NDArray[Any]]:
        digest = np.frombuffer(hashlib.sha256(photo).digest(), np.uint8)
        vector = np.random.default_rng(digest).normal(size=self.embedding_width).astype(np.float32)
        embedding = (vector / np.linalg.norm(vector))[None]
        return {"IMAGE_EMBEDDING": embedding, "IMAGE_SHA256": digest[None], "RELEASE": _RELEASE}


@dataclass
class AsyncFakeTransport:
    """`FakeTransport` for an `AsyncVqaClient`."""

    fake: FakeTransport

    async def infer(
        self, model: str, inputs: Tensors, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        return self.fake.infer(model, inputs, outputs, timeout_s=timeout_s, request_id=request_id)

    async def health(self, *, timeout_s: float) -> Health:
        return self.fake.health(timeout_s=timeout_s)

    async def close(self) -> None:
        """Nothing to close."""
