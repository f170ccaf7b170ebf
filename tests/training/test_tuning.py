"""Tuning: it learns, goes on after SIGKILL as if nothing had been, alone or as two, and ends as a plain checkpoint."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from builders.build import build
from builders.checkpoint.checkpoint import Checkpoint, Wishes
from builders.checkpoint.load import load_checkpoint
from builders.options import BuildOptions
from catalogue.photos import photo_from_seed
from catalogue.questions import truth
from command_line.errors import UsageError
from tests.helpers.chat import FAMILIES, TinyFamily
from training.random_checkpoint import Geometry, random_blip, save_checkpoint
from training.tuning.batches import Photos
from training.tuning.data import read_examples
from training.tuning.families import Asked, tuning_family
from training.tuning.loop import AnswerLoss
from training.tuning.options import Course, Running, TuneCommand, TuningData
from training.tuning.run import tune_checkpoint
from training.tuning.split import split_examples

ROOT = Path(__file__).parents[2]
QUESTIONS = {"en": "what colour is it", "zh": "它是什么颜色的"}
COURSE = Course(steps=12, batch=4, rank=4, learning_rate=5e-3, cannot_tell_share=0.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Colours of 40 small photos, half of them asked in Chinese."""
    folder = tmp_path_factory.mktemp("data")
    lines = []
    for seed in range(40):
        photo = photo_from_seed(seed, long_side_px=(64, 96))
        (folder / f"{seed}.jpg").write_bytes(photo.jpeg_bytes())
        language: Any = "zh" if seed % 2 else "en"
        question, answer = QUESTIONS[language], truth(photo.attributes, "colour", language)
        row = {"photo": f"{seed}.jpg", "question": question, "answer": answer, "kind": "colour", "product": str(seed)}
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    (folder / "data.jsonl").write_text("".join(lines), "utf-8")
    return folder / "data.jsonl"


@pytest.fixture(scope="module")
def blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blip") / "tiny"
    save_checkpoint(random_blip(Geometry(), seed=1, weight_scale=0.1), folder)
    return folder


