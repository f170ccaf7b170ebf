"""The compared systems are real: each peer answers what transformers answers, and the floor runs the engines."""

import asyncio
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import onnxruntime
import psutil
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from benchmarks.floor import Floor
from benchmarks.mixes import QUESTIONS, Visit, draw_photo
from benchmarks.models import BUNDLED
from benchmarks.peers.answering import BlipAnswerer
from benchmarks.peers.chat_answering import ChatAnswerer
from benchmarks.systems import ONNX_PEERS, PEERS, VITRINE, Model, connect, run_system, suspend
from builders.build import build
from builders.engine_spec import ANSWER_DECODER, IMAGE_ENCODER
from builders.options import BuildOptions
from tests.helpers.qwen import IMAGE_PX, save_qwen3_vl

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(repository: Path) -> Model:
    return Model(BUNDLED, ROOT / "checkpoints" / BUNDLED, repository, 8, forced=False)


def test_the_peers_checkpoint_answers(model: Model) -> None:
    answers = BlipAnswerer(model.checkpoint, model.answer_tokens, False).answers(
        [draw_photo(3)] * 2, list(QUESTIONS[:2])
    )
    assert len(answers) == 2
    assert all(answers)


def test_forced_answers_have_their_length(model: Model) -> None:
    answerer = BlipAnswerer(model.checkpoint, 6, True)
    [text] = answerer.answers([draw_photo(3)], ["它是什么颜色的？"])
    assert len(answerer.tokenizer(text, add_special_tokens=False).input_ids) == 6


@pytest.mark.parametrize("system", [*PEERS, VITRINE])
def test_a_system_answers_what_transformers_answers(model: Model, system: str) -> None:
    visit = Visit(draw_photo(0), QUESTIONS[:2])  # one in English, one in Chinese

    async def answers(url: str) -> list[str]:
        async with connect(system, url) as ask:
            return await ask(visit)

    with run_system(system, model) as (url, _):
        found = asyncio.run(answers(url))
    expected = BlipAnswerer(model.checkpoint, model.answer_tokens, False).answers(
        [visit.photo] * 2, list(visit.questions)
    )
    assert ["".join(text.split()) for text in found] == ["".join(text.split()) for text in expected]
    with pytest.raises((httpx.HTTPError, InferenceServerException)):  # it has ended
        if system.startswith("pytriton") or system == VITRINE:
            triton.InferenceServerClient(url).is_server_live(client_timeout=2)
        else:
            httpx.get(f"http://{url}/")


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    work = tmp_path_factory.mktemp("chat")
    checkpoint = save_qwen3_vl(work / "tiny")
    options = BuildOptions(str(checkpoint), work / "built", image_px=IMAGE_PX, parity_photos=1, answer_tokens=8)
    return Model("tiny", checkpoint, build(options), 8, forced=False, image_px=IMAGE_PX)


@pytest.fixture(scope="module")
def greedy_model(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Model:
    output = tmp_path_factory.mktemp("greedy") / "built"
    options = BuildOptions(str(model.checkpoint), output, precision="fp32", alternatives=1, parity_photos=1)
    return replace(model, greedy=build(options))


@pytest.mark.night
@pytest.mark.parametrize("system", ONNX_PEERS)
def test_a_peer_around_onnx_runtime_answers_what_transformers_answers(greedy_model: Model, system: str) -> None:
    test_a_system_answers_what_transformers_answers(greedy_model, system)


@pytest.mark.night
@pytest.mark.parametrize("system", [*PEERS, VITRINE])
def test_a_system_answers_as_a_chat_model_what_transformers_answers(chat_model: Model, system: str) -> None:
    visit = Visit(draw_photo(0), QUESTIONS[:2])

    async def answers(url: str) -> list[str]:
        async with connect(system, url) as ask:
            return await ask(visit)

    with run_system(system, chat_model) as (url, _):
        found = asyncio.run(answers(url))
    alone = ChatAnswerer.of(chat_model.checkpoint, 8, IMAGE_PX)
    expected = [alone.answers([visit.photo], [question])[0] for question in visit.questions]
    assert ["".join(text.split()) for text in found] == ["".join(text.split()) for text in expected]


def test_the_floors_rate_is_of_rows_that_went_through_both_engines(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: dict[str, list[int]] = {IMAGE_ENCODER: [], ANSWER_DECODER: []}

    class Counted(onnxruntime.InferenceSession):  # type: ignore[misc]  # onnxruntime is not typed
        def run(self, names: Any, inputs: dict[str, Any]) -> Any:
            rows[IMAGE_ENCODER if "PIXELS" in inputs else ANSWER_DECODER].append(len(next(iter(inputs.values()))))
            return super().run(names, inputs)

    monkeypatch.setattr("benchmarks.floor.onnxruntime.InferenceSession", Counted)
    floor = Floor(model, try_s=0.2)
    for counted in rows.values():
        counted.clear()
    start_s = time.perf_counter()
    rate = floor.rate(0.2)
    passed_s = time.perf_counter() - start_s
    assert rows[IMAGE_ENCODER] == rows[ANSWER_DECODER]
    assert set(rows[IMAGE_ENCODER]) == {floor.best.rows}
    timed = sum(rows[IMAGE_ENCODER]) - floor.best.rows  # the first run warms up
    assert timed / passed_s <= rate <= timed / 0.2


def test_what_rests_gets_no_processor_and_goes_on_afterwards() -> None:
    child = "import time; print(1, flush=True); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
        assert len(tree) == 2

        def stopped_after_a_while(expected: int) -> int:
            """A signal takes a moment to arrive."""
            end_s = time.monotonic() + 10
            while True:
                stopped = sum(one.status() == psutil.STATUS_STOPPED for one in tree)
                if stopped == expected or time.monotonic() > end_s:
                    return stopped
                time.sleep(0.01)

        with suspend([process.pid]):
            assert stopped_after_a_while(2) == 2
        assert stopped_after_a_while(0) == 0
        for one in tree:
            one.kill()
