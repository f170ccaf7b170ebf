"""Fitting: what it makes of questions with known answers, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from builders.calibration.ask import Asked, Scored
from builders.calibration.calibrate import calibration_for
from builders.calibration.fit import RISKS, _lowest_threshold, fit_calibration
from builders.calibration.labelled import Labelled, questions_in_file
from builders.checkpoint.load import load_checkpoint
from builders.errors import BuildError
from vitrine_steps.confidence import Candidate

COLOUR = "What colour is it?"
CANNOT_TELL = frozenset({"cannot tell", "看不出来"})


def made_up(count: int, *, seed: int = 0) -> list[Asked]:
    """Answers that are right as often as they are sure, half of them in Chinese; a tenth are refusals."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        language = ("en", "zh")[number % 2]
        if number % 10 == 0:
            rows.append(
                Asked(
                    [Candidate("cannot tell", 0.99, 3, 0.99), Candidate("red", 0.01, 2, 0.01)],
                    language,
                    (True, False),
                    True,
                    COLOUR,
                )
            )
            continue
        own = float(1 - 10 ** random.uniform(-4, -0.3))
        right = bool(random.random() < own)
        candidates = [Candidate("red", own, 2, own), Candidate("blue", (1 - own) * 0.9, 2, (1 - own) * 0.9)]
        rows.append(Asked(candidates, language, (right, not right), False, COLOUR))
    return rows


def test_thresholds_keep_the_risk_on_fresh_questions() -> None:
    from vitrine_steps.calibration import calibration_from_json
    from vitrine_steps.confidence import judge
    from vitrine_steps.verdict import HAND_OVER

    content = fit_calibration(made_up(20_000), CANNOT_TELL, default_risk=0.01)
    calibration = calibration_from_json(json.loads(json.dumps(content)))
    fresh = made_up(20_000, seed=1)
    given = []
    for row in fresh:
        found = judge(row.candidates, CANNOT_TELL, calibration, question=COLOUR, language=row.language, max_risk=None)
        if found.verdict.status != HAND_OVER:
            given.append(row.right[[c.text for c in row.candidates].index(found.texts[0])])
    assert len(given) > 5000
    assert 1 - np.mean(given) <= 0.013


def test_long_answers_are_judged_by_their_tokens_and_not_by_their_length() -> None:
    """A wrong one has one doubtful token; the probability of the whole falls with every token, right or wrong."""
    random = np.random.default_rng(0)

    def answered() -> Asked:
        right, tokens = bool(random.random() < 0.7), int(random.integers(2, 60))
        shares = random.uniform(0.9, 1.0, tokens)
        if not right:
            shares[0] = random.uniform(0.4, 0.8)
        candidate = Candidate("text", float(shares.prod()), tokens, float(shares.min()))
        return Asked([candidate], ("en", "zh")[tokens % 2], (right,), False, COLOUR)

    content = fit_calibration([answered() for _ in range(2000)], CANNOT_TELL, default_risk=0.01)
    assert len(content["weights"]) == 5
    covered = [point["coverage"] for points in content["risks"].values() for point in points if point["risk"] == 0.01]
    assert min(covered) > 0.6


def test_a_stricter_risk_never_lowers_the_threshold() -> None:
    content = fit_calibration(made_up(5000), CANNOT_TELL, default_risk=0.01)
    assert set(content["risks"]) == {"en", "zh"}
    for points in content["risks"].values():
        assert [p["risk"] for p in points] == list(RISKS)
        thresholds = [p["threshold"] for p in points]
        assert thresholds == sorted(thresholds, reverse=True)
        coverages = [p["coverage"] for p in points]
        assert coverages == sorted(coverages)


def test_a_language_that_is_missing_takes_the_others_thresholds() -> None:
    rows = [row for row in made_up(4000) if row.language == "en"]
    content = fit_calibration(rows, CANNOT_TELL, default_risk=0.01)
    assert content["risks"]["zh"] == content["risks"]["en"]


def test_what_is_handed_over_anyway_says_nothing_about_given_answers() -> None:
    rows = made_up(5000)
    surely_wrong = [
        Asked([Candidate("not understood", 0.999, 3, 0.999)], "en", (False,), False, "<b>"),
        Asked([Candidate("yes", 0.999, 2, 0.999)], "en", (False,), False, COLOUR),
    ]
    fit = {"default_risk": 0.01, "not_understood": frozenset({"not understood"})}
    with_them = fit_calibration(rows + 500 * surely_wrong, CANNOT_TELL, **fit)  # type: ignore[arg-type]
    assert with_them["risks"] == fit_calibration(rows, CANNOT_TELL, **fit)["risks"]  # type: ignore[arg-type]
    assert with_them["questions"] == 6000


def test_too_few_questions_are_refused() -> None:
    with pytest.raises(BuildError, match="499 labelled questions came, but a calibration needs 500"):
        fit_calibration(made_up(499), CANNOT_TELL, default_risk=0.01)


