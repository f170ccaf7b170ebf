"""The training loop: goes on where it stopped, and learns."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from training import loop
from training.batches import Batch, training_batch
from training.loop import TrainingOptions, learning_rate, train
from training.model import extended_model, new_model
from training.plot import plot_history
from training.render import RenderedPhotos, rendered_outliers, rendered_photos
from training.tokenizer import new_tokenizer


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> RenderedPhotos:
    return rendered_photos(tmp_path_factory.mktemp("photos"), "train", 24, workers=2)


OUTLIERS = rendered_outliers(6)


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
    whole = train(photos, photos, OUTLIERS, tmp_path / "whole", options(8))

    def stop_at_step_6(photos: RenderedPhotos, tokenizer: PreTrainedTokenizerFast, step: int, **sizes: Any) -> Batch:
        if step == 6:
            raise StoppedError
        return training_batch(photos, tokenizer, step, **sizes)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "training_batch", stop_at_step_6)
        with pytest.raises(StoppedError):
            train(photos, photos, OUTLIERS, tmp_path / "halves", options(8))
    assert torch.load(tmp_path / "halves" / "state.pt", weights_only=True)["step"] == 4
    resumed = train(photos, photos, OUTLIERS, tmp_path / "halves", options(8))
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.night
def test_training_learns_a_few_photos_by_heart(photos: RenderedPhotos, tmp_path: Path) -> None:
    train(
        photos,
        photos,
        OUTLIERS,
        tmp_path,
        TrainingOptions(steps=150, text_steps=20, photos_per_step=12, measure_every_steps=150),
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
    before = train(photos, photos, OUTLIERS, tmp_path, replace(options(4), text_steps=0)).state_dict()
    after = train(photos, photos, OUTLIERS, tmp_path, replace(options(6), text_steps=2)).state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"text_encoder", "text_decoder"}


def test_outliers_are_asked_about_with_answers_drawn_anew(photos: RenderedPhotos) -> None:
    tokenizer = new_tokenizer()
    batches = [
        training_batch(photos, tokenizer, step, size=16, per_photo=2, outliers=OUTLIERS[:1]) for step in range(20)
    ]
    for batch in batches:
        assert (batch.patches[0] == 0).all(), "there is no product"
    assert len({tuple(batch.attributes[0].tolist()) for batch in batches}) > 15
    known = {tuple(row) for row in photos.attributes.tolist()}
    assert all(tuple(row) in known for batch in batches for row in batch.attributes[1:8].tolist())


def test_questions_come_full_short_and_not_at_all(photos: RenderedPhotos) -> None:
    questions = training_batch(photos, new_tokenizer(), 0, size=24, per_photo=60).questions
    shares = {
        "short": sum(q.short for q in questions) / len(questions),
        "no question": sum(q.kind == "no_question" for q in questions) / len(questions),
        "traditional": sum("顏" in q.text or "這" in q.text for q in questions) / len(questions),
    }
    # 1,440 questions: each bound is more than five standard deviations away.
    assert 0.18 < shares["short"] < 0.36
    assert 0.10 < shares["no question"] < 0.21
    assert 0.005 < shares["traditional"] < 0.06


def test_no_word_of_a_short_question_is_hidden(photos: RenderedPhotos) -> None:
    tokenizer = new_tokenizer()
    batch = training_batch(photos, tokenizer, 3, size=24, per_photo=40)
    for question, ids in zip(batch.questions, batch.question_ids, strict=True):
        whole = tokenizer(question.text).input_ids
        if len(whole) < 7:
            assert ids[: len(whole)].tolist() == whole
    hidden = sum((batch.question_ids == tokenizer.unk_token_id).any(1).tolist())
    assert hidden > 50, "of the longer ones some are"


def test_an_old_checkpoint_is_extended_by_new_words(tmp_path: Path) -> None:
    tokenizer = new_tokenizer()
    old: Any = new_model(tokenizer)
    old.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    shuffled = {word: place for place, (word, _) in enumerate([words[0], *reversed(words[1:])])}
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    backend["model"]["vocab"] = {**shuffled, "brandnew": len(shuffled)}
    extended = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(backend)),
        pad_token="[PAD]",
        sep_token="[SEP]",
        bos_token="[DEC]",
    )
    new: Any = extended_model(tmp_path, extended)
    rows, was = new.text_encoder.embeddings.word_embeddings.weight, old.text_encoder.embeddings.word_embeddings.weight
    red = tokenizer.convert_tokens_to_ids("red")
    assert torch.equal(rows[shuffled["red"]], was[red])
    assert torch.equal(rows[len(shuffled)], was[tokenizer.unk_token_id])
    assert torch.equal(next(new.vision_model.parameters()), next(old.vision_model.parameters()))
