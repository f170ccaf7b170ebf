"""The Helm chart as Helm itself renders it, and what the Kubernetes API and the operators' own say of each field."""

import functools
import importlib.resources
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml
from jsonschema.validators import Draft202012Validator
from referencing import Registry, Resource

from tests.helpers.compose import ROOT

CHART = ROOT / "deploy" / "helm" / "vitrine"
VALUE_SETS = sorted(file.stem for file in (CHART / "ci").glob("*.yaml"))
KUBERNETES = "1.37"
RELEASE, NAMESPACE = "shop", "vqa"
CRD_FILES = {
    "ScaledObject": "keda.sh_scaledobjects.yaml",
    "ServingRuntime": "serving.kserve.io_servingruntimes.yaml",
    "InferenceService": "serving.kserve.io_inferenceservices.yaml",
}
_API = "/api/_definitions.json#/$defs/io.k8s."
_METADATA = {"$ref": f"{_API}apimachinery.pkg.apis.meta.v1.ObjectMeta"}
_POD = {"$ref": f"{_API}api.core.v1.PodTemplateSpec"}
_TEXT, _COUNT, _TEXTS = (
    {"type": "string"},
    {"type": "integer"},
    {"type": "object", "additionalProperties": {"type": "string"}},
)

Manifest = dict[str, Any]


def _only(**properties: object) -> Manifest:
    """Return the schema of an object that has these properties and no others."""
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _list(of: object) -> Manifest:
    return {"type": "array", "items": of}


_RAY_GROUP = {"rayStartParams": _TEXTS, "template": _POD}
_WORKERS = {"groupName": _TEXT, "replicas": _COUNT, "minReplicas": _COUNT, "maxReplicas": _COUNT}
_RULE = _only(**{"alert": _TEXT, "expr": _TEXT, "for": _TEXT, "labels": _TEXTS, "annotations": _TEXTS})
BY_HAND = {
    "ServiceMonitor": _only(
        jobLabel=_TEXT, selector=_only(matchLabels=_TEXTS), endpoints=_list(_only(port=_TEXT, interval=_TEXT))
    ),
    "PrometheusRule": _only(groups=_list(_only(name=_TEXT, rules=_list(_RULE)))),
    "RayJob": _only(
        entrypoint=_TEXT,
        shutdownAfterJobFinishes={"type": "boolean"},
        rayClusterSpec=_only(
            rayVersion=_TEXT,
            headGroupSpec=_only(**_RAY_GROUP),
            workerGroupSpecs=_list(_only(**_RAY_GROUP, **_WORKERS)),
        ),
    ),
}
"""Schemas of `spec` for kinds whose own are not at hand: only the fields that the chart uses, read off their pages."""


@functools.cache
def values_of(name: str) -> Manifest:
    """Read one of the chart's own sets of values."""
    values: Manifest = yaml.safe_load((CHART / "ci" / f"{name}.yaml").read_text("utf-8"))
    return values


def rendered(values: Manifest) -> list[Manifest]:
    """Render the chart.

    Raises:
        helm_python.HelmError: Helm refuses the values.
    """
    with helm_python.Chart.load(CHART) as chart:
        texts = chart.render(values, name=RELEASE, namespace=NAMESPACE)
    files = [text for name, text in sorted(texts.items()) if name.endswith(".yaml")]
    return [one for text in files for one in yaml.safe_load_all(text) if one]


def find(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    [found] = [one for one in manifests if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


@functools.cache
def validator_of(kind: str, api_version: str) -> Draft202012Validator:
    """Make a validator of one kind that knows every field; the test is skipped where an operator's own lacks."""
    folder = (
        importlib.resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{KUBERNETES}.0-local-strict"
    )
    definitions = Resource.from_contents(json.loads((folder / "_definitions.json").read_text("utf-8")))
    registry: Registry = Registry().with_resource("/api/_definitions.json", definitions)
    if kind in BY_HAND or kind in CRD_FILES:
        spec = BY_HAND.get(kind) or _strict(_operators_schema(kind)["properties"]["spec"])
        return Draft202012Validator(
            _only(apiVersion=_TEXT, kind=_TEXT, metadata=_METADATA, spec=spec), registry=registry
        )
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    return Draft202012Validator(
        json.loads((folder / f"{kind.lower()}-{group}.json").read_text("utf-8")), registry=registry
    )


def _operators_schema(kind: str) -> Manifest:
    """Read an operator's own description of a kind, which lies beside the repository or in VITRINE_CRD_SCHEMAS."""
    folder = Path(os.environ.get("VITRINE_CRD_SCHEMAS", ROOT.parent / "shared" / "schemas"))
    if not (folder / CRD_FILES[kind]).is_file():
        # Not part of the repository, so that also CI may lack it.
        pytest.skip(f"needs {CRD_FILES[kind]} of the operator's release, in the folder that VITRINE_CRD_SCHEMAS names")
    [version] = yaml.safe_load((folder / CRD_FILES[kind]).read_text("utf-8"))["spec"]["versions"]
    schema: Manifest = version["schema"]["openAPIV3Schema"]
    return schema


def _strict(schema: Any) -> Any:
    """Refuse what an object does not list, unless it says that it keeps anything."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inside = {key: _strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        inside.setdefault("additionalProperties", False)
    return inside


def _is_free(key: str, value: Any, beside: Manifest) -> bool:
    """Return whether the keys of an object are anybody's own, so that no schema can know them."""
    if key in ("labels", "annotations", "data", "matchLabels", "nodeSelector", "requests", "limits", "rayStartParams"):
        return True
    return (key == "selector" and "matchLabels" not in value) or (key == "metadata" and "type" in beside)  # KEDA's


def misspelt(manifest: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every way to misspell one field: where it is, and the manifest with it."""
    if isinstance(manifest, list):
        for number, one in enumerate(manifest):
            for where, wrong in misspelt(one, f"{place}[{number}]"):
                yield where, [*manifest[:number], wrong, *manifest[number + 1 :]]
    if isinstance(manifest, dict):
        for key, value in manifest.items():
            rest = {other: kept for other, kept in manifest.items() if other != key}
            yield f"{place}.{key}", {**rest, f"{key}x": value}
            if not _is_free(key, value, manifest):
                for where, wrong in misspelt(value, f"{place}.{key}"):
                    yield where, {**rest, key: wrong}
