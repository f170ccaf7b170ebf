"""`vitrine feedback`, as people start it, against a real server."""

import json
from pathlib import Path

import pytest

from tests.client.command import vitrine
from training.tuning.data import read_examples


def feedback(store: Path, *arguments: str) -> str:
    done = vitrine("feedback", *arguments, environment={"VITRINE_FEEDBACK": f"sqlite:///{store}"})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("question", "right"), [("What is printed on it?", "crown"), ("上面印着什么？", "皇冠")])
def test_from_a_question_to_data_to_learn_from(
    server_url: str, photo: Path, tmp_path: Path, question: str, right: str
) -> None:
    store, photos = tmp_path / "f.db", ("--photos", str(tmp_path / "kept"))
    added = feedback(store, "add", str(photo), question, "--wrong", "--url", server_url, "--product", "sku 1",
                     "--keep-days", "30", "--json", *photos)  # fmt: skip
    assert json.loads(added)["id"] == 1
    assert question in feedback(store, "list", "--state", "open", "--product", "sku 1")
    [first] = feedback(store, "next", "5", "--json").splitlines()
    assert json.loads(first)["id"] == 1
    feedback(store, "answer", "1", right, "--by", "li")
    again = vitrine("feedback", "answer", "1", "moon", "--store", f"sqlite:///{store}")
    assert (again.returncode, again.stderr) == (1, "vitrine: question 1 is answered already\n")
    feedback(store, "export", str(tmp_path / "shop"), *photos)
    [example], faults = read_examples([tmp_path / "shop" / "questions.jsonl"])
    assert not faults
    assert (example.question, example.answers, example.product) == (question, (right,), "sku 1")
    assert example.photo.read_bytes() == photo.read_bytes()
    feedback(store, "forget", "--product", "sku 1", *photos)
    assert not list((tmp_path / "kept").iterdir())
    assert feedback(store, "list") == ""
    feedback(store, "export", str(tmp_path / "shop"), *photos)
    assert not list((tmp_path / "shop" / "photos").iterdir()), "an export is made anew"


def test_what_is_answered_is_not_kept_unless_it_is_wrong(server_url: str, photo: Path, tmp_path: Path) -> None:
    store = tmp_path / "f.db"
    feedback(store, "add", str(photo), "What is it?", "--wrong", "--url", server_url)
    said = feedback(store, "add", str(photo), "Which object is this?", "--url", server_url)
    assert ("nothing to ask people" in said) == (len(feedback(store, "list").splitlines()) == 1)


def test_a_dismissed_question_teaches_nothing(server_url: str, photo: Path, tmp_path: Path) -> None:
    store = tmp_path / "f.db"
    feedback(store, "add", str(photo), "Is it nice?", "--wrong", "--url", server_url)
    feedback(store, "answer", "1", "--dismiss")
    feedback(store, "export", str(tmp_path / "shop"))
    assert (tmp_path / "shop" / "questions.jsonl").read_text() == ""


def test_questions_cannot_forge_lines(server_url: str, photo: Path, tmp_path: Path) -> None:
    store = tmp_path / "f.db"
    feedback(store, "add", str(photo), "What\n     2  open  is \x1b[31mit?", "--wrong", "--url", server_url)
    [line] = feedback(store, "list").splitlines()
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("answer", "1"), "say what is right, or --dismiss"),
        (("answer", "1", "red", "--dismiss"), "say what is right, or --dismiss"),
        (("answer", "7", "red"), "there is no database"),
        (("forget", "--product", "x"), "there is no database"),
        (("export", "out"), "there is no database"),
        (("add", "missing.jpg", "what?", "--right", " "), "write what is right"),
        (("add", "missing.jpg", "what?", "--keep-days", "0"), "a number of days is expected"),
        (("list", "--store", "mongodb://x"), "sqlite:///FILE or postgresql://"),
        (("forget",), "one of the arguments --photo-sha256 --product --buyer --expired is required"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = vitrine("feedback", *arguments, environment={"VITRINE_FEEDBACK": f"sqlite:///{tmp_path / 'f.db'}"})
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
