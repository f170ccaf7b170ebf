"""Fits the confidence of a line on drawn labels."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
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

from builders.repository.cached_input import cached_input
from catalogue.dataset import first_seed
from catalogue.labels import LabelPhoto, label_from_seed
from catalogue.photos import photo_from_seed
from evaluation.read_lines import matched
from evaluation.text import TextOptions
from serving.triton.integrity import read_manifest
from vitrine_steps.reading.certainty import CALIBRATION_FORMAT, doubts
from vitrine_steps.reading.found import Found, found_from_tensor

_DEFAULT_RISK = 0.05


def fit_lines(url: str, options: TextOptions) -> dict[str, Any]:
    """Read labels, and fit how likely a line is exact by what speaks against it."""
    transport, image = GrpcTransport(url), cached_input(options.repository, "photo_text")

    def label_rows(seed: int) -> list[tuple[tuple[float, ...], bool]]:
        label = seen_from(label_from_seed(seed, "zh" if seed % 2 else "en"), random.Random(f"seen from {seed}"))
        found = _found(transport, image, label.jpeg_bytes())
        as_read = [ClientLine(line.text, tuple((x, y) for x, y in line.box), None, "sure") for line in found.lines]
        rows = [row for row in matched(label, as_read) if len(row.read) == 1]
        return [(doubts(found.lines[as_read.index(row.read[0])]), row.is_exact) for row in rows]

    def bare_rows(seed: int) -> list[tuple[tuple[float, ...], bool]]:
        """What is found where nothing is written is wrong, however likely its characters are."""
        return [(doubts(line), False) for line in _found(transport, image, photo_from_seed(seed).jpeg_bytes()).lines]

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


def seen_from(label: LabelPhoto, rng: random.Random) -> LabelPhoto:
    """See a third of the labels from afar, so that letters are too small, and a third so near that a few lines fill it.

    Without them, how high letters are would mean nothing but that they are a pattern which was taken for one.
    """
    width, height = label.image.size
    match rng.randrange(3):
        case 0:
            share = rng.uniform(0.3, 0.9)
            return replace(label, image=label.image.resize((round(width * share), round(height * share))))
        case 1:
            corners = np.array(rng.choice(label.lines).box) * (width, height)
            margin = rng.uniform(0.3, 3.0) * float(np.linalg.norm(corners[3] - corners[0]))
            left, top = np.floor(np.maximum(corners.min(0) - margin, 0)).astype(int).tolist()
            right, bottom = np.ceil(np.minimum(corners.max(0) + margin, (width, height))).astype(int).tolist()
            size = (right - left, bottom - top)
            boxes = [(np.array(line.box) * (width, height) - (left, top)) / size for line in label.lines]
            lines = tuple(
                replace(line, box=box.tolist()) for line, box in zip(label.lines, boxes, strict=True)
                if (box >= 0).all() and (box <= 1).all()
            )  # fmt: skip
            return replace(label, image=label.image.crop((left, top, right, bottom)), lines=lines)
        case _:
            return label


def _found(transport: GrpcTransport, image: str, photo: bytes) -> Found:
    inputs = {image: bytes_tensor(photo)}
    tensors = transport.infer("photo_text", inputs, ("PHOTO_TEXT",), timeout_s=60.0, request_id="")
    return found_from_tensor(tensors["PHOTO_TEXT"])


def write_calibration(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    print(f"wrote {file}: {content['right']} of {content['lines']} lines right")
