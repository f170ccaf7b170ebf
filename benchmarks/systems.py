"""The systems that are compared: how each is started, and how it is asked."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cpuinfo
import httpx
import numpy as np
import psutil
import tritonclient.grpc.aio as triton
from tritonclient.utils import InferenceServerException
from vitrine_client import AsyncVqaClient

from benchmarks.closed_loop import Ask
from benchmarks.mixes import QUESTIONS, Visit, draw_photo
from serving.supervision.server import EmbeddedServer
from serving.supervision.with_parent import with_parent
from serving.triton.command import ServerSettings
from serving.triton.ports import free_port

PEERS = ("fastapi", "litserve", "pytriton")
ONNX_PEERS = ("litserve-onnx", "pytriton-onnx")
BF16_PEERS = ("fastapi-bf16", "litserve-bf16")
VITRINE = "vitrine"
_READY_TIMEOUT_S = 120.0
_CALL_TIMEOUT_S = 600.0
_WAKE_S = 0.2
"""Seconds for what became due while a process was suspended, such as closing idle connections."""


@cache
def has_bf16() -> bool:
    """Tell whether the processor multiplies in bfloat16."""
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(cpuinfo.get_cpu_info().get("flags", ()))


@dataclass(frozen=True)
class Model:
    """Model that all systems serve."""

    name: str
    checkpoint: Path
    repository: Path
    """Built from the checkpoint."""
    answer_tokens: int
    forced: bool
    """True if every answer has so many tokens, because weights are random."""
    image_px: int | None = None
    """Side of the square photo, of a chat model; None: the checkpoint's own."""
    greedy: Path | None = None
    """Repository with one answer a question, which peers around ONNX Runtime serve; None: they are left out."""

    @property
    def peers(self) -> tuple[str, ...]:
        bf16 = BF16_PEERS if has_bf16() and not self.is_chat else ()
        return PEERS + (ONNX_PEERS if self.greedy else ()) + bf16

    @property
    def is_chat(self) -> bool:
        return self.image_px is not None

    @property
    def is_large(self) -> bool:
        """True of models whose answers take seconds under transformers, so that fewer combinations are measured."""
        return self.forced or self.is_chat


@contextmanager
def run_system(system: str, model: Model) -> Iterator[tuple[str, int]]:
    """Start a system for a model; gives its address, and its process id."""
    if system == VITRINE:
        settings = ServerSettings(model.repository, grpc_port=0, metrics_port=None)
        with EmbeddedServer(settings, ready_timeout_s=_READY_TIMEOUT_S) as server:
            yield server.url, server.pid
        return
    port = free_port()
    served = model.greedy if system in ONNX_PEERS else model.checkpoint
    command = [sys.executable, "-m", "benchmarks.peers", system, str(served), "--port", str(port)]
    command += ["--answer-tokens", str(model.answer_tokens), *(["--forced"] if model.forced else [])]
    command += ["--image-px", str(model.image_px)] if model.image_px else []
    # pytriton's processes use multiprocessing, whose library must be of the very Python that runs it.
    environment = os.environ | {"LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR"))}
    process = subprocess.Popen(
        with_parent(command),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield f"127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # LitServe's own processes outlive it
        process.wait()


@contextmanager
def suspend(pids: Iterable[int]) -> Iterator[None]:
    """Suspend process trees meanwhile, so that they take no time from what is measured: LitServe polls."""
    parents = [psutil.Process(pid) for pid in pids]
    processes = [process for parent in parents for process in (parent, *parent.children(recursive=True))]
    try:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        yield
    finally:
        for process in reversed(processes):
            with suppress(psutil.NoSuchProcess):
                process.resume()
        time.sleep(_WAKE_S)


@asynccontextmanager
async def connect(system: str, url: str) -> AsyncIterator[Ask]:
    """Connect to a system once it answers; gives the function that asks it."""
    async with _connect(system, url) as ask:
        deadline, visit = time.monotonic() + _READY_TIMEOUT_S, Visit(draw_photo(0), QUESTIONS[:1])
        while True:
            try:
                await ask(visit)
                break
            except (httpx.HTTPError, InferenceServerException) as error:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{system} did not answer within {_READY_TIMEOUT_S:g} s") from error
                await asyncio.sleep(0.5)
        yield ask


@asynccontextmanager
async def _connect(system: str, url: str) -> AsyncIterator[Ask]:
    if system == VITRINE:
        async with AsyncVqaClient(url, timeout_s=_CALL_TIMEOUT_S) as client:

            async def ask(visit: Visit) -> list[str]:
                return [answer.text for answer in await client.ask_many(visit.photo, visit.questions)]

            yield ask
    elif system.startswith("pytriton"):
        async with triton.InferenceServerClient(url) as raw:

            async def ask(visit: Visit) -> list[str]:
                return await asyncio.gather(*(_infer(raw, visit.photo, question) for question in visit.questions))

            yield ask
    else:
        # A server that rested closes idle connections as it wakes, maybe under a request: none is used again after 1 s.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=1.0)
        async with httpx.AsyncClient(base_url=f"http://{url}", timeout=_CALL_TIMEOUT_S, limits=limits) as http:

            async def ask(visit: Visit) -> list[str]:
                return await asyncio.gather(
                    *(_post(http, system, visit.photo, question) for question in visit.questions)
                )

            yield ask


async def _post(http: httpx.AsyncClient, system: str, photo: bytes, question: str) -> str:
    if system.startswith("fastapi"):
        response = await http.post("/ask", params={"question": question}, content=photo)
    else:
        body = {"photo": base64.b64encode(photo).decode(), "question": question}
        response = await http.post("/ask", json=body)
    return str(response.raise_for_status().json()["answer"])


async def _infer(client: triton.InferenceServerClient, photo: bytes, question: str) -> str:
    tensors = []
    for name, value in (("photo", photo), ("question", question.encode("utf-8"))):
        tensor = triton.InferInput(name, [1, 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[value]], np.object_))
        tensors.append(tensor)
    answer: Any = (await client.infer("ask", tensors)).as_numpy("answer")
    return str(answer[0, 0].decode("utf-8"))
