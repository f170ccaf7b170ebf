"""The repository that the real compiler builds for a GPU, with its engines' backend exchanged, under a real Triton.

Everything else is as on a GPU: wiring, types, dimensions, batching, cache and
warm-up. The graphs that were compiled are run on the CPU, in half precision.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tritonclient.grpc as triton
from google.protobuf import text_format
from vitrine_client import VqaClient

from builders.build import build
from builders.engine_spec import ANSWER_SCORER, ENGINES
from builders.options import BuildOptions
from builders.repository.manifest import renew_digests
from builders.repository.source import read_config
from catalogue.attributes import Language
from catalogue.dataset import first_seed, questions_from_seed
from catalogue.photos import attributes_from_seed, photo_from_seed
from catalogue.questions import truth, words
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings
from tests.helpers.system import require_tensorrt_rtx

CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "vitrine-small"


def with_onnx_backend(repository: Path, graphs: Path) -> Path:
    """Exchange the engines' plans for the graphs that they were made of, and their backend."""
    for name in ENGINES:
        shutil.copy(graphs / name / "model.onnx", repository / name / "1")
        config = read_config(repository / name / "config.pbtxt")
        config.backend = "onnxruntime"
        (repository / name / "config.pbtxt").write_text(text_format.MessageToString(config), "utf-8")
    file = repository / "manifest.json"
    file.write_text(file.read_text("utf-8").replace('"target": "tensorrt-rtx"', '"target": "onnxruntime"'), "utf-8")
    renew_digests(repository)
    return repository


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    require_tensorrt_rtx()
    folder = tmp_path_factory.mktemp("gpu")
    options = BuildOptions(
        str(CHECKPOINT),
        folder / "gpu",
        target="tensorrt-rtx",
        batch_opt=4,
        batch_max=8,
        parity_photos=2,
        without_text=True,
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("builders.build.remove_graphs", lambda graphs: None)
        built = build(options)
    (graphs,) = (folder / "cache").glob("graphs-*")
    settings = ServerSettings(
        with_onnx_backend(built, graphs), grpc_port=0, metrics_port=0, log_file=folder / "log", open_administration=True
    )
    with EmbeddedServer(settings) as server:
        yield server


def test_questions_are_answered_in_both_languages(server: EmbeddedServer) -> None:
    photos = {s: photo_from_seed(s).jpeg_bytes() for s in range(first_seed("test") + 50, first_seed("test") + 60)}
    with VqaClient(server.url, timeout_s=20) as client:
        right = [
            client.ask(photo, question.text).text == question.answer
            for seed, photo in photos.items()
            for question in questions_from_seed(seed, "test", per_photo=7)
        ]
    assert len(right) == 70
    assert sum(right) >= 66  # 98 % of them, as on the CPU, within chance


@pytest.mark.parametrize(
    ("question", "language"), [("What colour is it?", "en"), ("它是什么颜色的？", "zh")], ids=["en", "zh"]
)
def test_lists_are_scored(server: EmbeddedServer, question: str, language: Language) -> None:
    seed = first_seed("test") + 50
    with VqaClient(server.url, timeout_s=20) as client:
        choice = client.choose(photo_from_seed(seed).jpeg_bytes(), question, words("colour", language))
    assert choice.text == truth(attributes_from_seed(seed), "colour", language)


def test_the_engines_batch_up_to_the_profile(server: EmbeddedServer) -> None:
    photo = photo_from_seed(first_seed("test")).jpeg_bytes()
    with VqaClient(server.url, timeout_s=20) as client, ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: client.ask(photo, "What colour is it?").text, range(128)))
        assert len(set(answers)) == 1
    statistics = triton.InferenceServerClient(server.url).get_inference_statistics("answer_decoder", as_json=True)
    batches = {int(b["batch_size"]) for b in statistics["model_stats"][0]["batch_stats"]}
    assert max(batches) > 1, "requests were put together"
    assert max(batches) <= 8, "and never more than the profile takes"


def test_a_photo_is_encoded_once(server: EmbeddedServer) -> None:
    photo = photo_from_seed(first_seed("test") + 7).jpeg_bytes()
    with VqaClient(server.url, timeout_s=20) as client:
        before = encodings(server)
        for question in ("What is it?", "这是什么？", "How many are there?"):
            client.ask(photo, question)
        assert encodings(server) - before == 1


def encodings(server: EmbeddedServer) -> int:
    statistics = triton.InferenceServerClient(server.url).get_inference_statistics("image_encoder", as_json=True)
    return int(statistics["model_stats"][0]["inference_count"])


def test_every_warm_up_batch_has_been_run(server: EmbeddedServer) -> None:
    """Warm-up runs before the server is ready; a sample that does not fit the model stops it from loading."""
    for engine in ENGINES:
        config = read_config(server.settings.repository / engine / "config.pbtxt")
        assert [w.batch_size for w in config.model_warmup] == ([1] if engine == ANSWER_SCORER else [1, 4, 8])
    log = server.settings.log_file
    assert log
    assert "failed to run warmup" not in log.read_text("utf-8").lower()
