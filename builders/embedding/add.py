"""Adds the encoder of photos' vectors to a repository, and holds it to its package's own network."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from builders.dimensions import BatchRange
from builders.embedding.engine import embedding_engine_spec
from builders.embedding.weights import EmbeddingWeights
from builders.graphs.cache import Graphs
from builders.parity.onnx_engine import onnx_engine
from builders.parity.report import OutputReport, parity_table, report_rows, require_parity, vector_report
from builders.parity.tolerances import PARITY_LIMITS, TOLERANCES
from builders.repository.source import limit
from builders.stages import Stages
from builders.targets import Target
from vitrine_steps.photo.pixels import pixels_from_photo


@dataclass(frozen=True)
class EmbeddingEvidence:
    weights: EmbeddingWeights
    precision: str
    reports: list[OutputReport]

    def facts(self) -> dict[str, Any]:
        """Return what the manifest says of it."""
        return self.weights.facts() | {"precision": self.precision, "parity": report_rows(self.reports)}


def add_embedding_encoder(
    folder: Path, weights: EmbeddingWeights, target: Target, batch: BatchRange, photos: Sequence[bytes], stage: Stages
) -> EmbeddingEvidence:
    """Make the engine of a repository that is written but for its engine files.

    Its precision is FP32 on a processor and FP16 under TensorRT, whatever the checkpoint's engines are in.

    Args:
        photos: encoded, of the parity check.

    Raises:
        BuildError: its vectors are not the reference's.
    """
    from builders.embedding.network import reference_vectors  # brings torch and the extra's package
    from builders.graphs.export import export_engine

    spec = embedding_engine_spec()
    precision = "fp32" if target.engine_file == "model.onnx" else "fp16"
    file = target.files(folder, [spec])[spec.name]
    [pixels_spec] = spec.inputs
    with tempfile.TemporaryDirectory() as work, stage(f"embedding encoder to {target.engine_file}, {precision}"):
        graph = Graphs(Path(work)).file(spec.name)
        graph.parent.mkdir()
        export_engine(spec, spec.module(weights, precision), graph)
        target.compile(spec, graph, file, batch)
        engine = target.engine(file) if target.engine else onnx_engine(graph)
    with stage("vectors as the package's own network makes them"):
        draft_ratio, side_px = limit("embedding_preprocess", "draft_ratio"), int(pixels_spec.traced(1)[1])
        pixels = np.stack(
            [pixels_from_photo(p, side_px=side_px, limits=PARITY_LIMITS, draft_ratio=draft_ratio) for p in photos]
        )
        runs = [pixels[first : first + batch.max] for first in range(0, len(pixels), batch.max)]
        found = np.concatenate([engine({pixels_spec.name: run})[spec.outputs[0]] for run in runs])
        expected = reference_vectors(weights, pixels)
        reports = [vector_report(spec.outputs[0], found, expected, TOLERANCES[precision].min_cosine)]
    print(parity_table(reports), flush=True)
    require_parity(reports, what="the embedding encoder's vectors")
    return EmbeddingEvidence(weights, precision, reports)
