"""Work that goes on where it was stopped: each finished job is a line in a file."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

Row = dict[str, Any]


class OtherRunError(ValueError):
    """The folder holds another run, or something else."""

    exit_status = 2


@dataclass(frozen=True)
class Job:
    key: str
    """Unique in its file."""
    run: Callable[[], list[Row]]


def run_jobs(file: Path, jobs: Sequence[Job], *, threads: int, unit: str = "photo") -> list[Row]:
    """Run the jobs that `file` does not have yet, several at once, and return the rows of all, in the jobs' order.

    A job that fails ends the run with its error; those that are done stay done.
    """
    done = _read(file)
    missing = [job for job in jobs if job.key not in done]
    with (
        file.open("a", encoding="utf-8") as journal,
        ThreadPoolExecutor(threads) as pool,
        tqdm(total=len(jobs), initial=len(jobs) - len(missing), desc=file.stem, unit=unit, disable=None) as progress,
    ):
        try:
            for job, rows in zip(missing, pool.map(lambda job: job.run(), missing), strict=True):
                done[job.key] = rows
                journal.write(json.dumps({"key": job.key, "rows": rows}, ensure_ascii=False) + "\n")
                journal.flush()
                progress.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [row for job in jobs for row in done[job.key]]


def begin(folder: Path, settings: dict[str, Any]) -> None:
    """Make `folder`, or see that it holds a run of the same settings.

    Raises:
        OtherRunError: it holds another one.
    """
    file = folder / "settings.json"
    text = json.dumps(settings, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    if not file.exists():
        if folder.is_dir() and any(folder.iterdir()):
            raise OtherRunError(f"{folder} is not empty and no evaluation: name a new folder")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OtherRunError(f"cannot write to {folder} ({error.strerror}): name another folder") from error
        return
    try:
        before = dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise OtherRunError(f"{file} is broken ({error}): name a new folder") from error
    now = json.loads(text)
    if changed := sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)):
        raise OtherRunError(f"{folder} holds an evaluation with other {', '.join(changed)}: name a new folder")


def _read(file: Path) -> dict[str, list[Row]]:
    """A last line that was cut short is dropped."""
    done: dict[str, list[Row]] = {}
    if not file.exists():
        return done
    whole = []
    for line in file.read_text(encoding="utf-8").split("\n"):
        try:
            entry = json.loads(line)
            done[entry["key"]] = entry["rows"]
            whole.append(line + "\n")
        except ValueError:
            break
    file.write_text("".join(whole), encoding="utf-8")
    return done
