"""Latency of a question through the door and past it, in turn."""

import json
import random
import statistics
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import psutil
from tqdm import tqdm
from vitrine_client import GrpcTransport, VitrineError
from vitrine_client.calls import ask_call

from benchmarks.mixes import draw_photo
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.triton.command import ServerSettings

if TYPE_CHECKING:
    from benchmarks.door import DoorOptions

_WARMUP = 50
_LARGE_PHOTO_BYTES = 16 * 2**20
_LARGE_CALLS = 40
_TIMEOUT_S = 30.0


def measure_door(options: "DoorOptions") -> int:
    """Serve, ask both ways in turn, and print the figures. Returns the exit status."""
    end_on_signals()
    try:
        with EmbeddedServer(ServerSettings(options.repository, grpc_port=0, metrics_port=None)) as server:
            photo = draw_photo(0)
            figures = _add_prefix("known_photo", _figures(server, photo, options.calls, _WARMUP))
            large = photo + bytes(_LARGE_PHOTO_BYTES - len(photo))
            figures |= _add_prefix("photo_of_16_mib", _figures(server, large, _LARGE_CALLS, 2))
            figures["door_memory_mib"] = psutil.Process(server.door_pid).memory_info().rss / 2**20
    except (ServingError, VitrineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, value in figures.items():
        print(f"{name:<36} {value:10.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def _figures(server: EmbeddedServer, photo: bytes, calls: int, warmup: int) -> dict[str, float]:
    call = ask_call(photo, "What colour is it?", None)
    times_ms: dict[str, list[float]] = {"door": [], "direct": []}
    door = psutil.Process(server.door_pid)
    draw = random.Random(0)
    with closing(GrpcTransport(server.url)) as through, closing(GrpcTransport(server.url_of_triton)) as past:
        ways = {"door": through, "direct": past}
        for index in tqdm(range(calls + warmup), desc="asking", leave=False, disable=None):
            if index == warmup:
                before_s = _processor_s(door)
            for way in draw.sample(list(ways), 2):
                start_s = time.perf_counter()
                ways[way].infer(call.model, call.inputs, call.outputs, timeout_s=_TIMEOUT_S, request_id="")
                times_ms[way].append((time.perf_counter() - start_s) * 1000)
        door_ms = (_processor_s(door) - before_s) * 1000 / calls
    found = {name: all_ms[warmup:] for name, all_ms in times_ms.items()}
    figures: dict[str, float] = {}
    for name, all_ms in found.items():
        tenths = statistics.quantiles(all_ms, n=10)
        figures |= {f"{name}_ms_median": statistics.median(all_ms), f"{name}_ms_p10": tenths[0]}
        figures[f"{name}_ms_p90"] = tenths[-1]
    pairs = [through_ms - past_ms for through_ms, past_ms in zip(found["door"], found["direct"], strict=True)]
    quarters = statistics.quantiles(pairs, n=4)
    return figures | {
        "added_ms_median": statistics.median(pairs),
        "added_ms_p25": quarters[0],
        "added_ms_p75": quarters[-1],
        "door_processor_ms": door_ms,
    }


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _add_prefix(prefix: str, figures: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}_{name}": value for name, value in figures.items()}
