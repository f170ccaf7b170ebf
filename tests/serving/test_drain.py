"""Which steps a drain closes and watches, and what the hang watch and the cache take from configs."""

import re
from pathlib import Path

import pytest
from tritonclient.grpc import model_config_pb2

from serving.errors import UsageError
from serving.supervision.drain import Stretch, drain, stretches
from serving.supervision.probe import Count
from serving.triton.cache_capacity import bytes_per_cached_photo
from serving.triton.models import Configs, ensembles, is_engine, public_ensembles, read_configs

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "model_repository"


def test_the_bundled_repository_has_three_stretches() -> None:
    photos, questions, texts = stretches(read_configs(SOURCE))
    assert (photos.entry, photos.engines) == ("photos", ("image_encoder",))
    assert (photos.python_steps, photos.last_steps) == (("image_preprocess", "image_export"), ("image_export",))
    assert (questions.entry, set(questions.engines)) == ("questions", {"answer_decoder", "answer_scorer"})
    assert set(questions.last_steps) == {"answer_postprocess", "choice_postprocess"}
    assert "candidates_preprocess" in questions.python_steps
    assert (texts.entry, texts.engines) == ("texts", ("text_detector", "text_recogniser"))
    assert texts.last_steps == ("text_decode",)


def test_callers_ask_the_ensembles_that_no_other_calls() -> None:
    assert set(public_ensembles(read_configs(SOURCE))) == {"vqa", "vqa_choose", "image_embedding", "photo_reading"}


def test_alerts_name_models_that_there_are() -> None:
    configs = read_configs(SOURCE)
    page = (ROOT / "deploy" / "observe" / "prometheus" / "alerts.yml").read_text("utf-8")
    named = {name for names in re.findall(r'model=~"([^"]+)"', page) for name in names.split("|")}
    engines = {name for name in configs if is_engine(configs, name)} - set(ensembles(configs))
    assert named == engines | set(public_ensembles(configs))


def chain(configs: dict[str, model_config_pb2.ModelConfig], name: str, *steps: str, entries: dict[str, str]) -> None:
    ensemble = configs.setdefault(name, model_config_pb2.ModelConfig(name=name))
    for step in steps:
        ensemble.ensemble_scheduling.step.add(model_name=step)
        config = configs.setdefault(step, model_config_pb2.ModelConfig(name=step, backend="python"))
        if step in entries:
            config.parameters["entry"].string_value = entries[step]


def test_other_names_and_more_steps_are_found() -> None:
    configs: dict[str, model_config_pb2.ModelConfig] = {}
    entries = {"ask": "texts", "look": "pictures"}
    chain(configs, "seen", "look", "tile", "keep", entries=entries)
    chain(configs, "chat", "seen", "ask", "think", "say", entries=entries)
    configs["seen"].backend = ""
    configs["think"].backend = "vllm"
    assert stretches(configs) == [
        Stretch("pictures", (), ("look", "tile", "keep"), ("keep",)),
        Stretch("texts", ("think",), ("ask", "say"), ("say",)),
    ]


class Working:
    """A server in which `inside` requests come out of the last step, one each time it is asked."""

    def __init__(self, inside: int, *, run_s: float = 0.0) -> None:
        self.inside, self.run_s, self.out = inside, run_s, 0

    def counts(self, timeout_s: float) -> dict[str, Count] | None:
        assert timeout_s > 0
        self.out = min(self.out + 1, self.inside)
        return {"last": Count(self.out, 0, 0.0), "engine": Count(self.out, 0, self.run_s)}


PART = Stretch("photos", ("engine",), ("first",), ("last",))


@pytest.mark.parametrize(
    ("busy", "run_s", "timeout_s", "is_drained"),
    [
        (False, 0.0, 20.0, True),
        (True, 0.0, 1.0, False),
        (False, 10.0, 1.0, False),
    ],
    ids=["all has come out", "a step is still at work", "an engine takes so long that a pause says nothing"],
)
def test_a_stretch_is_quiet_when_nothing_comes_out_and_nothing_works(
    tmp_path: Path, busy: bool, run_s: float, timeout_s: float, is_drained: bool
) -> None:
    server = Working(5, run_s=run_s)
    assert drain(server, tmp_path, [PART], lambda step: busy, timeout_s=timeout_s) == is_drained  # type: ignore[arg-type]
    assert server.out == 5
    assert (tmp_path / "photos").exists()


def test_a_server_that_says_nothing_is_not_drained(tmp_path: Path) -> None:
    class Silent:
        def counts(self, timeout_s: float) -> None:
            return None

    assert not drain(Silent(), tmp_path, [PART, PART], lambda step: False, timeout_s=5.0)  # type: ignore[arg-type]


def test_the_cache_keeps_what_its_models_config_says() -> None:
    assert bytes_per_cached_photo(SOURCE) == 52 * 192 * 2 + 300


def test_a_config_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "a_model").mkdir()
    (tmp_path / "a_model" / "config.pbtxt").write_text("name: ", "utf-8")
    with pytest.raises(
        UsageError, match=r"a_model/config\.pbtxt is no config of Triton .*: build the repository again"
    ):
        read_configs(tmp_path)


def test_configs_are_read_and_not_changed() -> None:
    configs: Configs = read_configs(SOURCE)
    before = {name: config.SerializeToString() for name, config in configs.items()}
    stretches(configs)
    assert {name: config.SerializeToString() for name, config in configs.items()} == before
