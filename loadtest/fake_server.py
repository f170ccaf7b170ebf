"""Server without a model that answers at once, or late on request: a generator is measured against it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import grpc
import grpc.aio
import numpy as np
from tritonclient.grpc import service_pb2
from tritonclient.utils import serialize_byte_tensor

from command_line.options import options_from_arguments
from command_line.values import Argument, Port, WholeNumber

_SERVICE = "inference.GRPCInferenceService"
_GRID, _EMBEDDING_WIDTH = 8, 256  # any will do: a client takes them as they come, and these cost it what real ones do

Reply: TypeAlias = Callable[[bytes, Any], Awaitable[bytes]]


def answer_to(request: Any) -> Any:
    """A well-formed response: the same answer to everything. What names no photo is refused."""
    response = service_pb2.ModelInferResponse(model_name=request.model_name, model_version="1", id=request.id)
    counts = {one.name: int(one.shape[1]) for one in request.inputs}
    candidates, asked = counts.get("CANDIDATES", 1), counts.get("QUESTION", 1)
    grid = (_GRID, _GRID) if request.model_name == "vqa_choose" else (asked, _GRID, _GRID)
    known: dict[str, tuple[str, np.ndarray[Any, Any]]] = {
        "ANSWER": ("BYTES", np.full((1, asked), b"red", np.object_)),
        "CONFIDENCE": ("FP32", np.ones((1, asked), np.float32)),
        "STATUS": ("BYTES", np.full((1, asked), b"answered", np.object_)),
        "REASON": ("BYTES", np.full((1, asked), b"", np.object_)),
        "ALTERNATIVES": ("BYTES", np.full((1, asked, 1), b"red", np.object_)),
        "ALTERNATIVE_CONFIDENCES": ("FP32", np.ones((1, asked, 1), np.float32)),
        "HEATMAP": ("FP32", np.zeros((1, *grid), np.float32)),
        "PROBABILITIES": ("FP32", np.full((1, candidates), 1 / candidates, np.float32)),
        "IMAGE_EMBEDDING": ("FP32", np.zeros((1, _EMBEDDING_WIDTH), np.float32)),
        "IMAGE_SHA256": ("UINT8", np.zeros((1, 32), np.uint8)),
        "RELEASE": ("BYTES", np.full((1, 1), b"fake", np.object_)),
    }
    for output in request.outputs:
        kind, value = known[output.name]
        response.outputs.add(name=output.name, datatype=kind, shape=value.shape)
        raw = serialize_byte_tensor(value).item() if kind == "BYTES" else value.tobytes()
        response.raw_output_contents.append(raw)
    return response


class _Answers:
    """Responses that are made once for each kind of request."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], bytes] = {}

    def to(self, raw: bytes) -> bytes:
        # The parts that tell kinds of requests apart stand before the photo's bytes.
        request = service_pb2.ModelInferRequest.FromString(raw)
        shape = tuple(tuple(one.shape) for one in request.inputs)
        key = (request.model_name, shape)
        if key not in self._made:
            self._made[key] = answer_to(request).SerializeToString()
        return self._made[key]


@dataclass(frozen=True)
class Faults:
    """Faults that the server makes on purpose; 0: none."""

    stall_after: int = 0
    """The N-th request begins the stall; it and all others then wait until it is over."""
    slow_every: int = 0
    """Number N: every N-th request is delayed by `stall_s`, and the others are not."""
    broken_every: int = 0
    """Number N: every N-th answer lacks its tensors, which no client can read."""
    stall_s: float = 2.0
    told_at: int = 0
    """The N-th request is told of on standard output: for those who wait until that many have come."""


async def serve(port: int, faults: Faults, *, on_port: Callable[[int], None]) -> None:
    """Serve until the process ends.

    Args:
        port: 0: any.
        on_port: called once with the port that is listened at.
    """
    replies = {
        "ModelInfer": _infer_with(faults),
        "ServerLive": _reply_with(service_pb2.ServerLiveResponse(live=True)),
        "ServerReady": _reply_with(service_pb2.ServerReadyResponse(ready=True)),
        "ModelReady": _reply_with(service_pb2.ModelReadyResponse(ready=True)),
    }
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 * 2**20)])
    handlers = {name: grpc.unary_unary_rpc_method_handler(reply) for name, reply in replies.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
    on_port(server.add_insecure_port(f"127.0.0.1:{port}"))
    await server.start()
    await server.wait_for_termination()


def _infer_with(faults: Faults) -> Reply:
    answers, counted, stalled_until = _Answers(), 0, 0.0

    async def infer(raw: bytes, _: Any) -> bytes:
        nonlocal counted, stalled_until
        counted += 1
        if counted == faults.told_at:
            print(f"{counted} requests have come", flush=True)
        if counted == faults.stall_after:
            stalled_until = time.monotonic() + faults.stall_s
        if (wait_s := stalled_until - time.monotonic()) > 0:
            await asyncio.sleep(wait_s)
        if faults.slow_every and counted % faults.slow_every == 0:
            await asyncio.sleep(faults.stall_s)
        if faults.broken_every and counted % faults.broken_every == 0:
            return b""
        return answers.to(raw)

    return infer


def _reply_with(message: Any) -> Reply:
    async def reply(_: bytes, __: Any) -> bytes:
        return bytes(message.SerializeToString())

    return reply


@dataclass(frozen=True)
class FakeServerOptions:
    """Serve answers at once, or on request late: what a generator is measured against, without a model."""

    port: Port = 0
    """Port to listen on; 0 takes any free one, and it is printed."""
    stall_after: WholeNumber = 0
    """Number of the request that begins a stall; 0: never."""
    slow_every: WholeNumber = 0
    """Each N-th request is late by --stall; 0: none."""
    broken_every: WholeNumber = 0
    """Each N-th answer lacks its tensors; 0: none."""
    stall: Annotated[float, Argument(metavar="S")] = 2.0
    """Seconds of a stall."""
    told_at: WholeNumber = 0
    """Number of the request at which a line is printed, for those who wait until so many have come; 0: none."""


def main() -> None:
    options = options_from_arguments(FakeServerOptions, "python -m loadtest.fake_server")
    faults = Faults(options.stall_after, options.slow_every, options.broken_every, options.stall, options.told_at)
    asyncio.run(serve(options.port, faults, on_port=lambda port: print(f"127.0.0.1:{port}", flush=True)))


if __name__ == "__main__":
    main()