def command(checkpoint: Path, data: Path, work: Path, **changes: Any) -> TuneCommand:
    running = Running(work=work, save_every=4, measure_every=4, patience=99, track="none", device="cpu")
    course = replace(COURSE, **{k: v for k, v in changes.items() if hasattr(COURSE, k)})
    running = replace(running, **{k: v for k, v in changes.items() if hasattr(running, k)})
    return TuneCommand(
        checkpoint=str(checkpoint), output=work / "tuned", source=TuningData((data,)), course=course, running=running
    )


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("method", ["lora", "adalora", "decoder", "full"])
def test_every_method_learns_and_writes_a_plain_checkpoint(
    blip: Path, data: Path, tmp_path: Path, method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune_checkpoint(command(blip, data, tmp_path, method=method, steps=60, batch=16)) == 0
    before, after = weights(blip), weights(tmp_path / "tuned")
    assert before.keys() == after.keys()
    moved = {name for name in after if not torch.equal(before[name], after[name])}
    assert moved
    assert not any(name.startswith("vision_model") for name in moved)
    if method == "decoder":
        assert all(name.startswith("text_decoder") for name in moved)
    assert load_checkpoint(str(tmp_path / "tuned")).architecture == "BlipForQuestionAnswering"
    losses = [float(line.split("loss ")[1].split(";")[0]) for line in capsys.readouterr().err.splitlines()
              if "; right:" in line]  # fmt: skip
    assert losses[-1] < losses[0]


def test_adalora_takes_ranks_from_matrices_that_need_them_less(blip: Path, data: Path, tmp_path: Path) -> None:
    from training.tuning.tracking import Tracks

    seen: list[dict[str, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tracks, "measured", lambda self, step, found, ranks: seen.append(ranks))
        assert tune_checkpoint(command(blip, data, tmp_path, method="adalora", steps=40)) == 0
    assert sum(seen[-1].values()) < sum(seen[0].values())
    assert len(set(seen[-1].values())) > 1


@pytest.mark.parametrize("method", ["lora", "adalora"])
def test_a_killed_run_goes_on_to_the_same_weights(blip: Path, data: Path, tmp_path: Path, method: str) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    def line(work: Path) -> list[str]:
        return [
            sys.executable, "-m", "training", "tune", str(blip), str(work / "tuned"), "--data", str(data), "--work",
            str(work), "--method", method, "--steps", "40", "--batch", "4", "--rank", "4", "--save-every", "4",
            "--measure-every", "8", "--patience", "99", "--track", "none", "--device", "cpu",
        ]  # fmt: skip

    subprocess.run(line(whole), cwd=ROOT, check=True, capture_output=True)
    process = subprocess.Popen(line(killed), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (killed / "state.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.005)  # short: it shall be killed soon after its first state
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed / "tuned").exists()
    assert torch.load(killed / "state.pt", weights_only=True)["facts"]["step"] < 40
    subprocess.run(line(killed), cwd=ROOT, check=True, capture_output=True)
    one, other = weights(whole / "tuned"), weights(killed / "tuned")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_two_processes_learn_what_one_does(blip: Path, data: Path, tmp_path: Path) -> None:
    def arguments(work: Path) -> list[str]:
        return ["tune", str(blip), str(work / "tuned"), "--data", str(data), "--work", str(work), "--steps", "12",
                "--batch", "4", "--measure-every", "4", "--track", "none", "--device", "cpu"]  # fmt: skip

    curves = []
    for name, start in (
        ("one", [sys.executable, "-m", "training"]),
        (
            "two",
            [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "training"],
        ),
    ):
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        found = subprocess.run([*start, *arguments(tmp_path / name)], cwd=ROOT, capture_output=True, text=True,
                               env=environment, check=False)  # fmt: skip
        assert found.returncode == 0, found.stderr
        curves.append([float(line.split("loss ")[1].split(";")[0]) for line in found.stderr.splitlines()
                       if "; right:" in line])  # fmt: skip
    assert len(curves[0]) == 3
    assert curves[1] == pytest.approx(curves[0], abs=1e-2)  # products may be in bfloat16


def test_the_state_of_another_run_is_refused(blip: Path, data: Path, tmp_path: Path) -> None:
    assert tune_checkpoint(command(blip, data, tmp_path)) == 0
    shutil.rmtree(tmp_path / "tuned")
    other = command(blip, data, tmp_path, rank=2)
    with pytest.raises(UsageError, match=r"another --rank \(4\)"):
        tune_checkpoint(other)


def test_bad_lines_stop_it_unless_they_are_left_out(
    blip: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = data.with_name("bad.jsonl")
    bad.write_text(data.read_text("utf-8") + '{"photo": "0.jpg", "question": "", "answer": "a"}\n', "utf-8")
    asked = command(blip, bad, tmp_path, steps=2)
    with pytest.raises(UsageError, match="--leave-out-bad"):
        tune_checkpoint(asked)
    assert "line 41" in capsys.readouterr().out
    assert tune_checkpoint(replace(asked, source=replace(asked.source, leave_out_bad=True))) == 0


def test_held_out_parts_are_written_and_never_trained_on(blip: Path, data: Path, tmp_path: Path) -> None:
    from training.tuning import batches

    asked: set[str] = set()
    real: Callable[..., Any] = batches.Photos.asked

    def noted(self: Any, example: Any, *rest: Any) -> Any:
        asked.add(example.product)
        return real(self, example, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches.Photos, "asked", noted)
        assert tune_checkpoint(command(blip, data, tmp_path, steps=30)) == 0
    for name in ("calibration", "report"):
        rows = [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text("utf-8").splitlines()]
        assert rows
        assert not asked & {row["product"] for row in rows}


def test_new_words_are_learned_and_spoken(blip: Path, data: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in data.read_text("utf-8").splitlines()]
    for row in rows:
        row["answer"] = "corduroy" if row["question"].startswith("what") else "灯芯绒"
    named = data.with_name("words.jsonl")
    named.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert tune_checkpoint(command(blip, named, tmp_path, steps=150, batch=8, learning_rate=2e-2)) == 0
    tuned = load_checkpoint(str(tmp_path / "tuned"))
    assert tuned.tokenizer("corduroy", add_special_tokens=False).input_ids[0] >= 829
    family = tuning_family(tuned.architecture)
    photo = photo_from_seed(3).image.resize((32, 32))
    inputs = family.inputs_of(
        tuned, [Asked(photo, "what colour is it", "corduroy"), Asked(photo, "它是什么颜色的", "灯芯绒")]
    )
    with torch.inference_mode():
        _, exact = AnswerLoss(tuned.model, family)(inputs)
    assert exact.all()
    old, new = weights(blip), weights(tmp_path / "tuned")
    words = "text_encoder.embeddings.word_embeddings.weight"
    assert torch.equal(old[words], new[words][: len(old[words])])  # old words' rows have not moved


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_every_chat_family_learns_merges_and_builds(
    family: TinyFamily, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = family.save(tmp_path / "tiny")
    image_px = family.image_px if family.side_multiple else None
    asked = command(
        checkpoint, data, tmp_path / "work", steps=24, batch=4, micro_batch=2, learning_rate=1e-2, image_px=image_px,
        measure_every=8,
    )  # fmt: skip
    assert tune_checkpoint(asked) == 0
    said = capsys.readouterr()
    losses = [float(line.split("loss ")[1].split(";")[0]) for line in said.err.splitlines() if "; right:" in line]
    assert min(losses[1:]) < losses[0]
    tuned = load_checkpoint(str(asked.output), wishes=Wishes(image_px))
    best = float(said.out.split("held-out questions: loss ")[1].split(";")[0])
    assert held_out_loss(tuned, data) == pytest.approx(best, abs=0.05)  # merged, and in FP32
    options = BuildOptions(str(asked.output), tmp_path / "built", image_px=image_px, parity_photos=1, answer_tokens=8,
                           without_text=True)  # fmt: skip
    assert (build(options) / "manifest.json").exists()


@torch.inference_mode()
def held_out_loss(checkpoint: Checkpoint, data: Path) -> float:
    """Mean loss of the questions that tell when to stop."""
    examples, _ = read_examples([data])
    photos = Photos(checkpoint.parts.image_px, checkpoint.parts.steps.photo_fit)
    family = tuning_family(checkpoint.architecture)
    asked = [photos.asked(example) for example in split_examples(examples)["stop"]]
    losses, _ = AnswerLoss(checkpoint.model, family)(family.inputs_of(checkpoint, asked))
    return float(losses.mean())


def test_a_search_ends_with_the_best_of_its_trials_and_goes_on_where_it_was(
    blip: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    searching = command(blip, data, tmp_path, steps=20, search=3)
    assert tune_checkpoint(searching) == 0
    assert "best of 3: {'learning_rate': " in capsys.readouterr().out
    trials = sorted(folder.name for folder in tmp_path.glob("trial-*"))
    assert trials == ["trial-0", "trial-1", "trial-2"]
    shutil.rmtree(tmp_path / "tuned")
    (tmp_path / "state.pt").unlink()
    assert tune_checkpoint(searching) == 0
    assert sorted(folder.name for folder in tmp_path.glob("trial-*")) == trials, "no trial is done twice"


def test_guesses_are_trained_on_and_measure_nothing(blip: Path, data: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in data.read_text("utf-8").splitlines()]
    guesses = data.parent / "guesses.jsonl"
    guesses.write_text("".join(json.dumps(row | {"answer": "purple", "weight": 0.5}) + "\n" for row in lines), "utf-8")
    assert tune_checkpoint(command(blip, data, tmp_path, guesses=(guesses,))) == 0
    for name in ("calibration", "report"):
        held_out = [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text("utf-8").splitlines()]
        assert held_out
        assert not any(row["answers"] == ["purple"] for row in held_out)


def test_general_questions_are_split_as_well(blip: Path, data: Path, tmp_path: Path) -> None:
    assert tune_checkpoint(command(blip, data, tmp_path, replay=(data,))) == 0
    kept = (tmp_path / "general-report.jsonl").read_text("utf-8")
    assert kept == (tmp_path / "report.jsonl").read_text("utf-8")
    assert len((tmp_path / "calibration.jsonl").read_text("utf-8").splitlines()) % 2 == 0


def test_distillation_keeps_general_answers_nearer_to_what_they_were(blip: Path, data: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in data.read_text("utf-8").splitlines()]
    other = data.parent / "other.jsonl"
    rows = [row | {"question": "is it nice", "answer": "no", "product": f"other {row['product']}"} for row in lines]
    other.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    examples, _ = read_examples([other])
    moved = {}
    for weight in (0.0, 20.0):
        work = tmp_path / str(weight)
        tuning = command(blip, data, work, method="full", steps=30, replay=(other,), distillation=weight)
        assert tune_checkpoint(tuning) == 0
        checkpoints = [load_checkpoint(str(folder)) for folder in (blip, work / "tuned")]
        family = tuning_family(checkpoints[0].architecture)
        photos = Photos(checkpoints[0].parts.image_px, checkpoints[0].parts.steps.photo_fit)
        inputs = family.inputs_of(checkpoints[0], [photos.asked(one) for one in examples])
        with torch.inference_mode():
            before, after = (family.logits_of(one.model, inputs).softmax(-1) for one in checkpoints)
        moved[weight] = float((before - after[..., : before.shape[-1]]).abs().sum())
    assert moved[20.0] < 0.8 * moved[0.0]
