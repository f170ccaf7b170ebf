"""When a server counts as recovered from overload."""

import pytest

from benchmarks.measure_overload import Answers, recovery_time_s

END_S = 100.0


@pytest.mark.parametrize(
    ("times_s", "refused_s", "after_s"),
    [
        ([(100.1, 0.02), (101.0, 0.03)], [], 0.0),
        ([(100.1, 1.0), (101.2, 0.03)], [], 1.1),
        ([(100.1, 0.02), (103.0, 0.03)], [102.5], 2.5),
        ([(100.1, 0.02)], [109.9], None),
        ([], [101.0, 109.0], None),
        ([], [], None),
        ([(100.1, 0.02), (105.0, 4.0)], [], None),
    ],
    ids=["at once", "one slow call", "one refused", "refused to the end", "only refused", "nothing", "slow to the end"],
)
def test_recovered(times_s: list[tuple[float, float]], refused_s: list[float], after_s: float | None) -> None:
    answers = Answers(times_s=times_s, refused_s=refused_s)
    assert recovery_time_s(answers, END_S, calm_s=0.1) == pytest.approx(after_s)
