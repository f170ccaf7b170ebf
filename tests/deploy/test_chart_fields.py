"""Helm accepts the chart; the Kubernetes API knows each field of what it renders; wrong values are refused in words."""

import json
import re
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml

from tests.helpers.chart import (
    BY_HAND,
    CHART,
    CRD_FILES,
    KUBERNETES,
    VALUE_SETS,
    misspelt,
    rendered,
    validator_of,
    values_of,
)

KINDS = {
    ("ConfigMap", "v1"), ("Deployment", "apps/v1"), ("Service", "v1"), ("PodDisruptionBudget", "policy/v1"),
    ("NetworkPolicy", "networking.k8s.io/v1"), ("HorizontalPodAutoscaler", "autoscaling/v2"),
    ("ScaledObject", "keda.sh/v1alpha1"), ("ServiceMonitor", "monitoring.coreos.com/v1"),
    ("PrometheusRule", "monitoring.coreos.com/v1"), ("RayJob", "ray.io/v1"),
    ("ServingRuntime", "serving.kserve.io/v1alpha1"), ("InferenceService", "serving.kserve.io/v1beta1"),
}  # fmt: skip


def test_the_sets_of_values_render_every_kind() -> None:
    found = {(one["kind"], one["apiVersion"]) for name in VALUE_SETS for one in rendered(values_of(name))}
    assert found == KINDS


