"""What the chart says agrees with the compose file, with the images and with itself."""

import json
from typing import Any

import helm_python
import pytest
import yaml

from command_line.options import options_from_arguments
from desk.options import DeskOptions
from serving.container import ContainerOptions
from serving.supervision.restart_policy import RestartPolicy
from serving.supervision.server import DRAIN_TIMEOUT_S
from serving.triton.command import ServerSettings
from serving.triton.redis_cache import PASSWORD_VARIABLE
from tests.helpers.chart import CHART, NAMESPACE, VALUE_SETS, Manifest, find, rendered, values_of
from tests.helpers.compose import ROOT, VARIABLE, resolved

DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
NAME = "shop-vitrine"
SERVERS = f"{NAME}-servers"


def pods_of(manifest: Any) -> list[Manifest]:
    """Specs of pods, wherever they are in a manifest."""
    if isinstance(manifest, list):
        return [pod for one in manifest for pod in pods_of(one)]
    if not isinstance(manifest, dict):
        return []
    own = [manifest["spec"]] if "containers" in (manifest.get("spec") or {}) and "kind" not in manifest else []
    return own + [pod for one in manifest.values() for pod in pods_of(one)]


def triton_of(name: str) -> tuple[Manifest, Manifest]:
    """The pod of a server, and its container, of one of the chart's own sets of values."""
    pod = find(rendered(values_of(name)), "Deployment", NAME)["spec"]["template"]["spec"]
    return pod, pod["containers"][0]


@pytest.fixture(scope="module")
def everything() -> list[Manifest]:
    return rendered(values_of("all"))


def test_a_pod_can_do_no_more_than_it_must() -> None:
    pods = [pod for name in VALUE_SETS for pod in pods_of(rendered(values_of(name)))]
    assert len(pods) > 5
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["topologySpreadConstraints"]
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            mounts = {one["name"] for one in container["volumeMounts"]}
            assert mounts <= {one["name"] for one in pod["volumes"]}


def _desk_of_compose() -> Manifest:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    desk: Manifest = yaml.safe_load(VARIABLE.sub(r"\2", text))["services"]["desk"]
    return desk


def test_no_secret_stands_in_what_is_rendered(everything: list[Manifest]) -> None:
    assert "Secret" not in {one["kind"] for one in everything}
    for pod in pods_of(everything):
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            plain = {one["name"] for one in container.get("env", []) if "value" in one}
            assert not [name for name in plain if "PASSWORD" in name or name == "VITRINE_FEEDBACK"]


def test_images_and_arguments_are_those_of_the_compose_file(everything: list[Manifest]) -> None:
    services = {**resolved(), "desk": _desk_of_compose()}
    images = {"triton": DEFAULTS["triton"], "gateway": DEFAULTS["gateway"], "desk": DEFAULTS["desk"]}
    assert {name: part["image"] for name, part in images.items()} == {name: services[name]["image"] for name in images}
    envoy = find(everything, "Deployment", f"{NAME}-gateway")["spec"]["template"]["spec"]["containers"][0]
    assert envoy["command"] == services["gateway"]["entrypoint"]
    assert envoy["args"] == services["gateway"]["command"]
    desk = find(everything, "Deployment", f"{NAME}-desk")["spec"]["template"]["spec"]["containers"][0]
    assert desk["args"] == [one.replace("vitrine:8001", f"{SERVERS}:8001") for one in services["desk"]["command"]]
    _, triton = triton_of("cpu")
    assert set(services["triton-cpu"]["command"]) - {"--redis="} == set(triton["args"]) - {"--ready-timeout=300"}
    assert triton["startupProbe"]["exec"]["command"] == services["triton"]["healthcheck"]["test"][1:]
    assert triton["readinessProbe"]["exec"] == triton["startupProbe"]["exec"]
    assert DEFAULTS["triton"]["sharedMemory"] == "2Gi", "as VITRINE_SHM_SIZE"
    assert services["triton"]["shm_size"] == str(2 * 2**30)


