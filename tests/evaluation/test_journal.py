"""Work that was stopped goes on: nothing twice, nothing lost."""

from pathlib import Path

import pytest

from evaluation.journal import Job, OtherRunError, Row, begin, run_jobs


class StoppedError(Exception):
    """Stands for Ctrl-C or a server that died."""


def jobs(ran: list[str], *, stop_at: str = "") -> list[Job]:
    def run(key: str) -> list[Row]:
        if key == stop_at:
            raise StoppedError
        ran.append(key)
        return [{"key": key, "text": "红色"}]

    return [Job(str(number), lambda key=str(number): run(key)) for number in range(6)]  # type: ignore[misc]


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    file, ran = tmp_path / "rows.jsonl", list[str]()
    with pytest.raises(StoppedError):
        run_jobs(file, jobs(ran, stop_at="3"), threads=1)
    assert ran[:3] == ["0", "1", "2"]
    ran.clear()
    rows = run_jobs(file, jobs(ran), threads=1)
    assert [row["key"] for row in rows] == ["0", "1", "2", "3", "4", "5"]
    assert not {"0", "1", "2"} & set(ran), "what was done is not done again"


def test_a_line_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    file, ran = tmp_path / "rows.jsonl", list[str]()
    run_jobs(file, jobs(ran), threads=2)
    whole = file.read_text("utf-8")
    file.write_text(whole[:-10], "utf-8")
    ran.clear()
    assert [row["text"] for row in run_jobs(file, jobs(ran), threads=2)] == ["红色"] * 6
    assert len(ran) == 1
    assert sorted(file.read_text("utf-8").splitlines()) == sorted(whole.splitlines())


def test_a_folder_keeps_to_one_run(tmp_path: Path) -> None:
    begin(tmp_path / "run", {"questions": 7, "data": None})
    begin(tmp_path / "run", {"questions": 7, "data": None})
    with pytest.raises(OtherRunError, match="holds an evaluation with other questions: name a new folder"):
        begin(tmp_path / "run", {"questions": 8, "data": None})


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(OtherRunError, match="is not empty and no evaluation"):
        begin(tmp_path, {})


def test_line_separators_inside_a_text_do_no_harm(tmp_path: Path) -> None:
    texts = ["a", "b\u2028c", "d\u0085e", "f"]
    jobs = [Job(text, lambda text=text: [{"text": text}]) for text in texts]  # type: ignore[misc]
    run_jobs(tmp_path / "journal.jsonl", jobs, threads=1)
    never = [Job(text, lambda: []) for text in texts]
    assert [row["text"] for row in run_jobs(tmp_path / "journal.jsonl", never, threads=1)] == texts
