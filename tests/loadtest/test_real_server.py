"""The scenarios against a real Triton: every kind of request is one that it takes, or rightly refuses."""

from pathlib import Path

import pytest

from tests.helpers.loadtest_command import run

KINDS = {
    "customer_service": {"ask"},
    "listing": {"ask", "choose"},
    "browsing": {"ask", "embed"},
    "labels": {"ask", "read"},
}


@pytest.mark.parametrize("scenario", KINDS)
def test_a_scenario_is_answered(server_url: str, tmp_path: Path, scenario: str) -> None:
    done, content = run(tmp_path / "run", server_url, "--scenario", scenario, "--rate", "10", "--duration", "4")
    assert done.returncode == 0, done.stderr
    figures = content["figures"]
    assert figures["error_ratio"] == 0, figures["codes"]
    assert set(figures["latency_ms"]) - {"all", "invalid"} == KINDS[scenario]
    assert figures["verdicts"]["answered"] > 0


def test_a_photo_that_was_sent_in_another_run_is_new_in_this_one(
    server_url: str, metrics_url: str, tmp_path: Path
) -> None:
    arguments = ("--scenario", "listing", "--rate", "10", "--duration", "4", "--metrics-url")
    misses = []
    for name in ("one", "two"):
        done, content = run(tmp_path / name, server_url, *arguments, metrics_url)
        assert done.returncode == 0, done.stderr
        stages = content["server"]["stages"]
        assert stages["answer_decoder"]["compute_ms"] > 0
        misses.append(round(stages["image_features"]["requests"] * (1 - stages["image_features"]["cache_hit_ratio"])))
    assert min(misses) >= 5, "four requests about each photo, ten a second for four seconds"


def test_bad_requests_are_counted_as_rightly_refused(server_url: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("chinese_ratio: 0.5\ninvalid_ratio: 0.5\n", "utf-8")
    done, content = run(
        tmp_path / "run", server_url, "--scenario", str(tmp_path / "bad.yaml"), "--rate", "10", "--duration", "4"
    )
    assert done.returncode == 0, done.stderr
    figures = content["figures"]
    assert figures["codes"]["INVALID_ARGUMENT"] == figures["latency_ms"]["invalid"]["count"]
    assert figures["error_ratio"] == 0
