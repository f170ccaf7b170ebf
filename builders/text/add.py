"""Adds the engines that read text to a repository, and holds them to rapidocr."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from builders.dimensions import BatchRange
from builders.engine_spec import EngineSpec
from builders.graphs.cache import Graphs
from builders.parity.onnx_engine import onnx_engine
from builders.parity.outputs import Engine
from builders.parity.report import OutputReport, parity_table, report_rows, require_parity
from builders.stages import Stages
from builders.targets import Target
from builders.text.engines import TEXT_DETECTOR, TEXT_RECOGNISER
from builders.text.graphs import detector_graph, recogniser_graph
from builders.text.weights import TextWeights
from catalogue.labels import label_from_seed
from vitrine_steps.reading.certainty import CALIBRATION_FILE
from vitrine_steps.reading.sizes import CHARACTERS_FILE

_PHOTOS, _PHOTOS_AS_WIDE = 6, 40
"""Labels of the gate; more where a group is not cut to its width, since 1 line of 318 was read otherwise there."""
_CALIBRATIONS = Path(__file__).with_name("calibrations")


@dataclass(frozen=True)
class TextEvidence:
    weights: TextWeights
    reports: list[OutputReport]

    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        return self.weights.facts() | {"parity": report_rows(self.reports)}


def add_text(
    folder: Path, weights: TextWeights, specs: Sequence[EngineSpec], target: Target, stage: Stages
) -> TextEvidence:
    """Make the text engines of a repository that is written but for its engine files.

    Raises:
        BuildError: they do not read as rapidocr does.
    """
    is_cut = target.engine_file == "model.onnx"
    with tempfile.TemporaryDirectory() as work, stage(f"text detector and recogniser to {target.engine_file}"):
        graphs = write_text_graphs(Path(work), weights, is_cut=is_cut)
        files = target.files(folder, specs)
        for spec in specs:
            target.compile(spec, graphs.file(spec.name), files[spec.name], BatchRange(1, 1))
        opened: dict[str, Engine] = {
            name: target.engine(files[name]) if target.engine else onnx_engine(graphs.file(name)) for name in files
        }
    (folder / "text_decode" / "1" / CHARACTERS_FILE).write_text(
        json.dumps(weights.characters, ensure_ascii=False), "utf-8"
    )
    if calibration := _calibration_of(weights):
        shutil.copy(calibration, folder / "reading_postprocess" / "1" / CALIBRATION_FILE)
    with stage("text as rapidocr reads it"):
        from builders.text.parity import compare_text  # with rapidocr, which a build without text can do without
        from builders.text.read import TextEngines

        engines = TextEngines(opened[TEXT_DETECTOR], opened[TEXT_RECOGNISER], weights.characters)
        reports = compare_text(
            engines, weights, [label_bgr(seed) for seed in range(_PHOTOS if is_cut else _PHOTOS_AS_WIDE)], is_cut=is_cut
        )
    print(parity_table(reports), flush=True)
    require_parity(reports, what="the text engines")
    return TextEvidence(weights, reports)


def _calibration_of(weights: TextWeights) -> Path | None:
    """Find the calibration that was fitted on these very weights."""
    files = sorted(_CALIBRATIONS.glob("*.json"))
    return next((file for file in files if json.loads(file.read_text("utf-8"))["sha256"] == weights.sha256), None)


def write_text_graphs(folder: Path, weights: TextWeights, *, is_cut: bool) -> Graphs:
    """Write both graphs, each into a folder of its own.

    Args:
        is_cut: see `recogniser_graph`.
    """
    graphs = Graphs(folder)
    for name, graph in (
        (TEXT_DETECTOR, detector_graph(onnx.load(str(weights.detector)))),
        (TEXT_RECOGNISER, recogniser_graph(onnx.load(str(weights.recogniser)), is_cut=is_cut)),
    ):
        graphs.file(name).parent.mkdir()
        onnx.save_model(graph, str(graphs.file(name)))
    return graphs


def label_bgr(seed: int) -> NDArray[np.uint8]:
    """Draw a label, [h, w, 3] in BGR."""
    return np.ascontiguousarray(np.asarray(label_from_seed(seed).image)[:, :, ::-1])
