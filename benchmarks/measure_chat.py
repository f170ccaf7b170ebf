"""Time of a chat model's answers: as served, by its engines alone, and by transformers."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from tqdm import tqdm
from vitrine_client import VitrineError, VqaClient

from benchmarks.mixes import draw_photo
from benchmarks.peers.chat_answering import ChatAnswerer
from builders.checkpoint.checkpoint import Checkpoint, Wishes
from builders.checkpoint.load import load_checkpoint
from builders.dimensions import BuildDimensions
from builders.engine_spec import ANSWER_DECODER, IMAGE_ENCODER
from builders.parity.forced_rows import open_rows
from builders.parity.onnx_engine import onnx_engine
from builders.parity.outputs import Outputs
from builders.parity.photos import encode_photo, question_tensors
from measuring.memory import tree_memory_mib
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.triton.command import ServerSettings
from vitrine_steps.question import QuestionLimits, padded_length

if TYPE_CHECKING:
    from benchmarks.chat import ChatOptions

QUESTION = "What is it made of?"
_TOGETHER = 10
_TIMEOUT_S = 600.0


def measure_chat(options: "ChatOptions") -> int:
    """Measure, and print the figures. Returns the exit status."""
    end_on_signals()
    manifest = json.loads((options.repository / "manifest.json").read_text("utf-8"))
    if "prompt" not in manifest:
        print(f"error: {options.repository} is of no chat model: its manifest has no prompt", file=sys.stderr)
        return 2
    dimensions = BuildDimensions(**manifest["dimensions"])
    checkpoint = load_checkpoint(options.checkpoint, wishes=Wishes(dimensions.image_px, manifest["instruction"]))
    figures: dict[str, float] = {"transformers_memory_mib": psutil.Process().memory_info().rss / 2**20}
    settings = ServerSettings(options.repository, grpc_port=0, metrics_port=None)
    try:
        with EmbeddedServer(settings) as server, VqaClient(server.url, timeout_s=_TIMEOUT_S) as client:
            figures |= _times(client, _Engines(options.repository, checkpoint, dimensions), checkpoint, options.rounds)
            figures["served_memory_mib"] = tree_memory_mib(server.pid)
    except (ServingError, VitrineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, value in figures.items():
        print(f"{name:<40} {value:10.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


class _Engines:
    """A repository's engines in this process, without Triton."""

    def __init__(self, repository: Path, checkpoint: Checkpoint, dimensions: BuildDimensions) -> None:
        files = [repository / name / "1" / "model.onnx" for name in (IMAGE_ENCODER, ANSWER_DECODER)]
        self.encoder, self.decoder = (onnx_engine(file) for file in files)
        self.checkpoint = checkpoint
        whole = question_tensors(checkpoint, QUESTION, dimensions.question_tokens)
        limits = QuestionLimits(0, dimensions.question_tokens, max_context_tokens=dimensions.context_tokens)
        length = padded_length(int(whole["QUESTION_MASK"].sum()), limits)  # as it is served
        asked = {name: tensor[..., :length] for name, tensor in whole.items()}
        self.asked = asked | {"FORCED_IDS": open_rows(asked["QUESTION_IDS"], dimensions)}

    def features(self, photo: bytes) -> Outputs:
        return {"IMAGE_FEATURES": encode_photo(self.encoder, self.checkpoint, photo)["IMAGE_FEATURES"]}

    def answer(self, features: Outputs) -> Outputs:
        return self.decoder(features | self.asked)


def _times(client: VqaClient, engines: _Engines, checkpoint: Checkpoint, rounds: int) -> dict[str, float]:
    """Medians of all rounds in seconds, their spread, and ratios."""
    times_s: dict[str, list[float]] = {}

    def timed(name: str, run: Callable[[], Any]) -> Any:
        start_s = time.perf_counter()
        found = run()
        times_s.setdefault(name, []).append(time.perf_counter() - start_s)
        return found

    peer = ChatAnswerer(checkpoint, engines.asked["FORCED_IDS"].shape[-1])
    several = [f"{QUESTION} {number}" for number in range(_TOGETHER)]
    for index in tqdm(range(rounds + 1), desc="rounds", leave=False):
        if index == 1:
            times_s.clear()  # the first round warms up
        photo = draw_photo(index)
        timed("served_new_photo", lambda: client.ask(photo, QUESTION))  # noqa: B023  called at once
        timed("engines_new_photo", lambda: engines.answer(engines.features(photo)))  # noqa: B023
        timed("transformers", lambda: peer.ids([photo], [QUESTION]))  # noqa: B023  called at once
        features = engines.features(photo)
        timed("served_known_photo", lambda: client.ask(photo, QUESTION))  # noqa: B023
        timed("engines_known_photo", lambda: engines.answer(features))  # noqa: B023
        timed("served_ten_questions", lambda: client.ask_many(photo, several))  # noqa: B023
    found = {f"{name}_s": statistics.median(values) for name, values in times_s.items()}
    figures = dict(found)
    for name, values in times_s.items():
        figures |= {f"{name}_least_s": min(values), f"{name}_most_s": max(values)}
    for kind in ("new", "known"):
        served_s = found[f"served_{kind}_photo_s"]
        figures[f"engines_to_served_{kind}"] = found[f"engines_{kind}_photo_s"] / served_s
        figures[f"transformers_to_served_{kind}"] = found["transformers_s"] / served_s
    return figures | {"ten_questions_to_one": found["served_ten_questions_s"] / found["served_known_photo_s"]}
