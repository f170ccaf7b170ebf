"""A release: each step once, and a gate that refuses what forgets, breaks its risk, or says what it must not."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from command_line.errors import UsageError
from evaluation.accuracy import Graded
from training.release import run
from training.release.gate import (
    accuracy_findings,
    grown_confusions,
    hand_over_finding,
    risk_finding,
    rules_finding,
)
from training.release.options import ReleaseCommand
from training.release.steps import Step, steps_of
from vitrine_steps.rules import AnswerRules


def graded(right: int, of: int, kind: str = "colour", status: str = "answered") -> list[Graded]:
    return [
        Graded(f"photo {n}", kind, "en", "what colour?", ("red",), "red" if n < right else "blue", status, 0.9)
        for n in range(of)
    ]


def test_a_kind_that_is_forgotten_is_refused() -> None:
    findings = accuracy_findings("general", graded(990, 1000), graded(950, 1000), most_lost=0.5)
    assert {finding.passed for finding in findings} == {False}
    assert all(f.passed for f in accuracy_findings("general", graded(990, 1000), graded(990, 1000), most_lost=0.5))


def test_a_kind_may_lose_what_chance_explains_but_all_together_may_not() -> None:
    many, few = graded(990, 1000), graded(29, 30, kind="rare")
    findings = accuracy_findings("general", [*many, *few], [*many, *graded(28, 30, kind="rare")], most_lost=0.5)
    assert all(finding.passed is True for finding in findings)  # as JSON takes it
    findings = accuracy_findings("shop", graded(30, 30), graded(29, 30), most_lost=0.5)
    assert [f.passed for f in findings if ", all:" in f.what] == [False]


def test_questions_are_compared_one_by_one() -> None:
    two = [replace(graded(0, 1)[0], answers=("blue",)), graded(0, 1)[0]]  # one question twice, with two right answers
    [first, *_] = accuracy_findings("shop", two, two, most_lost=0.5)
    assert (first.before, first.after) == (0.5, 0.5)
    with pytest.raises(ValueError, match="different questions"):
        accuracy_findings("shop", graded(1, 2), graded(1, 3), most_lost=0.5)


def test_a_broken_risk_is_refused_and_chance_is_not() -> None:
    assert risk_finding("shop", graded(989, 1000), 0.01).passed
    assert not risk_finding("shop", graded(950, 1000), 0.01).passed
    assert risk_finding("shop", graded(0, 50, status="hand_over"), 0.01).passed  # nothing was given


def test_handing_over_is_shown() -> None:
    finding = hand_over_finding("shop", graded(5, 10, status="hand_over"), graded(5, 10))
    assert (finding.before, finding.after, finding.passed) == (1.0, 0.0, True)


def test_what_must_never_be_said_is_refused() -> None:
    assert not rules_finding(graded(1, 2), AnswerRules({}, re.compile("blue"))).passed
    assert rules_finding(graded(1, 2), AnswerRules({}, None)).passed
    assert rules_finding(graded(1, 2, status="refused"), AnswerRules({}, re.compile("blue"))).passed


def test_what_is_taken_for_what_more_often_is_shown() -> None:
    [grown] = grown_confusions(graded(9, 10), graded(7, 10))
    assert (grown.right, grown.said, grown.before, grown.now) == ("red", "blue", 1, 3)
    assert not grown_confusions(graded(7, 10), graded(9, 10))


def command(work: Path, **changes: object) -> ReleaseCommand:
    fields: dict[str, object] = {"checkpoint": "start", "work": work, "data": (Path("shop.jsonl"),)}
    return ReleaseCommand(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("has_general", [True, False])
def test_steps_stand_in_their_order(tmp_path: Path, has_general: bool) -> None:
    general = (Path("general.jsonl"),) if has_general else ()
    steps = steps_of(command(tmp_path, general=general, tune_options="--steps 3", rules=Path("rules.yaml")))
    titles = [step.title.split(",")[0] for step in steps]
    assert titles[:5] == ["tune", "build", "calibrate", "build the release", "build the one to compare with"]
    assert len(steps) == (9 if has_general else 7)
    assert "--steps 3" in steps[0].line
    assert ("--replay general.jsonl" in steps[0].line) is has_general
    assert "--rules rules.yaml" in steps[3].line
    assert "--rules" not in steps[1].line
    serving = steps_of(command(tmp_path, serving=Path("build/now")))
    assert not any("compare with" in step.title for step in serving)
    assert any("evaluation build/now" in step.line for step in serving)


def test_it_stops_with_the_step_that_failed_and_goes_on_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [tmp_path / name for name in ("first", "second")]

    def steps(_: ReleaseCommand) -> list[Step]:
        write = "import sys, pathlib; pathlib.Path(sys.argv[1]).open('x')"
        fails = "import sys; sys.exit(3)"
        second = write if (tmp_path / "mended").exists() else fails
        return [
            Step("first", ("-c", write, str(made[0])), made[0]),
            Step("second", ("-c", second, str(made[1])), made[1]),
        ]

    data = tmp_path / "shop.jsonl"
    data.write_text("first\n")
    monkeypatch.setattr(run, "steps_of", steps)
    monkeypatch.setattr(run, "_require_enough_questions", lambda options: None)
    monkeypatch.setattr(run, "_findings", lambda options: ([], {}))
    monkeypatch.setattr(run, "_write_page", lambda *_: tmp_path / "release.html")
    assert run.make_release(command(tmp_path, data=(data,))) == 1
    assert "error: second: ended with status 3" in capsys.readouterr().err
    (tmp_path / "mended").touch()
    assert run.make_release(command(tmp_path, data=(data,), most_lost=3.0)) == 0
    assert "first: done before" in capsys.readouterr().out
    assert set(json.loads((tmp_path / "times.json").read_text())) == {"first", "second"}
    with pytest.raises(UsageError, match="another tune_options"):
        run.make_release(command(tmp_path, data=(data,), tune_options="--steps 2"))
    data.write_text("second\n")
    with pytest.raises(UsageError, match="another sha256 of"):
        run.make_release(command(tmp_path, data=(data,)))


def test_too_little_data_is_said_before_the_tuning(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    data = tmp_path / "shop.jsonl"
    rows = [{"photo": "a.jpg", "question": f"q {n}", "answer": "red", "product": str(n)} for n in range(100)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UsageError, match="of the split has no question"):
        run.make_release(command(tmp_path / "work", data=(data,)))
    for number, row in enumerate(rows):
        (tmp_path / f"{number}.jpg").write_bytes(b"photo %d" % number)
        row["photo"] = f"{number}.jpg"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UsageError, match="left for the calibration, but 500 are needed"):
        run.make_release(command(tmp_path / "other", data=(data,)))
