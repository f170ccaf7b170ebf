"""Fits the confidence of a line on drawn labels."""

import json
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm
from vitrine_client import GrpcTransport
from vitrine_client.calls import bytes_tensor
from vitrine_client.reading import Line as ClientLine

from catalogue.dataset import first_seed
from catalogue.labels import label_from_seed
from catalogue.photos import photo_from_seed
from evaluation.read_lines import matched
from evaluation.text import TextOptions
from serving.triton.integrity import read_manifest
from vitrine_steps.reading.certainty import CALIBRATION_FORMAT, doubts
from vitrine_steps.reading.found import Found, found_from_tensor

_DEFAULT_RISK = 0.05


def fit_lines(url: str, options: TextOptions) -> dict[str, Any]:
    """Read labels, and fit how likely a line is exact by what speaks against it."""
    transport = GrpcTransport(url)

    def label_rows(seed: int) -> list[tuple[tuple[float, ...], bool]]:
        label = label_from_seed(seed, "zh" if seed % 2 else "en")
        found = _found(transport, label.jpeg_bytes())
        as_read = [ClientLine(line.text, tuple((x, y) for x, y in line.box), None, "sure") for line in found.lines]
        rows = [row for row in matched(label, as_read) if len(row.read) == 1]
        return [(doubts(found.lines[as_read.index(row.read[0])]), row.is_exact) for row in rows]

    def bare_rows(seed: int) -> list[tuple[tuple[float, ...], bool]]:
        """What is found where nothing is written is wrong, however likely its characters are."""
        return [(doubts(line), False) for line in _found(transport, photo_from_seed(seed).jpeg_bytes()).lines]

    labels = range(options.first_label, options.first_label + options.labels)
    bare = range(first_seed("train"), first_seed("train") + options.labels)
    with ThreadPoolExecutor(options.threads) as pool:
        found = chain(pool.map(label_rows, labels), pool.map(bare_rows, bare))
        bar = tqdm(found, total=len(labels) + len(bare), desc="photos", disable=None)
        rows = [row for of_photo in bar for row in of_photo]
    transport.close()
    inputs, right = [row[0] for row in rows], [row[1] for row in rows]
    model = LogisticRegression(C=100.0, max_iter=1000).fit(np.array(inputs), np.array(right))
    return {
        "format": CALIBRATION_FORMAT,
        "method": f"logistic regression, scikit-learn {version('scikit-learn')}",
        "sha256": read_manifest(options.repository)["text"]["sha256"],
        "lines": len(right),
        "right": int(sum(right)),
        "weights": [round(float(weight), 5) for weight in model.coef_[0]],
        "bias": round(float(model.intercept_[0]), 5),
        "default_risk": _DEFAULT_RISK,
    }


def _found(transport: GrpcTransport, photo: bytes) -> Found:
    inputs = {"IMAGE": bytes_tensor(photo)}
    tensors = transport.infer("photo_text", inputs, ("PHOTO_TEXT",), timeout_s=60.0, request_id="")
    return found_from_tensor(tensors["PHOTO_TEXT"])


def write_calibration(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    print(f"wrote {file}: {content['right']} of {content['lines']} lines right")
