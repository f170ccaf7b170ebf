"""Times of a server's stages, for `loadtest.simulate`: measured by runs about known photos, and about new ones."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtest.report import read_report
from loadtest.samples import read_samples
from loadtest.scenario import Scenario, ScenarioError
from loadtest.simulate import StageTimes, StageTimesError

FILE = "stages.json"
_FORMAT = 1
_CALLERS = (2, 4, 8, 16)
_LONE_RATIO = 1 / 3  # of the time between two lone questions that the server is at work
_LONE_DURATIONS = 3
_LEAST_MS = 0.001

Load = Callable[[Path, list[str], float], None]
"""Function that does a run: its new folder, arguments of `python -m loadtest run`, and a factor for its duration."""


class StagesError(ValueError):
    """No times of stages; says what is expected."""


def measure_stages(folder: Path, scenario: Scenario, cores: int, load: Load) -> StageTimes:
    """Measure the stages with a scenario's photos and questions, and write them to `folder`."""
    lone, means = [], []
    for name, repeat_ratio in (("known", 1.0), ("new", 0.0)):
        file = folder / f"{name}.yaml"
        only = replace(scenario, name=name, repeat_photo_ratio=repeat_ratio, questions_per_photo=1)
        file.write_text(json.dumps(asdict(only)), "utf-8")  # JSON is YAML too

        def times_ms(run: str, arguments: list[str], durations: float, file: Path = file) -> NDArray[np.float64]:
            load(folder / run, ["--scenario", str(file), *arguments], durations)
            return _times_ms(folder / run)

        closed = [times_ms(f"{name}-{callers}", ["--closed", str(callers)], 1).mean() for callers in _CALLERS]
        # Evenly spaced, and not one after the other: a processor that had nothing to do before is slower.
        rate = ["--arrivals", "constant", "--rate", f"{1000 * _LONE_RATIO / closed[0]:.3f}"]
        lone.append(times_ms(f"{name}-lone", rate, _LONE_DURATIONS))
        means.append(np.array([lone[-1].mean(), *closed]))
    known, new = means
    parts = (np.maximum(new - known, _LEAST_MS), known)
    features_slower, answer_slower = (np.maximum.accumulate(ms / ms[0]).tolist() for ms in parts)
    known_ms, new_ms = (tuple(ms.tolist()) for ms in lone)
    times = StageTimes(cores, known_ms, new_ms, (1, *_CALLERS), tuple(features_slower), tuple(answer_slower))
    content = {"format": _FORMAT, "scenario": asdict(scenario), "times": asdict(times)}
    (folder / FILE).write_text(json.dumps(content) + "\n", "utf-8")
    return times


def read_stages(file: Path) -> tuple[Scenario, StageTimes]:
    """Read what `measure_stages` has written: the scenario, and the times.

    Raises:
        StagesError: it is something else.
    """
    try:
        content = json.loads(file.read_text("utf-8"))
        if (found := content["format"]) != _FORMAT:
            raise StagesError(f"{file} has the format {found}, but {_FORMAT} is expected: measure again")
        return Scenario(**_with_tuples(content["scenario"])), StageTimes(**_with_tuples(content["times"]))
    except OSError as error:
        raise StagesError(f"cannot read {file} ({error.strerror}): name the {FILE} of `loadtest stages`") from error
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise StagesError(f"{file} is not the {FILE} that `python -m loadtest stages` writes") from error
    except (StageTimesError, ScenarioError) as error:
        raise StagesError(f"{file}: {error}; measure again") from error


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _times_ms(folder: Path) -> NDArray[np.float64]:
    """Read how long a run's questions took, after its warm-up.

    Raises:
        StagesError: some failed: its times would be those of a broken server.
    """
    samples, report = read_samples(folder), read_report(folder)
    measured = samples[samples["intended_s"] >= report["window_s"][0]]
    if not len(measured) or report["figures"]["error_ratio"]:
        raise StagesError(
            f"in the run {folder.name} {report['figures']['codes'] or 'nothing'} came back, but an answer to each "
            "question is expected: see why in its report"
        )
    return np.asarray(1000 * measured["latency_s"].astype(np.float64))