def test_answers_that_are_all_right_are_refused() -> None:
    rows = [Asked([Candidate("red", 0.9, 2, 0.9)], "en", (True,), False, COLOUR)] * 600
    with pytest.raises(BuildError, match="all 600 answers are right: nothing to calibrate on"):
        fit_calibration(rows, CANNOT_TELL, default_risk=0.01)


def test_a_file_of_questions_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    lines = [
        {"photo": "a.jpg", "question": "多少个？", "answer": "3"},
        {"photo": "a.jpg", "question": "What?", "answers": ["a mug", "Mug"]},
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n\n", "utf-8")
    assert questions_in_file(tmp_path / "q.jsonl") == [
        Labelled(b"photo", "多少个？", ("3",), ("3", "a mug")),
        Labelled(b"photo", "What?", ("a mug", "Mug"), ("3", "a mug")),
    ], "without lists, they are made of the file's answers"
    assert questions_in_file(tmp_path / "q.jsonl")[1].is_right(" mug")


def test_a_files_own_lists_are_taken(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    line = {"photo": "a.jpg", "question": "红还是蓝？", "answer": "红", "candidates": ["红", "蓝"]}
    open_question = {"photo": "a.jpg", "question": "What?", "answer": "mug"}
    (tmp_path / "q.jsonl").write_text("\n".join(json.dumps(row) for row in (line, open_question)), "utf-8")
    assert [row.candidates for row in questions_in_file(tmp_path / "q.jsonl")] == [("红", "蓝"), ()]


def test_lists_are_fitted_with_the_temperature_they_were_made_with() -> None:
    """Scores that are three times too far apart are brought back."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(3000):
        true = random.normal(size=10) * 2
        shares = np.exp(true) / np.exp(true).sum()
        right = int(random.choice(10, p=shares))
        logprobs = np.append(3 * np.log(shares), -20.0)[:, None].astype(np.float32)
        listed = Scored(np.ones(11, np.int32), logprobs, 1, tuple(i == right for i in range(10)))
        answer = Asked(
            [Candidate("red", 0.9, 2, 0.9)], ("en", "zh")[number % 2], (bool(random.random() < 0.9),), False, COLOUR
        )
        rows.append(replace(answer, listed=listed))
    choices = fit_calibration(rows, CANNOT_TELL, default_risk=0.01)["choices"]
    assert choices["temperature"] == pytest.approx(3.0, rel=0.1)
    assert choices["questions"] == 3000
    assert len(choices["weights"]) == 2
    assert max(choices["weights"]) <= 0, "doubt never makes a choice surer"


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"photo": "a.jpg", "question": "x"}',
        '{"photo": "no", "question": "x", "answer": "y"}',
        '{"photo": "a.jpg", "question": "x", "answers": "red"}',
        '{"photo": "a.jpg", "question": "x", "answers": []}',
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    good = '{"photo": "a.jpg", "question": "x", "answer": "y"}'
    (tmp_path / "q.jsonl").write_text(f"{good}\n{line}\n", "utf-8")
    with pytest.raises(BuildError, match=r"q\.jsonl, line 2: "):
        questions_in_file(tmp_path / "q.jsonl")


def test_a_calibration_of_other_weights_is_refused(tmp_path: Path) -> None:
    from training.random_checkpoint import Geometry, random_blip, save_checkpoint

    save_checkpoint(random_blip(Geometry(), seed=1), tmp_path)
    assert calibration_for(load_checkpoint(str(tmp_path)), 5) is None
    checkpoint = load_checkpoint(str(tmp_path))
    content = {
        "format": 1,
        "weights_sha256": {"model.safetensors": checkpoint.sha256["model.safetensors"]},
        "answers": 5,
    }
    (tmp_path / "calibration.json").write_text(json.dumps(content), "utf-8")
    assert calibration_for(checkpoint, 5) == content
    assert calibration_for(checkpoint, 3) is None, "fitted with another number of alternatives"
    content["weights_sha256"] = {"model.safetensors": "0" * 64}
    (tmp_path / "calibration.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(BuildError, match="was fitted on other weights"):
        calibration_for(checkpoint, 5)
    content["format"] = 2
    (tmp_path / "calibration.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(BuildError, match=r"calibration\.json is of format 2, but format 1 is expected: fit it again"):
        calibration_for(checkpoint, 5)


def test_answers_that_are_as_sure_are_given_together() -> None:
    right = np.array([True] * 5 + [False] * 5)
    assert _lowest_threshold(np.full(10, 0.9), right, 0.01) == (2.0, 0)
    assert _lowest_threshold(np.full(10, 0.9), right, 0.5) == (0.9, 10)


def test_invented_lists_name_each_word_once(tmp_path: Path) -> None:
    (tmp_path / "mug.jpg").write_bytes(b"photo")
    rows = [{"photo": "mug.jpg", "question": "What colour?", "answer": text} for text in ("Red", "red", "blue")]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    lists = [question.candidates for question in questions_in_file(tmp_path / "data.jsonl")]
    assert [{text.lower() for text in texts} for texts in lists] == [{"red", "blue"}] * 3
    assert {len(texts) for texts in lists} == {2}
