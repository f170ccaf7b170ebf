"""`manifest.json`: what a built repository was made of, with what, and how it compared."""

import hashlib
import json
import math
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
from onnx import AttributeProto, GraphProto

from builders.checkpoint.digests import sha256_of_file, sha256_of_folder
from builders.embedding.add import EmbeddingEvidence
from builders.graphs.cache import Graphs
from builders.parity.compare import Comparison
from builders.parity.proof import Proof, write_ranges
from builders.parity.report import report_rows
from builders.precision.auto import Trial
from builders.repository.cached_input import name_cached_inputs
from builders.specification import Specification
from builders.targets import Target
from builders.text.add import TextEvidence
from vitrine_steps.file_format import MANIFEST_FORMAT

_VERSIONS_OF = ("torch", "transformers", "tokenizers", "onnx", "onnxscript", "onnxruntime", "pillow", "numpy")


@dataclass(frozen=True)
class Evidence:
    """How a build compared with its checkpoint."""

    proof: Proof | None
    """None: the graphs are in FP32."""
    trials: Sequence[Trial]
    """Variants in INT8; none where they were not asked for."""
    comparison: Comparison | None
    """The engines against the reference; None: nothing here can run them."""
    text: TextEvidence | None
    """What reads text, and how it compared; None: the build reads none."""
    embedding: EmbeddingEvidence | None
    """What makes photos' vectors, and how it compared; None: the checkpoint's own encoder does."""


def write_manifest(
    folder: Path, spec: Specification, target: Target, graphs: Graphs, evidence: Evidence, build_s: float
) -> None:
    """Write `manifest.json` into the repository `folder`; and `activation_ranges.json` where they were measured."""
    proof, trials, made_of = evidence.proof, evidence.trials, spec.checkpoint
    of_photos = evidence.comparison or proof
    assert of_photos
    if proof:
        write_ranges(folder, proof)
    manifest = {
        "format": MANIFEST_FORMAT,
        "checkpoint": {"name": made_of.name, "revision": made_of.revision, "sha256": made_of.sha256},
        "target": spec.target,
        "precision": spec.precision,
        "decode_strategy": spec.strategy,
        **_prompt(spec),
        "dimensions": asdict(spec.dimensions),
        "batch": {"min": 1, **asdict(spec.serving.batch)},
        "cores": spec.serving.cores,
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "build_s": round(build_s, 1),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _VERSIONS_OF}},
        "engines": {
            name: _engine_sizes(folder, graphs, target, name) for name in (engine.name for engine in spec.engines)
        },
        **({"gpu": target.facts} if target.facts else {}),
        **(_half_precision(proof) if proof else {}),
        **({"low_precision": [asdict(trial) for trial in trials]} if trials else {}),
        "draft_ratio": of_photos.draft_ratio,
        "parity": report_rows(evidence.comparison.reports) if evidence.comparison else [],
        **({"text": evidence.text.facts()} if evidence.text else {}),
        **({"photo_vectors": evidence.embedding.facts()} if evidence.embedding else {}),
    }
    _write_signed(folder, manifest)


def renew_digests(folder: Path) -> None:
    """Note every file's SHA-256 anew, after a repository was changed on purpose; a server refuses it otherwise."""
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    _write_signed(folder, manifest)


def _write_signed(folder: Path, manifest: dict[str, Any]) -> None:
    """With every file's digest, and a release's name that changes with any of them."""
    name_cached_inputs(folder, "")
    sha256 = sha256_of_folder(folder)
    release = hashlib.sha256(json.dumps(sha256, sort_keys=True).encode()).hexdigest()[:12]
    name_cached_inputs(folder, release)
    configs = {str(file.relative_to(folder)): sha256_of_file(file) for file in folder.glob("*/config.pbtxt")}
    name = manifest["checkpoint"]["name"].rpartition("/")[2]
    named = {"release": f"{name}-{release}", "sha256": sha256 | configs}
    _write_json(folder / "manifest.json", manifest | named)


def _prompt(spec: Specification) -> dict[str, Any]:
    prompt = spec.checkpoint.parts.prompt
    if not prompt:
        return {}
    refusals = spec.checkpoint.settings.cannot_tell_answers
    return {"prompt": prompt.text, "instruction": spec.instruction, "cannot_tell_answers": refusals}


def _half_precision(proof: Proof) -> dict[str, Any]:
    return {"graphs_parity": report_rows(proof.reports), "near_limit": proof.ranges["near"]}


def _engine_sizes(folder: Path, graphs: Graphs, target: Target, name: str) -> dict[str, Any]:
    """An engine that stores its weights once is about as large as they are; one with a second copy, twice."""
    engine = folder / name / "1" / target.engine_file
    engine_bytes = sum(
        f.stat().st_size for f in engine.parent.glob(f"{engine.stem}*") if f.suffix not in (".json", ".log")
    )
    weights_bytes = sum(_initializer_bytes(onnx.load(graphs.file(name), load_external_data=False).graph))
    return {
        "file": f"{name}/1/{target.engine_file}",
        "bytes": engine_bytes,
        "weights_bytes": weights_bytes,
        "bytes_over_weights": round(engine_bytes / weights_bytes, 3),
    }


def _initializer_bytes(graph: GraphProto) -> Iterator[int]:
    for tensor in graph.initializer:
        yield math.prod(tensor.dims) * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from _initializer_bytes(attribute.g)


def _write_json(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n", encoding="utf-8")
