"""Latency of a question, part by part: seen from here, and from Triton's own statistics of each step."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from vitrine_client.calls import Call, ask_call
from vitrine_client.channel import CHANNEL_ARGS, TlsFiles, admin_headers, tls_arguments
from vitrine_client.errors import InvalidRequestError
from vitrine_client.photos import Photo, bytes_from_photo
from vitrine_client.reading_calls import read_call
from vitrine_client.sending import error_from_library
from vitrine_client.statistics import Statistics, statistics_from_response
from vitrine_client.transport import GrpcTransport

STEPS = {
    "image_preprocess": "decode the photo",
    "image_encoder": "encode it",
    "image_export": "pack its features",
    "question_preprocess": "read the question",
    "answer_decoder": "answer",
    "answer_postprocess": "judge the answer",
}
"""The models behind `vqa`, in order, and what each does."""
READING_STEPS = {
    "text_preprocess": "decode the photo, read codes",
    "text_detector": "find text",
    "text_crops": "cut out lines",
    "text_recogniser": "read lines",
    "text_decode": "put them in order",
    "reading_postprocess": "judge each line",
}
"""The models behind `photo_reading`, as above."""
_WORDS = STEPS | READING_STEPS
_NS_PER_MS = 1e6
_SETTLE_S = 0.02
_MOST_READINGS = 10  # a server that others keep asking never settles


@dataclass(frozen=True)
class LatencyBreakdown:
    """Mean duration of a question, and of its parts, in milliseconds."""

    total_ms: float
    """Whole call, from its beginning to its result."""
    client_ms: float
    """Part of `total_ms` in this process: making and reading tensors."""
    network_ms: float | None
    """Part of `total_ms` in gRPC and the network. None: others' questions leave it unknown."""
    queue_ms: float
    """Part of `total_ms` spent waiting for a step that was at work."""
    steps_ms: dict[str, float]
    """Part of `total_ms` at work in each step, by model; 0 where features came from the cache."""
    triton_ms: float | None
    """Part of `total_ms` in the server and in no step: cache, and handing tensors on. None: as `network_ms`."""
    is_alone: bool
    """True if the server answered nobody else meanwhile. If it did, its parts are means of theirs too."""


def measure_breakdown(
    photo: Photo,
    question: str | None,
    *,
    url: str,
    tls: TlsFiles | None = None,
    admin_key: str | None = None,
    repeat: int = 10,
    timeout_s: float = 10.0,
) -> tuple[LatencyBreakdown, LatencyBreakdown]:
    """Ask a question about a photo that the server does not know, and about one that it does.

    Args:
        question: None: the photo is read.
        admin_key: of the server's administration, to which its statistics belong.

    Raises:
        VitrineError: a question fails, or the server keeps its statistics closed.
    """
    encoded = bytes_from_photo(photo)
    # Decoders ignore what follows a picture's end.
    new = [encoded + uuid.uuid4().bytes for _ in range(repeat + 1)]
    transport = GrpcTransport(url, tls=tls)
    statistics = partial(_read_settled_statistics, url, tls, admin_key, timeout_s)
    try:
        for one in (encoded, new[0]):  # the caller's own first: errors are about that one
            _time_question(transport, one, question, timeout_s)  # what a first question costs once is not counted
        return (
            _measure(transport, statistics, new[1:], question, timeout_s),
            _measure(transport, statistics, [new[0]] * repeat, question, timeout_s),
        )
    finally:
        transport.close()


def _measure(
    transport: GrpcTransport,
    statistics: Callable[[], Statistics],
    photos: list[bytes],
    question: str | None,
    timeout_s: float,
) -> LatencyBreakdown:
    before = statistics()
    times = [_time_question(transport, photo, question, timeout_s) for photo in photos]
    after = statistics()
    whole_ms, called_ms = (sum(part) / len(times) for part in zip(*times, strict=True))
    return breakdown_from_statistics(
        before, after, questions=len(photos), total_ms=whole_ms, called_ms=called_ms, is_reading=question is None
    )


def _read_settled_statistics(url: str, tls: TlsFiles | None, admin_key: str | None, timeout_s: float) -> Statistics:
    """Read until nothing changes: Triton counts a request a moment after its answer has left."""
    last = read_statistics(url, tls, admin_key, timeout_s=timeout_s)
    for _ in range(_MOST_READINGS):
        time.sleep(_SETTLE_S)
        now = read_statistics(url, tls, admin_key, timeout_s=timeout_s)
        if now == last:
            break
        last = now
    return last


