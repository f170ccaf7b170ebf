"""The embedded server: starts, says what is wrong, and leaves nothing behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest
from PIL import Image
from vitrine_client import VitrineError, VqaClient

from serving.errors import ServingError, UsageError
from serving.server_process import wait_until_ready
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import ENDING, end_on_signals, signals_put_off
from serving.supervision.work_folder import WorkFolder, shm_prefix_of
from serving.triton.command import ServerSettings, embedded_command
from serving.triton.installation import find_installation
from serving.triton.integrity import require_intact
from serving.triton.log import open_log
from serving.triton.ports import free_port, resolve_ports
from serving.triton.processes import is_alive, regions, steps_of
from tests.helpers.started import started

PHOTO = Image.new("RGB", (40, 40), "red")


def settings(repository: Path, folder: Path) -> ServerSettings:
    return ServerSettings(repository, grpc_port=0, metrics_port=None, log_file=folder / "triton.log")


def prefix_of(processes: list[psutil.Process]) -> str:
    """Of their shared memory's names; others may have some at the same time."""
    return next(prefix for process in processes if (prefix := shm_prefix_of(process)))


def test_nothing_is_left_behind(repository: Path, tmp_path: Path) -> None:
    with EmbeddedServer(settings(repository, tmp_path)) as server:
        tree = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        assert len(tree) > 5, "Triton and a process for each Python step"
        assert regions(prefix := prefix_of(tree))
        with VqaClient(server.url) as client:
            assert client.ask(PHOTO, "What is this?").text
    psutil.wait_procs(tree, timeout=10)
    assert not [process for process in tree if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert not regions(prefix)


def test_a_folder_that_triton_made_meanwhile_is_removed_if_it_is_empty() -> None:
    """Triton's Python backend makes one at each start, for environments that come packed, and leaves it."""
    work = WorkFolder()
    empty, filled = (Path(tempfile.mkdtemp(prefix="python_env_", dir="/tmp")) for _ in range(2))
    (filled / "file").touch()
    work.remove()
    try:
        assert (empty.exists(), filled.exists()) == (False, True)
    finally:
        shutil.rmtree(filled)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_ends_cleanly(repository: Path, tmp_path: Path, stop: signal.Signals) -> None:
    command = [sys.executable, "-m", "serving", str(repository), "--grpc-port", "0", "--metrics-port", "0"]
    ready_file = tmp_path / "ready.json"
    command += ["--log-file", str(tmp_path / "triton.log"), "--ready-file", str(ready_file)]
    with started(command) as process:
        addresses = wait_until_ready(process, ready_file)
        assert addresses.pid == process.pid
        assert json.loads(ready_file.read_text("utf-8"))["format"] == 1
        children = psutil.Process(process.pid).children(recursive=True)
        prefix = prefix_of(children)
        with VqaClient(addresses.grpc_url) as client:
            assert client.ask(PHOTO, "这是什么？").text
        for url in (addresses.metrics_url, addresses.health_url):
            with urllib.request.urlopen(str(url), timeout=20) as page:  # noqa: S310  our own server
                assert page.status == 200
        assert addresses.http_url is None
        process.send_signal(stop)
        assert process.wait(60) == 0
    assert not ready_file.exists()
    assert not psutil.wait_procs(children, timeout=10)[1]
    assert not regions(prefix)


def test_nothing_is_cleared_up_in_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    cache = tmp_path / "somebody's" / "__pycache__"
    cache.mkdir(parents=True)
    with pytest.raises(ServingError, match="has no manifest"), EmbeddedServer(settings(tmp_path, tmp_path)):
        pass
    assert cache.is_dir()


def test_under_nohup_a_hang_up_ends_nothing() -> None:
    script = (
        "import signal; from serving.supervision.signals import end_on_signals\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN); end_on_signals(); signal.raise_signal(signal.SIGHUP)\n"
        "try:\n    signal.raise_signal(signal.SIGTERM)\nexcept KeyboardInterrupt:\n    print('ended')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "ended\n"


def test_a_server_that_is_killed_is_a_typed_error(repository: Path, tmp_path: Path) -> None:
    with EmbeddedServer(settings(repository, tmp_path)) as server, VqaClient(server.url, timeout_s=3) as client:
        assert client.ask(PHOTO, "What is this?").text
        steps = psutil.Process(server.pid).children(recursive=True)
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(VitrineError) as caught:
            client.ask(PHOTO, "What is this?")
        assert caught.value.code in ("UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED")
        assert caught.value.request_id
    assert not psutil.wait_procs(steps, timeout=10)[1], "no Python step is left behind"


def test_triton_does_not_outlive_a_launcher_that_is_killed(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "serving", str(repository), "--grpc-port", "0", "--no-metrics"]
    command += ["--log-file", str(tmp_path / "triton.log"), "--ready-file", str(tmp_path / "ready.json")]
    with started(command) as process:
        wait_until_ready(process, tmp_path / "ready.json")
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert not psutil.wait_procs(children, timeout=2)[1], "it does not go on, answering nothing, until it is done"
    with EmbeddedServer(settings(repository, tmp_path)):
        pass  # clears up what is left


def test_nothing_outlives_a_launcher_that_is_killed_while_it_starts(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "serving", str(repository), "--grpc-port", "0", "--no-metrics"]
    with started([*command, "--log-file", str(tmp_path / "triton.log")]) as process:
        launcher = psutil.Process(process.pid)
        while len(children := launcher.children(recursive=True)) < 5:  # Triton, its watcher, some steps
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert not psutil.wait_procs(children, timeout=2)[1]


def test_what_a_killed_server_left_is_cleared_up_by_the_next(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    not_ours = tmp_path / "vitrine-triton-photos_1"  # as long as a name of ours
    not_ours.mkdir()
    (not_ours / "photo.jpg").write_bytes(b"")
    os.utime(not_ours, (0, 0))
    environment = Path(tempfile.mkdtemp(prefix="python_env_", dir="/tmp"))  # of a Triton that was killed
    os.utime(environment, (0, 0))
    command = [sys.executable, "-m", "serving", str(repository), "--grpc-port", "0", "--no-metrics"]
    command += ["--log-file", str(tmp_path / "triton.log"), "--ready-file", str(tmp_path / "ready.json")]
    with started(command, env=os.environ | {"TMPDIR": str(tmp_path)}) as process:
        wait_until_ready(process, tmp_path / "ready.json")
        children = psutil.Process(process.pid).children(recursive=True)
        beside = replace(settings(repository, tmp_path), log_file=tmp_path / "another.log")
        with EmbeddedServer(beside) as server, VqaClient(server.url) as client:
            assert client.ask(PHOTO, "这是什么？").text
        prefix = prefix_of(children)
        assert all(map(is_alive, children)), "what is in use is left alone"
        process.kill()
    psutil.wait_procs(children, timeout=20)
    assert regions(prefix)
    assert len(list(tmp_path.glob("vitrine-triton-*"))) == 3, "not ours, Triton's, and its door's"
    with EmbeddedServer(settings(repository, tmp_path)) as server, VqaClient(server.url) as client:
        assert client.ask(PHOTO, "What is this?").text
    assert not regions(prefix)
    assert list(tmp_path.glob("vitrine-triton-*")) == [not_ours]
    assert list(not_ours.iterdir())
    assert not environment.exists()


def test_a_busy_port_is_named(repository: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        busy = ServerSettings(repository, grpc_port=port, log_file=tmp_path / "triton.log")
        with pytest.raises(
            ServingError, match=rf"--grpc-port: cannot listen on 127.0.0.1:{port}, where another program does"
        ):
            EmbeddedServer(busy).__enter__()


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("127.0.0.1", 70_000, "70000 is no port: 0 to 65535 is expected"),
        ("127.0.0.1", -1, "-1 is no port: 0 to 65535 is expected"),
        ("no.such.host.invalid", 0, "no.such.host.invalid is no address of this machine"),
        ("192.0.2.1", 0, "192.0.2.1 is no address of this machine"),
    ],
)
def test_an_impossible_address_is_refused(host: str, port: int, words: str) -> None:
    with pytest.raises(UsageError, match=f"^--grpc-port: {words}"):
        resolve_ports(host, {"grpc_port": port})


@pytest.mark.parametrize("host", ["no.such.host.invalid", "", "x" * 100])
def test_a_host_that_cannot_be_is_refused(repository: Path, tmp_path: Path, host: str) -> None:
    with pytest.raises(ServingError, match="--host: an IPv4 address of this machine or its name is expected"):
        EmbeddedServer(replace(settings(repository, tmp_path), host=host)).__enter__()


def test_a_hosts_name_is_good_for_each_port(repository: Path, tmp_path: Path) -> None:
    named = replace(settings(repository, tmp_path), host="localhost", http_port=0, metrics_port=0)
    with EmbeddedServer(named) as server, VqaClient(server.url) as client:
        assert client.ask(PHOTO, "这是什么？").text
        for port in (server.settings.http_port, server.settings.metrics_port):
            with socket.create_connection(("127.0.0.1", port or 0), timeout=5):
                pass


def test_two_ports_that_are_one_are_named() -> None:
    port = free_port()
    with pytest.raises(ServingError, match=rf"--metrics-port: cannot listen on 127.0.0.1:{port}, where another"):
        resolve_ports("127.0.0.1", {"grpc_port": port, "metrics_port": port})


def test_a_log_that_cannot_be_written_is_named(repository: Path, tmp_path: Path) -> None:
    unwritable = ServerSettings(repository, grpc_port=0, metrics_port=None, log_file=tmp_path / "none" / "triton.log")
    with pytest.raises(ServingError, match=r"cannot write the log .*--log-file"):
        EmbeddedServer(unwritable).__enter__()


def test_a_log_that_another_server_writes_is_left_to_it(repository: Path, tmp_path: Path) -> None:
    with EmbeddedServer(settings(repository, tmp_path)) as server:
        log = tmp_path / "triton.log"
        written = log.read_bytes()
        assert written
        (tmp_path / "link.log").symlink_to(log)
        for name in ("triton.log", "link.log"):
            second = replace(settings(repository, tmp_path), log_file=tmp_path / name)
            with pytest.raises(ServingError, match=r"another server writes the log .*: choose another with --log-file"):
                EmbeddedServer(second).__enter__()
        assert log.read_bytes().startswith(written)
        os.kill(server.pid, signal.SIGKILL)
        server.restart()  # the log is still its own
        log.rename(tmp_path / "old.log")
        server.restart()
        assert log.stat().st_size, "one that was moved away is begun anew"
    with open_log(log, is_emptied=True):
        assert not log.stat().st_size, "it is free again"


def test_a_log_that_is_no_file_is_for_all(tmp_path: Path) -> None:
    null = Path(os.devnull)
    with open_log(null, is_emptied=True), open_log(null, is_emptied=True) as second:
        assert second.write(b"lost") == 4


def test_a_log_is_free_as_soon_as_its_last_owner_has_ended(tmp_path: Path) -> None:
    log = tmp_path / "triton.log"
    hold = "import fcntl, sys; log = open(sys.argv[1], 'ab'); fcntl.flock(log, 2); print(1, flush=True); input()"
    with started([sys.executable, "-c", hold, str(log)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        owner.stdout.readline()
        threading.Timer(0.3, owner.kill).start()
        with open_log(log, is_emptied=True):
            pass


def test_a_log_in_the_repository_is_refused(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = ServerSettings(repository, grpc_port=0, metrics_port=None, log_file=repository / "triton.log")
    with pytest.raises(ServingError, match="would be in the repository"):
        EmbeddedServer(inside).__enter__()
    copied = tmp_path / "copied"
    shutil.copytree(repository, copied)
    monkeypatch.chdir(copied)
    with EmbeddedServer(ServerSettings(Path(), grpc_port=0, metrics_port=None)) as server:
        server.restart()
        with VqaClient(server.url) as client:
            assert client.ask(PHOTO, "这是什么？").text
        port = server.settings.grpc_port
    assert (tmp_path / f"copied-{port}.log").is_file()
    assert not list(copied.rglob("__pycache__")), "nothing is added to a repository"


def test_a_disk_that_takes_no_files_is_a_typed_error(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: [str(tmp_path / "none")])
    with pytest.raises(ServingError, match=r"the server cannot be started: .*No usable temporary directory"):
        EmbeddedServer(settings(repository, tmp_path)).__enter__()


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan")])
def test_a_time_to_get_ready_that_cannot_be_is_refused(repository: Path, tmp_path: Path, timeout_s: float) -> None:
    with pytest.raises(ServingError, match=r"--ready-timeout is .*, but seconds, more than 0, are expected"):
        EmbeddedServer(settings(repository, tmp_path), ready_timeout_s=timeout_s)


def test_a_signal_that_comes_while_starting_fails_is_not_lost() -> None:
    before = [signal.getsignal(number) for number in ENDING]
    end_on_signals()
    try:
        with pytest.raises(KeyboardInterrupt), signals_put_off():
            signal.raise_signal(signal.SIGTERM)
            raise OSError
    finally:
        for number, handler in zip(ENDING, before, strict=True):
            signal.signal(number, handler)


def test_a_folder_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match=r"has no manifest.json: name a repository that `python -m builders"):
        require_intact(tmp_path)
    with pytest.raises(ServingError, match="is not a folder that exists"):
        require_intact(tmp_path / "none")
    (tmp_path / "a-file").touch()
    with pytest.raises(ServingError, match="is not a folder that exists"):
        require_intact(tmp_path / "a-file")


def test_a_repository_that_cannot_load_says_why(repository: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(repository, broken)
    (broken / "answer_rules.yaml").write_text("zh:\n  sya: {藏青色: [蓝色]}\n", encoding="utf-8")
    start_s = time.monotonic()
    with pytest.raises(ServingError) as caught:
        EmbeddedServer(settings(broken, tmp_path)).__enter__()
    assert time.monotonic() - start_s < 30, "said at once, not after the time-out"
    _, reason = str(caught.value).splitlines()
    assert reason.strip() == (
        "answer_postprocess and choice_postprocess: RulesError: answer_rules.yaml, line 2: 'sya' came, but say or "
        "never_say is expected"
    )


def test_loopback_only_and_off_means_off(tmp_path: Path) -> None:
    installation = find_installation()
    command = embedded_command(
        settings(tmp_path, tmp_path), installation, backends=tmp_path, shm_prefix="vitrine-test-", admin_key="-"
    )
    assert "--grpc-address=127.0.0.1" in command
    assert "--allow-http=false" in command
    assert "--allow-metrics=false" in command
    behind = replace(settings(tmp_path, tmp_path), sockets=tmp_path, http_port=8000)
    command = embedded_command(behind, installation, backends=tmp_path, shm_prefix="vitrine-test-", admin_key="-")
    assert f"--grpc-address=unix:{tmp_path}/grpc" in command
    assert f"--http-address=unix:{tmp_path}/http" in command
    assert "127.0.0.1" not in " ".join(command)


def test_a_step_that_is_being_loaded_has_no_name_yet() -> None:
    stub = "/backends/python/triton_python_backend_stub"
    whole = [stub, "model.py", "prefix", "a_step_0_0", "python"]
    commands: list[list[str]] = [[], [stub], [stub, "model.py"], ["bash", "-c", stub], whole]
    children = [Mock(cmdline=Mock(return_value=command)) for command in commands]
    assert steps_of(Mock(children=Mock(return_value=children))) == {"a_step_0_0": children[-1]}
