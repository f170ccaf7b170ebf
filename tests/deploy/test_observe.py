"""Every query of the dashboard and the alerts finds what the server really tells; a real Prometheus evaluates them."""

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from vitrine_client import InvalidRequestError, VqaClient

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from tests.helpers.compose import ROOT, mounts_of, published_by, resolved
from tests.helpers.prometheus import CONFIG, asked, prometheus_of, rules_of, wait_until
from tests.helpers.system import require_program

OBSERVE = ROOT / "deploy" / "observe"
DASHBOARD = json.loads((OBSERVE / "grafana/dashboards/vitrine.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
ALERTS = yaml.safe_load((OBSERVE / "prometheus/alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
QUERIES = {
    **{f"{p['title']} {t['refId']}": t["expr"] for p in PANELS for t in p["targets"]},
    **{alert["alert"]: alert["expr"] for alert in ALERTS},
}
GPU_ONLY = {"nv_gpu_utilization", "nv_gpu_memory_used_bytes", "nv_gpu_memory_total_bytes"}
FROM_PROMETHEUS = {"up"}
SELECTOR = re.compile(r"([a-z_:]+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
ROW_PX = 24

Series = list[tuple[str, dict[str, str]]]


def selectors(query: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Names of metrics, each with its matchers: label, operator, value."""
    return [(name, MATCHER.findall(inside)) for name, inside in SELECTOR.findall(query)]


def matches(labels: dict[str, str], matchers: list[tuple[str, str, str]]) -> bool:
    return all(
        bool(re.fullmatch(value, labels.get(label, "")) if "~" in operator else labels.get(label, "") == value)
        != operator.startswith("!")
        for label, operator, value in matchers
    )


def test_matchers_are_read_as_prometheus_reads_them() -> None:
    [(name, found)] = selectors('sum by (model) (rate(a_total{job="x",model!~"b|c"}[5m]))')
    assert (name, found) == ("a_total", [("job", "=", "x"), ("model", "!~", "b|c")])
    assert matches({"job": "x", "model": "bc"}, found)
    assert not matches({"job": "x", "model": "c"}, found)
    assert not matches({"job": "y", "model": "d"}, found)


@pytest.fixture(scope="module")
def traffic(server_url: str, metrics_url: str) -> str:
    """The address of the metrics, after questions, lists, embeddings, a photo again, and a broken one."""
    _send(server_url)
    return metrics_url


def _send(url: str) -> None:
    photos = [photo_from_seed(first_seed("test") + 900 + number).jpeg_bytes() for number in range(4)]
    with VqaClient(url) as client, ThreadPoolExecutor(4) as pool:
        for questions in (("What colour is it?", "What is it?"), ("它是什么颜色的？", "这是什么？")):
            list(pool.map(lambda photo, q=questions[0]: client.ask(photo, q), photos))
            client.choose(photos[0], questions[1], ["shoe", "鞋"])
        client.embed(photos[1])
        with suppress(InvalidRequestError):
            client.ask(photos[0][:200], "What is it?")


@pytest.fixture(scope="module")
def series(traffic: str) -> Series:
    with urllib.request.urlopen(traffic) as page:  # noqa: S310  our own server
        families = text_string_to_metric_families(page.read().decode())
    # The names as they are written: the library adds "_total" to counters, the server does not always.
    found = [(sample.name, sample.labels) for family in families for sample in family.samples]
    return found + [(name.removesuffix("_total"), labels) for name, labels in found]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_names_metrics_and_labels_that_the_server_has(name: str, series: Series) -> None:
    query = QUERIES[name]
    found = selectors(query)
    assert found, query
    bare = set(re.findall(r"\b((?:nv|vitrine)_\w+)", query)) - {metric for metric, _ in found}
    assert not bare, "each metric is selected with its job"
    for metric, matchers in found:
        assert ("job", "=", CONFIG["scrape_configs"][0]["job_name"]) in matchers
        if metric in GPU_ONLY | FROM_PROMETHEUS:
            continue
        own = [matcher for matcher in matchers if matcher[0] != "job"]
        chosen = [labels for known, labels in series if known == metric and matches(labels, own)]
        assert chosen, f"/metrics has no {metric} with {own}"
        for label in {word.strip() for inside in re.findall(r"by \(([^)]*)\)", query) for word in inside.split(",")}:
            assert any(label in labels for labels in chosen), f"{metric} has no label {label}"


def test_the_gpus_metrics_are_the_only_ones_that_were_not_seen(series: Series) -> None:
    used = {metric for query in QUERIES.values() for metric, _ in selectors(query)}
    assert used - {name for name, _ in series} == GPU_ONLY | FROM_PROMETHEUS


@pytest.fixture(scope="module")
def prometheus(traffic: str, server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that sees this server each second."""
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus_of(traffic, folder, OBSERVE / "prometheus/alerts.yml", every="1s") as url:
        for _ in range(3):  # counters must grow for a rate to be one
            _send(server_url)
            time.sleep(1.5)
        yield url


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_real_prometheus_answers_the_panel(panel: dict[str, Any], prometheus: str) -> None:
    for target in panel["targets"]:
        query = target["expr"].replace("$__rate_interval", "30s").replace("$__range", "1m")
        result = asked(prometheus, query)
        if GPU_ONLY & {metric for metric, _ in selectors(query)}:
            continue
        assert result, query
        assert any(float(row["value"][1]) == float(row["value"][1]) for row in result), f"only NaN: {query}"
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert all(label in row["metric"] for row in result), label


def test_a_real_prometheus_evaluates_all_alerts_and_none_fires(prometheus: str) -> None:
    wait_until(lambda: all(rule["health"] == "ok" for rule in rules_of(prometheus)))
    states = {rule["name"]: rule["state"] for rule in rules_of(prometheus)}
    assert set(states) == {alert["alert"] for alert in ALERTS}
    assert "firing" not in states.values(), states  # a slow machine may be near it


def test_each_alert_fires_when_it_should_and_not_before(tmp_path: Path) -> None:
    cases = Path(__file__).with_name("alerts_test.yml").read_text("utf-8")
    bare = [{key: value for key, value in alert.items() if key != "annotations"} for alert in ALERTS]
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump({"groups": [{"name": "vitrine", "rules": bare}]}), "utf-8")
    (tmp_path / "alerts_test.yml").write_text(cases, "utf-8")
    done = subprocess.run(
        [require_program("promtool", "prometheus"), "test", "rules", str(tmp_path / "alerts_test.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tried = [case for test in yaml.safe_load(cases)["tests"] for case in test["alert_rule_test"]]
    for fires in (True, False):
        assert {case["alertname"] for case in tried if bool(case["exp_alerts"]) == fires} == {
            alert["alert"] for alert in ALERTS
        }


def test_promtool_accepts_both_files_and_their_annotations() -> None:
    for command in (["check", "config", "prometheus.yml"], ["check", "rules", "alerts.yml"]):
        done = subprocess.run(
            [require_program("promtool", "prometheus"), *command],
            cwd=OBSERVE / "prometheus",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_it_means_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert alert["annotations"]["summary"].endswith(".")
    assert len(alert["annotations"]["description"]) > 60


def test_the_dashboard_is_whole() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        box = panel["gridPos"]
        cells = {(x, y) for x in range(box["x"], box["x"] + box["w"]) for y in range(box["y"], box["y"] + box["h"])}
        assert not cells & taken, f"{panel['title']} lies on another panel"
        assert max(x for x, _ in cells) < ROW_PX
        taken |= cells
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]


def test_the_dashboard_asks_the_data_source_that_is_provisioned() -> None:
    [source] = yaml.safe_load((OBSERVE / "grafana/provisioning/datasources/prometheus.yml").read_text("utf-8"))[
        "datasources"
    ]
    used = {(t["datasource"]["type"], t["datasource"]["uid"]) for panel in PANELS for t in panel["targets"]}
    assert used == {(source["type"], source["uid"])}
    services = resolved()
    host, port = urllib.parse.urlsplit(source["url"]).netloc.split(":")
    assert any(published.endswith(f":{port}/tcp") for published in published_by(services[host]))


def test_both_programs_read_their_files_from_where_they_are_mounted() -> None:
    services = resolved()
    [provider] = yaml.safe_load((OBSERVE / "grafana/provisioning/dashboards/vitrine.yml").read_text("utf-8"))[
        "providers"
    ]
    grafana, prometheus = mounts_of(services["grafana"]), mounts_of(services["prometheus"])
    assert Path(grafana[provider["options"]["path"]][0]) == OBSERVE / "grafana/dashboards"
    assert Path(grafana["/etc/grafana/provisioning"][0]) == OBSERVE / "grafana/provisioning"
    assert Path(prometheus["/etc/prometheus"][0]) == OBSERVE / "prometheus"
    scraped = CONFIG["scrape_configs"][0]["static_configs"][0]["targets"]
    for name in ("triton", "triton-cpu"):
        assert scraped == [f"{alias}:8002" for alias in services[name]["networks"]["default"]["aliases"]]
