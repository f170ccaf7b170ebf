"""The search for an arrangement: it keeps what is faster and not too late, and leaves the repository as it was."""

import json
from pathlib import Path

import pytest

from benchmarks import measure_tune
from benchmarks.measure_tune import Measured, tune
from benchmarks.mixes import draw_photo
from benchmarks.tune import TuneOptions
from builders.checkpoint.digests import sha256_of_folder
from builders.engine_spec import IMAGE_ENCODER
from builders.repository.source import read_config
from builders.repository.tuning import Tuning, tuning_from_file


def measured(repository: Path, options: TuneOptions, photos: list[bytes]) -> Measured:
    """A machine on which more encoders are faster and later, and a short wait helps."""
    config = read_config(repository / IMAGE_ENCODER / "config.pbtxt")
    encoders = config.instance_group[0].count
    waits = config.dynamic_batching.max_queue_delay_microseconds == 500
    return Measured((100.0 + 10 * encoders + 50 * waits,), 20.0 * max(encoders, 2))


@pytest.mark.parametrize(("p99_ms", "encoders"), [(None, 2), (100.0, 3)])
def test_the_fastest_arrangement_within_the_bound_is_written(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, p99_ms: float | None, encoders: int
) -> None:
    monkeypatch.setattr(measure_tune, "_measure", measured)
    monkeypatch.setattr(measure_tune, "_PHOTOS", 1)
    before = sha256_of_folder(repository)
    assert tune(TuneOptions(repository=repository, output=tmp_path / "tuning.json", p99_ms=p99_ms)) == 0
    found = tuning_from_file(tmp_path / "tuning.json")
    assert found.instances.get(IMAGE_ENCODER, 2) == encoders
    assert found.queue_delay_us == {IMAGE_ENCODER: 500}
    assert sha256_of_folder(repository) == before


@pytest.mark.night
def test_a_real_server_is_measured_in_another_arrangement(repository: Path, tmp_path: Path) -> None:
    options = TuneOptions(repository=repository, callers=4, seconds=0.5)
    changed = measure_tune._arranged(repository, Tuning({IMAGE_ENCODER: 1}), tmp_path)
    assert json.loads((changed / "manifest.json").read_text("utf-8"))["release"]
    found = measure_tune._measure(changed, options, [draw_photo(0)])
    assert min(found.rates) > 0
    assert found.p99_ms > 0