@pytest.mark.parametrize("name", VALUE_SETS)
def test_helm_finds_nothing_to_say(name: str) -> None:
    report = helm_python.lint(CHART, values_of(name), strict=True, kube_version=f"v{KUBERNETES}.0")
    assert report["errors"] == []
    assert [one["error"] for one in report["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize("name", VALUE_SETS)
def test_kubernetes_knows_what_is_rendered(name: str) -> None:
    core = [one for one in rendered(values_of(name)) if one["kind"] not in {*BY_HAND, *CRD_FILES}]
    assert core
    for manifest in core:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


@pytest.mark.parametrize(("kind", "api_version"), sorted(KINDS))
def test_a_misspelt_field_is_found_wherever_it_is(kind: str, api_version: str) -> None:
    """So is one in a template."""
    validator = validator_of(kind, api_version)
    tried: set[str] = set()
    for name in VALUE_SETS:
        for manifest in (one for one in rendered(values_of(name)) if one["kind"] == kind):
            assert not [error.message for error in validator.iter_errors(manifest)]
            for where, wrong in misspelt(manifest):
                if (field := re.sub(r"\d+", "", where)) not in tried:
                    assert not validator.is_valid(wrong), f"{kind}: {where} could be misspelt"
                    tried.add(field)
    assert len(tried) >= 6, "apiVersion, kind, metadata with its two, and at least one of its own"


def test_no_field_of_a_template_stays_unrendered() -> None:
    """So no part of a template escapes the tests above."""

    def keys(manifest: object) -> set[str]:
        if isinstance(manifest, list):
            return {key for one in manifest for key in keys(one)}
        return set(manifest) | keys([*manifest.values()]) if isinstance(manifest, dict) else set()

    written = "\n".join(file.read_text("utf-8") for file in (CHART / "templates").glob("*.*l"))
    without_code = re.sub(r"\{\{.*?\}\}", "", written, flags=re.DOTALL)
    fields = set(re.findall(r"(?:^ *|- |\{ ?|, )([a-zA-Z]+):(?= |$)", without_code, re.MULTILINE))
    assert len(fields) > 80
    assert fields - {key for name in VALUE_SETS for key in keys(rendered(values_of(name)))} == set()


def leaves(schema: dict[str, Any], values: object, place: str = "") -> list[tuple[str, dict[str, Any], object]]:
    """Each value that can be set: its place, its schema, its default."""
    found = [(place, schema, values)] if place else []
    for key, inside in schema.get("properties", {}).items():
        assert isinstance(values, dict)
        found += leaves(inside, values[key], f"{place}.{key}".lstrip("."))
    return found


def test_every_value_is_explained_where_it_is_set() -> None:
    text = (CHART / "values.yaml").read_text("utf-8")
    comments = " ".join(re.sub(r"^\s*# ?", "", line) for line in text.splitlines() if line.lstrip().startswith("#"))
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    defaults = yaml.safe_load(text)
    known = leaves(schema, defaults)
    assert {place for place, *_ in known if "." not in place} == set(defaults)
    for place, inside, value in known:
        assert inside["description"] in comments, f"values.yaml explains {place} in other words"
        if (
            isinstance(value, dict)
            and "$ref" not in inside
            and not isinstance(inside.get("additionalProperties"), dict)
        ):
            assert inside["additionalProperties"] is False, place
            assert set(inside["properties"]) == set(value), place


def test_the_schema_leaves_no_object_open() -> None:
    def objects(schema: object) -> list[dict[str, Any]]:
        if isinstance(schema, list):
            return [one for inside in schema for one in objects(inside)]
        if not isinstance(schema, dict):
            return []
        own = [schema] if schema.get("type") == "object" else []
        return own + [one for inside in schema.values() for one in objects(inside)]

    found = objects(json.loads((CHART / "values.schema.json").read_text("utf-8")))
    assert len(found) > 10
    assert all(one["additionalProperties"] is False or one["additionalProperties"]["type"] for one in found)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown value": ({"tritn": {}}, "additional properties 'tritn' not allowed"),
    "an unknown value inside": ({"triton": {"replica": 2}}, "at '/triton': additional properties 'replica'"),
    "a text for a number": ({"triton": {"replicas": "2"}}, "at '/triton/replicas': got string, want integer"),
    "an unknown resource field": ({"desk": {"resources": {"limit": {}}}}, "at '/desk/resources': additional"),
    "a kind of cache": ({"cache": {"kind": "file"}}, "at '/cache/kind': value must be one of 'local', 'redis'"),
    "half a digest": ({"repository": {"sha256": "abc"}}, "at '/repository/sha256': 'abc' does not match pattern"),
    "no repository": ({"repository": {"claim": ""}}, "0 of repository.image, repository.claim and repository.url"),
    "two repositories": ({"repository": {"url": "s3:x"}}, "2 of repository.image, repository.claim and repository.url"),
    "a Redis without a name": ({"cache": {"kind": "redis"}}, "name it in cache.redis.host"),
    "a gateway without keys": ({"gateway": {"enabled": True}}, "needs gateway.tlsSecret and gateway.keysSecret"),
    "a desk without a database": ({"desk": {"enabled": True}}, "needs desk.keysSecret and desk.databaseSecret"),
    "TLS behind the gateway": (
        {"triton": {"tls": {"secret": "x"}}, "gateway": {"enabled": True, "tlsSecret": "t", "keysSecret": "k"}},
        "leave triton.tls.secret empty",
    ),
    "callers' certificates alone": ({"triton": {"tls": {"clientsSecret": "x"}}}, "needs triton.tls.secret"),
    "more at least than at most": ({"autoscaling": {"minReplicas": 9}}, "minReplicas is more than"),
    "a bulk run of nothing": ({"bulk": {"enabled": True}}, "needs bulk.image and bulk.entrypoint"),
    "KServe beside the gateway": (
        {"kserve": {"enabled": True, "storageUri": "s3://x"}, "autoscaling": {"kind": "hpa"}},
        "serves and scales by itself",
    ),
    "KServe of nothing": ({"kserve": {"enabled": True}}, "kserve.storageUri is empty"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_values_are_refused_in_words(name: str) -> None:
    values, words = REFUSED[name]
    asked = {**values, "repository": {"claim": "models", **values.get("repository", {})}}
    with pytest.raises(helm_python.HelmError) as refused:
        rendered(asked)
    assert words in str(refused.value)
