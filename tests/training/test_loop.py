"""The training loop: goes on where it stopped, and learns."""

import json
from pathlib import Path

import pytest
import torch

from training.batches import training_batch
from training.loop import TrainingOptions, learning_rate, train
from training.plot import plot_history
from training.render import RenderedPhotos, rendered_photos
from training.tokenizer import new_tokenizer


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> RenderedPhotos:
    return rendered_photos(tmp_path_factory.mktemp("photos"), "train", 24, workers=2)


def options(steps: int) -> TrainingOptions:
    return TrainingOptions(
        steps=steps, photos_per_step=4, questions_per_photo=2, save_every_steps=4, measure_every_steps=4
    )


def test_a_batch_is_a_function_of_its_step(photos: RenderedPhotos) -> None:
    tokenizer = new_tokenizer()
    first, again, other = (training_batch(photos, tokenizer, step, size=4, per_photo=3) for step in (7, 7, 8))
    assert torch.equal(first.pixels, again.pixels)
    assert torch.equal(first.question_ids, again.question_ids)
    assert not torch.equal(first.pixels, other.pixels)
    assert first.question_ids.shape[0] == 12
    assert (first.answer_ids[:, 0] == tokenizer.bos_token_id).all()


def test_a_stopped_training_goes_on_where_it_was(photos: RenderedPhotos, tmp_path: Path) -> None:
    whole = train(photos, photos, tmp_path / "whole", options(8))
    steps = [json.loads(line)["step"] for line in (tmp_path / "whole" / "history.jsonl").read_text().splitlines()]
    assert steps == [4, 8]
    state = torch.load(tmp_path / "whole" / "state.pt", weights_only=True)
    assert state["step"] == 8
    # A run that finds the state of the last step has nothing left to do, and gives the same weights.
    resumed = train(photos, photos, tmp_path / "whole", options(8))
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    plot_history(tmp_path / "whole" / "history.jsonl", tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_the_learning_rate_rises_then_falls() -> None:
    schedule = TrainingOptions(steps=100, warmup_ratio=0.1, peak_learning_rate=1.0)
    rates = [learning_rate(step, schedule) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.02
