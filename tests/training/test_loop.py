"""The training loop: goes on where it stopped, and learns."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training import loop
from training.batches import Batch, training_batch
from training.loop import TrainingOptions, learning_rate, train
from training.plot import plot_history
from training.render import RenderedPhotos, rendered_photos
from training.tokenizer import new_tokenizer


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> RenderedPhotos:
    return rendered_photos(tmp_path_factory.mktemp("photos"), "train", 24, workers=2)


def options(steps: int) -> TrainingOptions:
    return TrainingOptions(
        steps=steps,
        text_steps=3,
        photos_per_step=4,
        questions_per_photo=2,
        text_questions_per_photo=3,
        save_every_steps=4,
        measure_every_steps=4,
    )


def test_a_batch_is_a_function_of_its_step(photos: RenderedPhotos) -> None:
    tokenizer = new_tokenizer()
    first, again, other = (training_batch(photos, tokenizer, step, size=4, per_photo=3) for step in (7, 7, 8))
    assert torch.equal(first.pixels, again.pixels)
    assert torch.equal(first.question_ids, again.question_ids)
    assert not torch.equal(first.pixels, other.pixels)
    assert first.question_ids.shape[0] == 12
    assert (first.answer_ids[:, 0] == tokenizer.bos_token_id).all()


class StoppedError(Exception):
    """Stands for a killed process."""


def test_a_stopped_training_goes_on_where_it_was(
    photos: RenderedPhotos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(photos, photos, tmp_path / "whole", options(8))

    def stop_at_step_6(photos: RenderedPhotos, tokenizer: object, step: int, **sizes: int) -> Batch:
        if step == 6:
            raise StoppedError
        return training_batch(photos, tokenizer, step, **sizes)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "training_batch", stop_at_step_6)
        with pytest.raises(StoppedError):
            train(photos, photos, tmp_path / "halves", options(8))
    assert torch.load(tmp_path / "halves" / "state.pt", weights_only=True)["step"] == 4
    resumed = train(photos, photos, tmp_path / "halves", options(8))
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_training_learns_a_few_photos_by_heart(photos: RenderedPhotos, tmp_path: Path) -> None:
    train(
        photos, photos, tmp_path, TrainingOptions(steps=150, text_steps=20, photos_per_step=12, measure_every_steps=150)
    )
    rows = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    losses = [row["answer"] for row in rows if "answer" in row]
    # Untrained, a token costs ln(463) = 6.1 nats; answers drawn blindly from the right words cost about 2.
    assert losses[-1] < 1.5
    plot_history(tmp_path / "history.jsonl", tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_the_learning_rate_rises_then_falls() -> None:
    schedule = TrainingOptions(
        steps=120, text_steps=20, warmup_ratio=0.1, peak_learning_rate=1.0, text_peak_learning_rate=0.5
    )
    rates = [learning_rate(step, schedule) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.02
    text_rates = [learning_rate(step, schedule) for step in range(100, 120)]
    assert max(text_rates) == text_rates[2] == 0.5, "and once more for the text alone"


def test_the_vision_tower_rests_in_text_steps(photos: RenderedPhotos, tmp_path: Path) -> None:
    before = train(photos, photos, tmp_path, replace(options(4), text_steps=0)).state_dict()
    after = train(photos, photos, tmp_path, replace(options(6), text_steps=2)).state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"text_encoder", "text_decoder"}
