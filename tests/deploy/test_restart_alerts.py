"""A real Prometheus sees a real server that is killed again and again, and whole again within seconds each time."""

import re
import signal
from pathlib import Path

from serving.server_process import running_server
from tests.helpers.prometheus import FOLDER, asked, prometheus_of, rules_of, wait_until

TIMES_FASTER = 5
"""The windows of the alerts are so much shorter here: a quarter of an hour is three minutes."""


def faster(rules: str) -> str:
    def seconds(found: re.Match[str]) -> str:
        return f"{int(found[1]) * {'s': 1, 'm': 60, 'h': 3600}[found[2]] // TIMES_FASTER}s"

    windows = re.sub(r"(?<=\[)(\d+)([smh])(?=\])", lambda found: seconds(found), rules)
    return re.sub(r"(?<=for: )(\d+)([smh])\b", lambda found: seconds(found), windows)


def test_windows_are_made_shorter_and_nothing_else_is() -> None:
    before = "expr: increase(a_total[15m]) >= 3\nfor: 1m\ndescription: within 15m"
    assert faster(before) == "expr: increase(a_total[180s]) >= 3\nfor: 12s\ndescription: within 15m"


def test_restarts_of_seconds_are_alerts_the_third_a_critical_one(repository: Path, tmp_path: Path) -> None:
    rules = tmp_path / "alerts.yml"
    rules.write_text(faster((FOLDER / "alerts.yml").read_text("utf-8")), "utf-8")
    with (
        running_server(repository, tmp_path / "triton.log", "--ready-timeout", "300") as server,
        prometheus_of(server.metrics_url, tmp_path, rules, every="1s") as url,
    ):

        def firing() -> set[str]:
            return {rule["name"] for rule in rules_of(url) if rule["state"] == "firing"}

        def seen(restarts: int) -> bool:
            return bool(asked(url, f'vitrine_restarts_total{{job="vitrine",cause="triton_crash"}} == {restarts}'))

        wait_until(lambda: seen(0))
        assert not firing() & {"VitrineRestarted", "VitrineKeepsRestarting", "VitrineCrashLoop"}
        for restart in (1, 2, 3):
            # One that is killed while it starts is counted apart.
            wait_until(lambda: bool(asked(url, 'vitrine_up{job="vitrine"} == 1')), 300)
            triton = server.triton()
            assert triton
            triton.send_signal(signal.SIGKILL)
            wait_until(lambda: seen(restart))  # noqa: B023  called in this round only
            wait_until(lambda: "VitrineRestarted" in firing())
            wait_until(lambda: server.restarts() == restart, 300)  # noqa: B023  as above
            if restart < 3:
                assert "VitrineKeepsRestarting" not in firing()
        wait_until(lambda: "VitrineKeepsRestarting" in firing())
        [alert] = [rule for rule in rules_of(url) if rule["name"] == "VitrineRestarted"]
        assert [one["labels"]["cause"] for one in alert["alerts"]] == ["triton_crash"]
        assert "VitrineCrashLoop" not in firing()
        wait_until(lambda: asked(url, 'vitrine_up{job="vitrine"} == 1'))
        assert asked(url, 'min_over_time(up{job="vitrine"}[5m]) == 1'), "the metrics were there all the time"
        assert asked(url, 'sum(increase(vitrine_down_seconds_total{job="vitrine"}[5m])) > 0')
