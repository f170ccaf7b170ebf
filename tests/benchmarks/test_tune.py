"""The search for an arrangement: it keeps what is faster and not too late, and leaves the repository as it was."""

import json
import shutil
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


def measured(best: Path, tried: Path, options: TuneOptions, photos: list[bytes]) -> tuple[Measured, Measured]:
    """A machine on which more encoders are faster and later, and a short wait helps."""

    def of(repository: Path) -> Measured:
        config = read_config(repository / IMAGE_ENCODER / "config.pbtxt")
        encoders = config.instance_group[0].count
        waits = config.dynamic_batching.max_queue_delay_microseconds == 500
        return Measured((100.0 + 10 * encoders + 50 * waits,) * 3, 20.0 * max(encoders, 2))

    return of(best), of(tried)


@pytest.mark.parametrize(("p99_ms", "encoders"), [(None, 2), (100.0, 3)])
def test_the_fastest_arrangement_within_the_bound_is_written(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, p99_ms: float | None, encoders: int
) -> None:
    monkeypatch.setattr(measure_tune, "_measure", measured)
    monkeypatch.setattr(measure_tune, "_PHOTOS", 1)
    shutil.copytree(repository, used := tmp_path / "used", ignore=shutil.ignore_patterns("__pycache__"))
    before = sha256_of_folder(used)
    assert tune(TuneOptions(repository=used, output=tmp_path / "tuning.json", p99_ms=p99_ms)) == 0
    found = tuning_from_file(tmp_path / "tuning.json")
    assert found.instances.get(IMAGE_ENCODER, 2) == encoders
    assert found.queue_delay_us == {IMAGE_ENCODER: 500}
    assert sha256_of_folder(used) == before


@pytest.mark.night
def test_real_servers_are_measured_in_turn(repository: Path, tmp_path: Path) -> None:
    options = TuneOptions(repository=repository, callers=4, seconds=1.0)
    changed = measure_tune._arranged(repository, Tuning({IMAGE_ENCODER: 1}), tmp_path / "changed")
    assert json.loads((changed / "manifest.json").read_text("utf-8"))["release"]
    for found in measure_tune._measure(repository, changed, options, [draw_photo(0)]):
        assert len(found.rates) == 6
        assert min(found.rates) > 0
        assert found.p99_ms > 0
