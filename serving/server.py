"""One embedded Triton: started, asked a question, stopped, and nothing left behind."""

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from PIL import Image
from vitrine_client import TlsFiles, VitrineError, VqaClient

from serving.command import ServerSettings, embedded_command
from serving.errors import ServingError
from serving.installation import find_installation, make_backend_folder
from serving.ports import resolved_port
from serving.signals import end_with_parent, signals_put_off

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  where Linux keeps shared memory, not a temporary folder
_POLL_S = 0.1
_STOP_TIMEOUT_S = 20.0


class EmbeddedServer:
    """A running Triton, as a context manager: ready inside the `with`, gone after it."""

    def __init__(
        self, settings: ServerSettings, *, ready_timeout_s: float = 60.0, client_tls: TlsFiles | None = None
    ) -> None:
        """
        Args:
            settings: a port of 0 becomes a free one; see `self.settings` inside the `with`.
            client_tls: what our own first question needs when the port is encrypted.
            ready_timeout_s: how long the models may take to load and to answer a first question.
        """
        self.settings = settings
        self._ready_timeout_s = ready_timeout_s
        self._client_tls = client_tls
        self._shm_prefix = f"vitrine-{uuid.uuid4().hex[:12]}-"
        self._work: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The gRPC address."""
        return f"{self.settings.host}:{self.settings.grpc_port}"

    @property
    def pid(self) -> int:
        """Of the Triton process; its Python steps are its children."""
        assert self._process
        return self._process.pid

    def __enter__(self) -> "EmbeddedServer":
        try:
            self._start()
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def wait(self) -> int:
        """Wait until Triton ends by itself, and return its exit status."""
        assert self._process
        return self._process.wait()

    def stop(self) -> None:
        """Let Triton finish what it has accepted, end it, and clear up. A second call does nothing."""
        with signals_put_off():
            self._stop()

    def _stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process:
            with suppress(ProcessLookupError):
                # Python steps outlive a Triton that was killed; they share its session, which is theirs alone.
                os.killpg(self._process.pid, signal.SIGKILL)
        for region in _SHARED_MEMORY.glob(f"{self._shm_prefix}*"):
            region.unlink(missing_ok=True)
        if self._work:
            shutil.rmtree(self._work, ignore_errors=True)

    def _start(self) -> None:
        require_built_repository(self.settings.repository)
        installation = find_installation()
        self.settings = _with_ports_and_log(self.settings)
        log_file = self.settings.log_file
        assert log_file
        self._work = Path(tempfile.mkdtemp(prefix="vitrine-"))
        backends = self._work / "backends"
        make_backend_folder(installation, backends)
        command = embedded_command(self.settings, installation, backends=backends, shm_prefix=self._shm_prefix)
        environment = os.environ | {
            "LD_LIBRARY_PATH": str(installation.libraries),
            # A Python step finds its packages through the first python3 on the path.
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",  # a built repository is never changed
        }
        try:
            log = log_file.open("wb")
        except OSError as error:
            raise ServingError(
                f"cannot write the log {log_file} ({error.strerror}): choose another with --log-file"
            ) from error
        with log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    def _wait_until_it_answers(self) -> None:
        assert self._process
        deadline_s = time.monotonic() + self._ready_timeout_s
        with VqaClient(self.url, timeout_s=5.0, tls=self._client_tls) as client:
            while time.monotonic() < deadline_s:
                if self._process.poll() is not None:
                    raise ServingError(
                        f"Triton ended with status {self._process.returncode} while starting; "
                        f"the reason is in {self.settings.log_file}:\n{_errors_in(self.settings.log_file)}"
                    )
                if _is_answering(client):
                    return
                time.sleep(_POLL_S)
        raise ServingError(
            f"Triton did not answer a question within {self._ready_timeout_s:g} s; "
            f"the log is {self.settings.log_file}:\n"
            f"{_errors_in(self.settings.log_file)}"
        )


def require_built_repository(folder: Path) -> None:
    """
    Raises:
        ServingError: no such folder, or not one that `python -m builders` wrote.
    """
    if not (folder / "manifest.json").exists():
        what = "has no manifest.json" if folder.is_dir() else "does not exist"
        raise ServingError(
            f"{folder} {what}: name a repository that `python -m builders --checkpoint ... --output {folder}` has built"
        )


def _with_ports_and_log(settings: ServerSettings) -> ServerSettings:
    host = settings.host
    grpc_port = resolved_port(host, settings.grpc_port, "--grpc-port")
    http_port, metrics_port = settings.http_port, settings.metrics_port
    return replace(
        settings,
        grpc_port=grpc_port,
        http_port=None if http_port is None else resolved_port(host, http_port, "--http-port"),
        metrics_port=None if metrics_port is None else resolved_port(host, metrics_port, "--metrics-port"),
        log_file=settings.log_file or settings.repository.parent / f"{settings.repository.name}-{grpc_port}.log",
    )


def _is_answering(client: VqaClient) -> bool:
    """Ask a real question: a dead Python step leaves Triton's own readiness as it was."""
    try:
        return client.health(timeout_s=1.0).model_ready and bool(
            client.ask(_canary_photo(), "What is this?").request_id
        )
    except VitrineError:
        return False


def _canary_photo() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(buffer, "PNG")
    return buffer.getvalue()


def _errors_in(log_file: Path | None, *, last: int = 8) -> str:
    assert log_file
    lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("E") or "error:" in line.lower()]
    return "\n".join((errors or lines)[-last:])
