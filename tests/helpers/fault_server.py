"""A server that is going to be harmed: how it is started, changed, harmed, and waited for."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from builders.repository.manifest import renew_digests
from serving.server_process import Served, running_server
from tests.helpers.load import Load

STEP_CODE = "{0}/1/vitrine_steps/models/{0}.py"
_IMPATIENT = {
    ("serving.supervision.hang", "_WATCH_S"): 2.5,
    ("serving.supervision.hang", "_PROBE_TIMEOUT_S"): 2.0,
    ("serving.supervision.supervisor", "_PROBE_EVERY_S"): 1.0,
}
_SHORT_ITEMS = {("serving.supervision.triton_run", "_LONGEST_ITEM_S"): 4.0}
_LIMIT_S = 90.0
"""How long anything here may take: how long it does is measured elsewhere, for machines differ."""


def _program(settings: dict[tuple[str, str], float]) -> tuple[str, str]:
    lines = ["import importlib, sys"]
    for (module, name), value in settings.items():
        lines.append(f"module = importlib.import_module({module!r})")
        lines.append(f"assert isinstance(module.{name}, float), 'no such setting'")
        lines.append(f"module.{name} = {value!r}")
    return "-c", "\n".join([*lines, "from serving.__main__ import main", "sys.exit(main())"])


IMPATIENT = _program(_IMPATIENT)
"""`python -m serving`, but it asks its own question each second, and takes 4 to 5 s of no sign of life for a hang."""
SHORT_ITEMS = _program(_IMPATIENT | _SHORT_ITEMS)
"""As above, and it gives a step 4 s for one piece of work, where it is 20 s."""


@contextmanager
def serving(
    repository: Path, folder: Path, *arguments: str, program: tuple[str, str] = ("-m", "serving")
) -> Iterator[Served]:
    """Serve a repository, with its log in `folder`; see `running_server`."""
    with running_server(repository, folder / "triton.log", *arguments, program=program) as server:
        yield server


def wait_until(is_so: Callable[[], object], server: Served) -> None:
    """Wait until something is so; fail, with what the server has said, where that takes very long."""
    end_s = time.monotonic() + _LIMIT_S
    while not is_so():
        assert time.monotonic() < end_s, server.lines
        time.sleep(0.05)


def wait_until_whole(server: Served, calls: Load | None = None) -> None:
    """Wait until the supervisor says so and, where there are calls, until some of later have been answered."""
    wait_until(server.restarts, server)
    if calls is not None:
        calls.wait_for_answers()


def kill_triton(server: Served) -> None:
    triton = server.triton()
    assert triton
    triton.kill()


def changed(repository: Path, folder: Path, file: str, before: str, after: str) -> Path:
    """Copy a repository to `folder` with one change in its code."""
    shutil.copytree(repository, folder, ignore=shutil.ignore_patterns("__pycache__"))
    code = (folder / file).read_text("utf-8")
    assert before in code
    (folder / file).write_text(code.replace(before, after), "utf-8")
    renew_digests(folder)
    return folder
