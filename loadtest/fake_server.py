"""A gRPC server that answers at once, or on request late: what a generator is measured against, without a model."""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import numpy as np
from tritonclient.grpc import service_pb2
from tritonclient.utils import serialize_byte_tensor

_SERVICE = "inference.GRPCInferenceService"
_GRID = 7


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
        "IMAGE_EMBEDDING": ("FP32", np.zeros((1, 192), np.float32)),
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


async def serve(
    port: int, *, stall_after: int, slow_every: int, stall_s: float, on_port: Callable[[int], None]
) -> None:
    """
    Args:
        port: 0: any.
        stall_after: the request that begins the stall; it and all others then wait until it is over. 0: never.
        slow_every: each so-manieth request waits for `stall_s`, and holds up no other. 0: none.
    """
    answers, counted, stalled_until = _Answers(), 0, 0.0

    async def infer(raw: bytes, _: Any) -> bytes:
        nonlocal counted, stalled_until
        counted += 1
        if counted == stall_after:
            stalled_until = time.monotonic() + stall_s
        if (wait_s := stalled_until - time.monotonic()) > 0:
            await asyncio.sleep(wait_s)
        if slow_every and counted % slow_every == 0:
            await asyncio.sleep(stall_s)
        return answers.to(raw)

    def reply_with(message: Any) -> Callable[[bytes, Any], Awaitable[bytes]]:
        async def reply(_: bytes, __: Any) -> bytes:
            return bytes(message.SerializeToString())

        return reply

    replies = {
        "ModelInfer": infer,
        "ServerLive": reply_with(service_pb2.ServerLiveResponse(live=True)),
        "ServerReady": reply_with(service_pb2.ServerReadyResponse(ready=True)),
        "ModelReady": reply_with(service_pb2.ModelReadyResponse(ready=True)),
    }
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 * 2**20)])
    handlers = {name: grpc.unary_unary_rpc_method_handler(reply) for name, reply in replies.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
    on_port(server.add_insecure_port(f"127.0.0.1:{port}"))
    await server.start()
    await server.wait_for_termination()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtest.fake_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="(default: any; it is printed)")
    parser.add_argument("--stall-after", type=int, default=0, metavar="N", help="the N-th request begins a stall")
    parser.add_argument("--slow-every", type=int, default=0, metavar="N", help="each N-th request is late by --stall")
    parser.add_argument("--stall", type=float, default=2.0, metavar="S", help="seconds (default: 2)")
    args = parser.parse_args()
    asyncio.run(
        serve(
            args.port,
            stall_after=args.stall_after,
            slow_every=args.slow_every,
            stall_s=args.stall,
            on_port=lambda port: print(f"127.0.0.1:{port}", flush=True),
        )
    )


if __name__ == "__main__":
    main()