@pytest.mark.parametrize("name", [name for name in VALUE_SETS if name != "kserve"])
def test_the_programs_take_their_arguments(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = rendered(values_of(name))
    for kind, part in ((ContainerOptions, NAME), (DeskOptions, f"{NAME}-desk")):
        for manifest in (one for one in manifests if one["kind"] == "Deployment" and one["metadata"]["name"] == part):
            arguments = manifest["spec"]["template"]["spec"]["containers"][0]["args"]
            monkeypatch.setattr("sys.argv", ["program", *arguments])
            assert options_from_arguments(kind, "program")


def test_ports_are_those_that_the_server_has() -> None:
    _, triton = triton_of("cpu")
    ports = {one["name"]: one["containerPort"] for one in triton["ports"]}
    assert ports == {"grpc": ServerSettings.grpc_port, "metrics": ServerSettings.metrics_port}
    assert triton["livenessProbe"]["grpc"] == {"port": ServerSettings.grpc_port}
    _, encrypted = triton_of("gpu")
    assert encrypted["livenessProbe"]["tcpSocket"] == {"port": "grpc"}, "the kubelet's gRPC probe speaks no TLS"


def test_what_was_accepted_is_answered_before_the_kill() -> None:
    pod, triton = triton_of("cpu")
    leave_s = triton["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert leave_s > 0, "callers hear of it before the server does"
    assert pod["terminationGracePeriodSeconds"] > leave_s + DRAIN_TIMEOUT_S + 5


def test_the_cluster_restarts_a_server_after_its_own_supervisor_has_tried() -> None:
    _, triton = triton_of("cpu")
    live = triton["livenessProbe"]
    ready_s = DEFAULTS["triton"]["readyTimeoutS"]
    assert live["periodSeconds"] * live["failureThreshold"] > RestartPolicy().slow_delay_s + ready_s
    start = triton["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] > ready_s


@pytest.mark.parametrize(
    ("name", "containers", "volume"),
    [
        ("cpu", [], {"persistentVolumeClaim": {"claimName": "vitrine-repository", "readOnly": True}}),
        ("gpu", ["check"], {"image": {"reference": "registry.example/vitrine-shop:3d14cf961516"}}),
        ("hpa", ["copy"], {"emptyDir": {}}),
        ("all", ["copy", "check"], {"emptyDir": {}}),
    ],
)
def test_the_repository_comes_from_where_it_is(name: str, containers: list[str], volume: dict[str, Any]) -> None:
    pod, triton = triton_of(name)
    assert [one["name"] for one in pod.get("initContainers", [])] == containers
    assert {"name": "repository", **volume} in pod["volumes"]
    [mount] = [one for one in triton["volumeMounts"] if one["name"] == "repository"]
    assert mount["readOnly"] is True
    assert (mount["mountPath"], mount.get("subPath")) == ("/models", None if "emptyDir" in volume else "models")
    for one in pod.get("initContainers", []):
        if one["name"] == "check":
            assert one["image"] == triton["image"]
            assert mount in one["volumeMounts"]


def test_certificates_have_the_names_that_the_server_reads() -> None:
    def files(name: str) -> set[str]:
        pod, _ = triton_of(name)
        [tls] = [one["projected"] for one in pod["volumes"] if one["name"] == "tls"]
        assert tls["defaultMode"] == 0o440, "root's, lent to our group: what `require_private` lets pass"
        return {item["path"] for one in tls["sources"] if "secret" in one for item in one["secret"]["items"]}

    encrypted = {"server.crt", "server.key", "ca.crt", "client-ca.crt", "canary.crt", "canary.key"}
    assert files("gpu") == encrypted
    assert files("all") == {"redis-ca.crt"}
    assert find(rendered(values_of("all")), "ConfigMap", f"{NAME}-no-tls")["data"] == {"plain-text": ""}
    assert "ConfigMap" not in {one["kind"] for one in rendered(values_of("gpu"))}


def test_redis_takes_the_place_of_the_memory() -> None:
    _, triton = triton_of("all")
    assert "--redis=redis:6379" in triton["args"]
    assert not [one for one in triton["args"] if one.startswith("--cache-mib")]
    [password] = triton["env"]
    assert password["name"] == PASSWORD_VARIABLE


def test_every_selector_finds_pods(everything: list[Manifest]) -> None:
    templates = [one["spec"]["template"] for one in everything if one["kind"] == "Deployment"]
    templates += [
        one["spec"]["rayClusterSpec"]["headGroupSpec"]["template"] for one in everything if one["kind"] == "RayJob"
    ]
    pods = [template["metadata"]["labels"] for template in templates]
    found = 0
    for one in everything:
        spec = one.get("spec", {})
        selector = spec.get("selector") or spec.get("podSelector")
        if one["kind"] in ("Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"):
            assert selector, one["kind"]
            wanted = selector.get("matchLabels", selector)
            assert len([labels for labels in pods if wanted.items() <= labels.items()]) == 1, one["metadata"]["name"]
            found += 1
    assert found >= 9
    monitor = find(everything, "ServiceMonitor", NAME)["spec"]
    services = [one for one in everything if one["kind"] == "Service"]
    wanted = monitor["selector"]["matchLabels"]
    [service] = [one for one in services if wanted.items() <= one["metadata"]["labels"].items()]
    assert service["metadata"]["labels"][monitor["jobLabel"]] == "vitrine", "the job that dashboard and alerts name"
    assert monitor["endpoints"][0]["port"] in {one["name"] for one in service["spec"]["ports"]}


def test_callers_can_see_every_server() -> None:
    service = find(rendered(values_of("cpu")), "Service", SERVERS)["spec"]
    assert service["clusterIP"] == "None"
    assert {one["port"] for one in service["ports"]} == {ServerSettings.grpc_port, ServerSettings.metrics_port}


def test_the_gateways_configuration_is_the_tested_one_with_another_servers_name(everything: list[Manifest]) -> None:
    tested = (ROOT / "deploy/gateway/envoy.yaml").read_text("utf-8")
    assert tested.count("address: vitrine\n") == 1
    written = find(everything, "ConfigMap", f"{NAME}-gateway")["data"]["envoy.yaml"]
    assert yaml.safe_load(written) == yaml.safe_load(tested.replace("address: vitrine\n", f"address: {SERVERS}\n"))


def test_dashboard_and_alerts_are_the_tested_ones(everything: list[Manifest]) -> None:
    dashboard = find(everything, "ConfigMap", f"{NAME}-dashboard")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    tested = (ROOT / "deploy/observe/grafana/dashboards/vitrine.json").read_text("utf-8")
    assert json.loads(dashboard["data"]["vitrine.json"]) == json.loads(tested)
    alerts = yaml.safe_load((ROOT / "deploy/observe/prometheus/alerts.yml").read_text("utf-8"))
    assert find(everything, "PrometheusRule", NAME)["spec"] == alerts


def test_the_packed_chart_holds_what_lies_elsewhere(tmp_path: Any) -> None:
    packed = helm_python.package(CHART, destination=tmp_path)
    with helm_python.Chart.load(packed) as chart:
        assert {"files/envoy.yaml", "files/alerts.yml", "files/vitrine.json"} <= {one["name"] for one in chart.files}
        assert chart.render(values_of("all"), name="shop", namespace=NAMESPACE)
