"""The command line `vitrine`."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from .command import vitrine
from .conftest import HAS_SERVER, Door

needs_server = pytest.mark.skipif(not HAS_SERVER, reason="tested without a server")


@needs_server
def test_ask_prints_an_answer_a_line(server_url: str, photo: Path) -> None:
    done = vitrine("ask", str(photo), "What colour is it?", "什么颜色", "--url", server_url)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert [line.count("confidence") for line in done.stdout.splitlines()] == [1, 1]


@needs_server
def test_json_is_one_object_a_line(server_url: str, photo: Path) -> None:
    done = vitrine("ask", str(photo), "什么颜色", "--url", server_url, "--json")
    row = json.loads(done.stdout)
    assert row["question"] == "什么颜色"
    assert set(row) == {
        "photo", "question", "answer", "status", "confidence", "reason", "source", "alternatives", "time_ms", "release",
        "request_id",
    }  # fmt: skip


@needs_server
def test_health_of_a_server_that_is_there(server_url: str) -> None:
    done = vitrine("health", "--url", server_url, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"live": True, "ready": True, "model_ready": True, "contract_version": 1}
    assert vitrine("health", "--url", server_url).stdout.endswith("model vqa loaded: True, contract: 1\n")


@pytest.mark.parametrize("arguments", [("health",), ("ask", "PHOTO", "什么颜色")])
def test_no_server_is_one_clear_line(photo: Path, arguments: tuple[str, ...]) -> None:
    done = vitrine(*(str(photo) if a == "PHOTO" else a for a in arguments), "--url", "127.0.0.1:1")
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_such_photo_is_one_clear_line() -> None:
    done = vitrine("ask", "no-such.jpg", "What colour?", "--url", "127.0.0.1:1")
    assert done.returncode == 2
    assert done.stderr.startswith("vitrine: cannot read the photo 'no-such.jpg'")


def test_a_file_that_is_no_key_is_one_clear_line(photo: Path) -> None:
    done = vitrine("ask", str(photo), "什么颜色", "--url", "localhost:1", "--tls-ca", str(photo))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"vitrine: TLS: cannot use {photo}")


def test_help_teaches() -> None:
    assert "example: vitrine ask" in vitrine("ask", "--help").stdout
    assert vitrine("--help").returncode == 0
    assert vitrine("--version").stdout.strip() == version("vitrine-client")
    assert vitrine("ask").returncode == 2


def test_with_json_a_failure_is_json_too(photo: Path) -> None:
    done = vitrine("ask", str(photo), "什么颜色", "--url", "127.0.0.1:1", "--json")
    assert done.returncode == 1
    error = json.loads(done.stdout)
    assert (error["code"], error["model"]) == ("UNAVAILABLE", "vqa")
    assert error["request_id"] in done.stderr
    done = vitrine("ask", "no-such.jpg", "什么颜色", "--json")
    assert json.loads(done.stdout)["code"] is None, "nothing was sent"


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "soon", "1e10"])
def test_an_impossible_timeout_is_wrong_usage(timeout: str) -> None:
    done = vitrine("health", "--timeout", timeout)
    assert done.returncode == 2
    assert "--timeout" in done.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://localhost:8001", "without a scheme"),
        ("localhost", "with a port of 1 to 65535"),
        ("localhost:99999", "with a port of 1 to 65535"),
        ("127.0.0.1:0", "with a port of 1 to 65535"),
        (" ", "with a port of 1 to 65535"),
        ("localhost:", "with a port of 1 to 65535"),
        ("::1:8001", "with a port of 1 to 65535"),
        ("localhost:8001/", "with a port of 1 to 65535"),
        ("localhost:８００１", "with a port of 1 to 65535"),
        ("主机:8001", "with a port of 1 to 65535"),
        ("ipv4:localhost:8001", "with a port of 1 to 65535"),
        ("ipv4:127.0.0.1", "with a port of 1 to 65535"),
        ("127.0.0.1:8001,127.0.0.1:8011", "several addresses are ipv4:"),
    ],
)
def test_an_address_that_cannot_be_is_refused_at_once(url: str, words: str) -> None:
    done = vitrine("health", "--url", url)
    assert done.returncode == 2
    assert words in done.stderr


@needs_server
def test_choose_lists_the_candidates_with_their_shares(server_url: str, photo: Path) -> None:
    done = vitrine("choose", str(photo), "什么颜色？", "蓝色", "红色", "--url", server_url)
    assert done.returncode == 0, done.stderr
    first, heading, *shares = done.stdout.splitlines()
    assert first.count("confidence") == 1
    assert heading == "shares within this list, 100% together:"
    assert {line.split()[-1] for line in shares} == {"蓝色", "红色"}
    done = vitrine("choose", str(photo), "What colour is it?", "red", "blue", "--json", "--url", server_url)
    answer = json.loads(done.stdout)
    assert set(answer["probabilities"]) == {"red", "blue"}
    done = vitrine("choose", str(photo), "What colour is it?", "red", "red", "--url", server_url)
    assert done.returncode == 2
    assert 'candidates 1 ("red") and 2 ("red") are the same' in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ask", "a.jpg", "什么颜色", "--tls-cert", "a.crt", "--tls-key", "a.key"), "go with --tls-ca"),
        (("profile", "a.jpg", "What is it?", "--repeat", "0"), "a whole number, at least 1, is expected"),
        (("profile", "a.jpg", "What is it?", "--api-key-file", "a.key"), "unrecognized arguments: --api-key-file"),
        (("ask", "no-such.jpg", "什么颜色"), "cannot read the photo 'no-such.jpg': No such file"),
        (("ask", "/tmp", "什么颜色"), "cannot read the photo '/tmp': Is a directory"),  # noqa: S108  read only
        (("ask", "PHOTO", "什么颜色", ""), "question 2 is empty or blank: write one"),
        (
            ("ask", "PHOTO", "什么颜色", "--heatmap", "/no-such/x.png"),
            "cannot write /no-such/x.png: there is no folder",
        ),
        (
            ("ask", "PHOTO", "什么颜色", "--heatmap", "x.txt"),
            "'x.txt' came, but the name of a .png or .jpg is expected",
        ),
        (("ask", "PHOTO", "什么颜色", "--heatmap", "FOLDER.png"), "it is a folder"),
        (("choose", "PHOTO", " ", "red"), "it is empty or blank: write a question"),
        (("choose", "no-such.jpg", "什么颜色", "red"), "cannot read the photo 'no-such.jpg': No such file"),
        (("embed", "no-such.jpg"), "cannot read the photo 'no-such.jpg': No such file"),
        (("embed", "PHOTO", "--output", "/no-such/x.npy"), "there is no folder /no-such"),
        (("profile", "no-such.jpg", "What is it?"), "cannot read the photo 'no-such.jpg': No such file"),
        (("health", "--timeout", "soon"), "'soon' came, but a number of seconds is expected, more than 0"),
    ],
)
def test_wrong_usage_says_what_is_right(photo: Path, arguments: tuple[str, ...], said: str) -> None:
    folder = photo.parent / "folder.png"
    folder.mkdir()
    places = {"PHOTO": photo, "FOLDER.png": folder}
    done = vitrine(*(str(places.get(word, word)) for word in arguments))
    assert done.returncode == 2
    assert said in done.stderr


@needs_server
def test_answers_that_cannot_be_written_are_one_clear_line(server_url: str, photo: Path) -> None:
    command = [sys.executable, "-m", "vitrine_client.cli", "ask", str(photo), "什么颜色", "--url", server_url]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "vitrine: cannot write the answers: " in done.stderr
    assert "Traceback" not in done.stderr


@needs_server
def test_a_reader_that_has_gone_is_no_traceback(server_url: str, photo: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "vitrine_client.cli",
        "ask",
        str(photo),
        "什么颜色",
        "What is it?",
        "--url",
        server_url,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
    assert process.returncode == 1


@needs_server
def test_a_terminal_without_chinese_gets_escapes(server_url: str, photo: Path) -> None:
    done = vitrine("ask", str(photo), "什么颜色", "--url", server_url, environment={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()


def test_answers_are_printed_even_where_the_heatmap_cannot_be_written(photo: Path) -> None:
    door = Door(None)
    file = photo.parent / "looked.png"
    file.symlink_to("/dev/full")
    try:
        done = vitrine("ask", str(photo), "什么颜色", "--url", door.url, "--heatmap", str(file))
    finally:
        door.stop()
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert f"--heatmap: cannot write {file} (No space left on device)" in done.stderr


@needs_server
@pytest.mark.parametrize("words", [("ask", "FILE", "什么颜色"), ("ask", "PHOTO", "颜" * 2000), ("embed", "FILE")])
def test_what_the_server_refuses_cannot_be_asked_for(server_url: str, photo: Path, words: tuple[str, ...]) -> None:
    file = photo.parent / "text.jpg"
    file.write_text("no picture", "utf-8")
    places = {"FILE": file, "PHOTO": photo}
    done = vitrine(*(str(places.get(word, word)) for word in words), "--url", server_url)
    assert done.returncode == 2
    assert "INVALID_ARGUMENT" in done.stderr


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        ("红色", "红色  (answered, confidence 1.000)"),
        ("蓝色", "蓝色  (hand over to a person: the list lacks the answer)"),
    ],
)
def test_a_verdict_is_plain(photo: Path, candidate: str, words: str) -> None:
    door = Door(None)
    try:
        done = vitrine("choose", str(photo), "什么颜色", candidate, "--url", door.url)
    finally:
        door.stop()
    assert done.stdout.splitlines()[0] == words


def test_a_question_that_is_the_name_of_a_file_is_pointed_out(photo: Path) -> None:
    door = Door(None)
    try:
        done = vitrine("ask", str(photo), "什么颜色", str(photo), "--url", door.url)
    finally:
        door.stop()
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2
    assert f"question 2, {photo}, is the name of a file and asked as a question" in done.stderr