def _time_question(
    transport: GrpcTransport, photo: bytes, question: str | None, timeout_s: float
) -> tuple[float, float]:
    """Ask one question, or read the photo; return the milliseconds of the whole, and of the call in it."""
    start_s = time.perf_counter()
    call: Call[Any] = read_call(photo, None) if question is None else ask_call(photo, question, None)
    called_s = time.perf_counter()
    tensors = transport.infer(call.model, call.inputs, call.outputs, timeout_s=timeout_s, request_id=call.request_id)
    answered_s = time.perf_counter()
    call.result_from(tensors, call.request_id)
    return 1000 * (time.perf_counter() - start_s), 1000 * (answered_s - called_s)


def breakdown_from_statistics(
    before: Statistics,
    after: Statistics,
    *,
    questions: int,
    total_ms: float,
    called_ms: float,
    is_reading: bool = False,
) -> LatencyBreakdown:
    """Compute the parts of a question's latency from what the server counted meanwhile.

    Args:
        before, after: the server's statistics before and after `questions` questions.
        total_ms, called_ms: of one question, as seen here: all of it, and the call.
        is_reading: whether the photo was read, and nothing asked.
    """
    whole, steps = ("photo_reading", READING_STEPS) if is_reading else ("vqa", STEPS)
    change = {
        model: {name: value - before.get(model, {}).get(name, 0) for name, value in now.items()}
        for model, now in after.items()
    }

    def per_question_ms(model: str, name: str) -> float:
        return change.get(model, {}).get(name, 0) / questions / _NS_PER_MS

    server_ms = per_question_ms(whole, "success_ns")
    steps_ms = {model: per_question_ms(model, "work_ns") for model in steps}
    queue_ms = sum(per_question_ms(model, "queue_ns") for model in steps)
    counts = [now.get("success", 0) for model, now in change.items() if model != whole]
    # A choice, an embedding and what failed are counted in the steps only.
    is_alone = change.get(whole, {}).get("success", 0) == questions and max(counts, default=0) <= questions

    def rest_ms(rest: float) -> float | None:
        """Return what is left of a time without its parts; None where parts of others' questions made it negative."""
        return max(rest, 0.0) if is_alone or rest >= 0 else None

    return LatencyBreakdown(
        total_ms=total_ms,
        client_ms=total_ms - called_ms,
        network_ms=rest_ms(called_ms - server_ms),
        queue_ms=queue_ms,
        steps_ms=steps_ms,
        triton_ms=rest_ms(server_ms - queue_ms - sum(steps_ms.values())),
        is_alone=is_alone,
    )


def read_statistics(url: str, tls: TlsFiles | None, admin_key: str | None, *, timeout_s: float) -> Statistics:
    """Read the counters of all models of the server at `url`.

    Raises:
        VitrineError: no server, or its statistics are closed.
    """
    client = triton.InferenceServerClient(url, channel_args=CHANNEL_ARGS, **tls_arguments(tls))
    try:
        answer: Any = client.get_inference_statistics(headers=admin_headers(admin_key), client_timeout=timeout_s)
    except InferenceServerException as error:
        if "restricted" in str(error.message()):
            raise InvalidRequestError(
                f"the server at {url} keeps its statistics closed"
                f"{' to the key that came' if admin_key else ''}: start it with --admin-key-file FILE, and profile it "
                "with the same"
            ) from error
        raise error_from_library(error, url, "server", timeout_s, "") from error
    finally:
        client.close()
    return statistics_from_response(answer)


def breakdown_table(new: LatencyBreakdown, known: LatencyBreakdown) -> str:
    """Format two breakdowns, of a new and of a known photo, as a table."""
    rows = [
        ("client", new.client_ms, known.client_ms),
        ("network", new.network_ms, known.network_ms),
        ("queues", new.queue_ms, known.queue_ms),
        *((f"{_WORDS[model]} ({model})", new.steps_ms[model], known.steps_ms[model]) for model in new.steps_ms),
        ("between steps (triton)", new.triton_ms, known.triton_ms),
        ("total", new.total_ms, known.total_ms),
    ]
    lines = [f"{'ms a question, mean':<40}{'new photo':>11}{'known photo':>13}"]
    lines += [f"{name:<40}{_cell(first):>11}{_cell(again):>13}" for name, first, again in rows]
    if not (new.is_alone and known.is_alone):
        lines.append(
            "! the server answered others at the same time: its times are means of theirs too, and a part that"
        )
        lines.append("  cannot be told from theirs is a ?; profile a server that nobody else asks")
    return "\n".join(lines)


def _cell(ms: float | None) -> str:
    return "?" if ms is None else f"{ms:.2f}"
