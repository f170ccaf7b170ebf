"""Whole catalogues: every kind of source, bad rows, a full server, a second start, and what another release changes."""

import io
import json
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from tritonclient.grpc import service_pb2_grpc
from vitrine_client import InvalidRequestError, ServerError, ServerUnavailableError
from vitrine_client.bulk import sources
from vitrine_client.bulk.changes import changed_rows
from vitrine_client.bulk.job import Job, remaining
from vitrine_client.bulk.run import answer_shards
from vitrine_client.bulk.sources import items_of, shards_of

from loadtest.fake_server import answer_to
from tests.helpers.object_store import KEY, SECRET, serving_bucket

PHOTOS = {f"{number:03}.jpg": b"photo %d" % number for number in range(25)}
QUESTIONS = ("What is it?", "这是什么？", "How many?")


class Server(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # generated without types
    """Answers everything alike, refuses the photo "bad", and takes `room` calls at a time."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.room = 1000
        self.under_way = 0
        self.refused = 0
        self.broken = False
        self.server = grpc.server(ThreadPoolExecutor(64), options=[("grpc.so_reuseport", 0)])
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self, self.server)
        self.port = self.server.add_insecure_port("127.0.0.1:0")

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802  gRPC's name
        photo = request.raw_input_contents[0][4:]
        if self.under_way >= self.room:
            self.refused += 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "full")
        if photo == b"bad":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the photo is no image")
        if self.broken or photo == b"poison":
            context.abort(grpc.StatusCode.INTERNAL, "internal error")
        if "refused?" in str(request.raw_input_contents[1:]):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a question is refused")
        self.under_way += 1
        time.sleep(0.002)
        self.asked.append(photo)
        self.under_way -= 1
        return answer_to(request)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.server.start()
    yield server
    server.server.stop(None)


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PHOTOS_A_SHARD", 10)


def write_folder(folder: Path) -> str:
    for name, photo in PHOTOS.items():
        file = folder / "photos" / name[0] / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(photo)
    (folder / "photos" / "readme.txt").write_text("no photo")
    return str(folder / "photos")


def write_parquet(folder: Path) -> str:
    rows = pa.table({"id": list(PHOTOS), "photo": list(PHOTOS.values()), "price": [1] * len(PHOTOS)})
    pq.write_table(rows, folder / "catalogue.parquet", row_group_size=10)
    return str(folder / "catalogue.parquet")


def write_datasets_parquet(folder: Path) -> str:
    images = [{"bytes": photo, "path": None} for photo in PHOTOS.values()]
    (folder / "data").mkdir()
    pq.write_table(pa.table({"id": list(PHOTOS), "image": images}), folder / "data" / "train.parquet", row_group_size=9)
    return str(folder / "data")


def write_lines(folder: Path) -> str:
    write_folder(folder)
    lines = [json.dumps({"id": name, "photo": f"photos/{name[0]}/{name}"}) for name in PHOTOS]
    (folder / "catalogue.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return str(folder / "catalogue.jsonl")


def write_tars(folder: Path) -> str:
    (folder / "shards").mkdir()
    names = list(PHOTOS)
    for number in range(0, len(names), 10):
        with tarfile.open(folder / "shards" / f"{number:03}.tar", "w") as tar:
            for name in names[number : number + 10]:
                for member, data in ((name, PHOTOS[name]), (name.replace(".jpg", ".json"), b"{}")):
                    info = tarfile.TarInfo(member)
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
    return str(folder / "shards")


def run(job: Job) -> tuple[list[dict[str, Any]], list[str]]:
    """Answer what is left, and read all rows."""
    broken = answer_shards(job, remaining(job, shards_of(job.source).shards)[0], lambda errors, window: None)
    return rows_of(job.output), broken


def rows_of(output: str) -> list[dict[str, Any]]:
    return ds.dataset(output, format="parquet").to_table().to_pylist()


def job_of(source: str, tmp_path: Path, server: Server, **more: Any) -> Job:
    asked = {"asks": QUESTIONS, "connection": {"url": f"localhost:{server.port}"}, **more}
    return Job(source, str(tmp_path / "answers"), **asked)


@pytest.mark.parametrize("write", [write_folder, write_parquet, write_datasets_parquet, write_lines, write_tars])
def test_every_photo_of_every_kind_of_source_is_asked_once(write: Any, tmp_path: Path, server: Server) -> None:
    source = write(tmp_path)
    shards = shards_of(source).shards
    assert len(shards) == 3
    assert shards_of(source).passed_over == (write is write_folder), "the text among the photos"
    assert [item.photo for shard in shards for item in items_of(source, shard)] == list(PHOTOS.values())
    rows, broken = run(job_of(source, tmp_path, server))
    assert not broken
    assert sorted(server.asked) == sorted(PHOTOS.values()), "its three questions in one call"
    assert len({row["id"] for row in rows}) == len(PHOTOS)
    assert [(row["kind"], row["question"]) for row in rows[:3]] == [("ask", question) for question in QUESTIONS]
    assert {(row["answer"], row["status"], row["release"], row["error"]) for row in rows} == {
        ("red", "answered", "fake", None)
    }


def test_questions_lists_text_and_vectors_each_become_a_row(tmp_path: Path, server: Server) -> None:
    job = job_of(write_folder(tmp_path), tmp_path, server, choices=(("Which?", ("red", "红色")),), embeds=True)
    rows, _ = run(job)
    kinds = [row["kind"] for row in rows[:5]]
    assert kinds == ["ask", "ask", "ask", "choose", "embed"]
    assert set(json.loads(rows[3]["detail"])) == {"red", "红色"}
    assert len(rows[4]["vector"]) == 256


def test_a_bad_row_is_a_row_with_its_error_and_harms_no_other(tmp_path: Path, server: Server) -> None:
    lines = [
        {"id": "good", "photo": "good.jpg"}, {"id": "lost", "photo": "lost.jpg"}, {"id": "none"}, {"photo": "bad.jpg"},
    ]  # fmt: skip
    (tmp_path / "good.jpg").write_bytes(b"good")
    (tmp_path / "bad.jpg").write_bytes(b"bad")
    text = "\n".join([*map(json.dumps, lines), "no JSON", "[1]", '{"id": "last", "photo": "good.jpg"}'])
    (tmp_path / "catalogue.jsonl").write_text(text, "utf-8")
    rows, broken = run(job_of(str(tmp_path / "catalogue.jsonl"), tmp_path, server))
    assert not broken
    errors = {row["id"]: row["error"] for row in rows}
    assert [errors[name] for name in ("good", "last")] == [None, None]
    assert errors["lost"] == "there is no such photo"
    assert errors["catalogue.jsonl:0:3"] == "the photo is no image"
    assert all(
        "no JSON object" in errors[name]
        for name in ("catalogue.jsonl:0:2", "catalogue.jsonl:0:4", "catalogue.jsonl:0:5")
    )
    assert {row["error_code"] for row in rows if row["error"]} == {"INVALID_ARGUMENT"}
    assert len(rows) == 7 * len(QUESTIONS)


def test_a_photo_that_always_fails_and_a_question_that_is_refused_harm_no_other(tmp_path: Path, server: Server) -> None:
    source = write_folder(tmp_path)
    (tmp_path / "photos" / "0" / "000.jpg").write_bytes(b"poison")
    job = job_of(source, tmp_path, server, asks=("What is it?", "refused?"), embeds=True)
    rows, broken = run(job)
    assert not broken
    assert remaining(job, shards_of(source).shards) == ([], len(PHOTOS)), "a second start knows what failed"
    failed = {(row["id"], row["kind"], row["question"]): row["error_code"] for row in rows if row["error_code"]}
    assert {key: code for key, code in failed.items() if key[0] == "0/000.jpg"} == {
        ("0/000.jpg", "ask", "What is it?"): "INTERNAL",
        ("0/000.jpg", "ask", "refused?"): "INTERNAL",
        ("0/000.jpg", "embed", ""): "INTERNAL",
    }
    others = {key: code for key, code in failed.items() if key[0] != "0/000.jpg"}
    assert {key[2] for key in others} == {"refused?"}
    assert len(others) == len(PHOTOS) - 1


def test_a_catalogue_leads_to_no_file_elsewhere_and_ids_are_what_they_are(tmp_path: Path, server: Server) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "catalogue").mkdir()
    lines = [
        {"photo": "../secret.jpg"},
        {"photo": str(tmp_path / "secret.jpg"), "id": None},
        {"id": "\ud800", "photo": "x"},
    ]
    (tmp_path / "catalogue" / "all.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    rows, _ = run(job_of(str(tmp_path / "catalogue"), tmp_path, server, asks=("这是什么？",)))
    assert [row["id"] for row in rows] == ["all.jsonl:0:0", "all.jsonl:0:1", "?"]
    assert [row["error"].startswith("the photo's path leads out") for row in rows] == [True, True, False]
    assert not server.asked


def test_the_output_may_not_lie_in_the_source(tmp_path: Path, server: Server) -> None:
    source = write_folder(tmp_path)
    with pytest.raises(InvalidRequestError, match="the output lies in the source"):
        run(Job(source, f"{source}/answers", QUESTIONS, connection={"url": f"localhost:{server.port}"}))


def test_a_broken_shard_is_named_and_the_others_are_done(tmp_path: Path, server: Server) -> None:
    source = write_tars(tmp_path)
    whole = (tmp_path / "shards" / "010.tar").read_bytes()
    (tmp_path / "shards" / "010.tar").write_bytes(whole[:3000] + b"x" * 2000)
    job = job_of(source, tmp_path, server)
    rows, broken = run(job)
    assert [fault.partition(":")[0] for fault in broken] == ["010.tar"]
    assert len(rows) == 15 * len(QUESTIONS)
    (tmp_path / "shards" / "010.tar").write_bytes(whole)
    rows, broken = run(job)
    assert not broken
    assert len(rows) == len(PHOTOS) * len(QUESTIONS)


def test_a_full_server_loses_nothing_and_is_asked_less(tmp_path: Path, server: Server) -> None:
    server.room = 2
    sizes: list[int] = []
    job = job_of(write_folder(tmp_path), tmp_path, server)
    answer_shards(job, remaining(job, shards_of(job.source).shards)[0], lambda errors, window: sizes.append(window))
    assert server.refused
    assert min(sizes) < job.in_flight
    assert sorted(server.asked) == sorted(PHOTOS.values())
    assert not any(row["error"] for row in rows_of(job.output))


def test_a_server_that_is_gone_ends_the_run_which_can_go_on(tmp_path: Path, server: Server) -> None:
    source = write_folder(tmp_path)
    with pytest.raises(ServerUnavailableError, match="localhost:1"):
        run(job_of(source, tmp_path, server, connection={"url": "localhost:1"}, patience_s=0.2))
    server.broken = True
    with pytest.raises(ServerError, match="internal error"):
        run(job_of(source, tmp_path, server, patience_s=0.5))
    server.broken = False
    rows, _ = run(job_of(source, tmp_path, server))
    assert not any(row["error"] for row in rows), "an outage makes no rows"
    assert len(rows) == len(PHOTOS) * len(QUESTIONS)


def test_a_second_start_does_nothing_again_and_refuses_another_run(tmp_path: Path, server: Server) -> None:
    job = job_of(write_folder(tmp_path), tmp_path, server)
    run(job)
    asked = len(server.asked)
    (tmp_path / "answers" / "part-000001-0000.parquet").unlink()
    rows, _ = run(job)
    assert len(server.asked) == asked + 10, "the missing part alone"
    assert len({(row["id"], row["question"]) for row in rows}) == len(rows) == len(PHOTOS) * len(QUESTIONS)
    with pytest.raises(InvalidRequestError, match="it differs in 'asks'"):
        run(job_of(job.source, tmp_path, server, asks=("Another?",)))
    (tmp_path / "photos" / "0" / "new.jpg").write_bytes(b"new")
    with pytest.raises(InvalidRequestError, match="the source has changed"):
        run(job)
    (tmp_path / "photos" / "0" / "new.jpg").unlink()
    assert run(job)
    (tmp_path / "photos" / "0" / "001.jpg").write_bytes(b"photo 11")
    (tmp_path / "photos" / "0" / "011.jpg").write_bytes(b"photo 1")
    with pytest.raises(InvalidRequestError, match="the source has changed"):
        run(job)


@contextmanager
def bulk_process(source: str, output: Path, server: Server) -> Iterator[subprocess.Popen[bytes]]:
    code = "import sys; from vitrine_client.bulk import sources; sources.PHOTOS_A_SHARD = 5; "
    code += "from vitrine_client.cli import main; sys.exit(main())"
    arguments = [
        "bulk",
        source,
        str(output),
        "--ask",
        "这是什么？",
        "--url",
        f"localhost:{server.port}",
        "--in-flight",
        "2",
    ]
    with subprocess.Popen([sys.executable, "-c", code, *arguments]) as process:
        yield process
        process.kill()


def test_killed_at_any_moment_no_row_is_lost_and_none_is_there_twice(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "PHOTOS_A_SHARD", 5)
    source, output = write_folder(tmp_path), tmp_path / "answers"
    for after in (3, 12, 20):
        with bulk_process(source, output, server) as process:
            end_s = time.monotonic() + 30
            while len(server.asked) < after and process.poll() is None:
                assert time.monotonic() < end_s
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
    with bulk_process(source, output, server) as process:
        assert process.wait(60) == 0
    rows = rows_of(str(output))
    assert sorted(row["id"] for row in rows) == sorted(f"{name[0]}/{name}" for name in PHOTOS)


def test_a_catalogue_lies_in_an_object_store_and_its_answers_too(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")  # rclone knows no trailing checksums
    store = tmp_path / "store"
    (store / "bucket").mkdir(parents=True)
    write_tars(store / "bucket")
    with serving_bucket(store) as query:
        job = Job(
            f"s3://bucket/shards?{query}", f"s3://bucket/answers?{query}", QUESTIONS,
            connection={"url": f"localhost:{server.port}"},
        )  # fmt: skip
        assert not answer_shards(job, remaining(job, shards_of(job.source).shards)[0], lambda errors, window: None)
        assert remaining(job, shards_of(job.source).shards) == ([], 0)
    assert len(rows_of(str(store / "bucket" / "answers"))) == len(PHOTOS) * len(QUESTIONS)


@pytest.mark.parametrize(
    ("source", "words"),
    [("missing", "there is no"), ("empty", "holds no photos"), ("mixed", "several kinds"), ("ftp://x/y", "s3://")],
)
def test_what_is_no_source_is_said(source: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "mixed").mkdir()
    for name in ("a.tar", "b.jsonl"):
        (tmp_path / "mixed" / name).write_bytes(b"")
    with pytest.raises(InvalidRequestError, match=words):
        shards_of(source if "://" in source else str(tmp_path / source))


def test_what_another_release_changes_is_counted_by_question(tmp_path: Path) -> None:
    def write(name: str, rows: list[tuple[str, str, str | None, str | None]]) -> str:
        from vitrine_client.bulk.rows import SCHEMA

        (tmp_path / name).mkdir()
        table = pa.Table.from_pylist(
            [{"id": i, "kind": "ask", "question": q, "answer": a, "status": s} for i, q, a, s in rows], SCHEMA
        )
        pq.write_table(table, tmp_path / name / "part-000000.parquet")
        return str(tmp_path / name)

    same = ("1", "这是什么？", "杯子", "answered")
    old = write(
        "old",
        [same, ("2", "这是什么？", "a", "answered"), ("1", "What?", "b", "hand_over"), ("3", "What?", None, None)],
    )
    new = write(
        "new",
        [same, ("2", "这是什么？", "c", "hand_over"), ("1", "What?", "b", "answered"), ("3", "What?", None, None)],
    )
    changed, totals = changed_rows(old, new)
    assert {(row["id"], row["answer_before"], row["answer"]) for row in changed.to_pylist()} == {
        ("2", "a", "c"),
        ("1", "b", "b"),
    }
    assert totals == [
        {"kind": "ask", "question": "What?", "rows": 2, "changed": 1, "newly_answered": 1, "no_longer_answered": 0},
        {
            "kind": "ask",
            "question": "这是什么？",
            "rows": 2,
            "changed": 1,
            "newly_answered": 0,
            "no_longer_answered": 1,
        },
    ]
