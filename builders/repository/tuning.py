"""How a machine shares its cores among the steps: instances of each, and how long a batch waits for more rows.

Found by `python -m benchmarks.tune`, read by `python -m builders --tuned`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from builders.errors import UsageError
from vitrine_steps.file_format import FormatError, require_format

_FORMAT = 1
_MOST_INSTANCES, _MOST_DELAY_US = 64, 1_000_000


@dataclass(frozen=True)
class Tuning:
    instances: Mapping[str, int] = field(default_factory=dict)
    """Processes of a model, by its name; what is missing stays as the build decides it."""
    queue_delay_us: Mapping[str, int] = field(default_factory=dict)
    """Microseconds that a batch waits for further rows, by the model's name."""


def write_tuning(file: Path, tuning: Tuning) -> None:
    file.write_text(json.dumps({"format": _FORMAT, **asdict(tuning)}, indent=2) + "\n", encoding="utf-8")


def tuning_from_file(file: Path) -> Tuning:
    """
    Raises:
        UsageError: there is no such file, or it is none that `python -m benchmarks.tune` wrote.
    """
    remedy = "write it anew with python -m benchmarks.tune"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        require_format(content, _FORMAT, file=file, remedy=remedy)
        found = Tuning(dict(content["instances"]), dict(content["queue_delay_us"]))
    except FormatError as error:
        raise UsageError(str(error)) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"--tuned {file} is no tuning ({type(error).__name__}): {remedy}") from error
    for of, least, most in ((found.instances, 1, _MOST_INSTANCES), (found.queue_delay_us, 0, _MOST_DELAY_US)):
        for name, count in of.items():
            if not isinstance(count, int) or not least <= count <= most:
                raise UsageError(f"--tuned {file}: {name} has {count!r}, but {least} to {most} is expected: {remedy}")
    return found
