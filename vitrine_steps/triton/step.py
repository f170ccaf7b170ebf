"""Reads each request of a Python step, answers it, and lets no error of one reach another or tell of the inside."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import os
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray

from vitrine_steps.triton.heartbeat import Heartbeat
from vitrine_steps.triton.metrics import CANCELLED, INTERNAL, UNAVAILABLE, ErrorCounter

Tensors = dict[str, NDArray[Any]]
Result = TypeVar("Result")
_DRAIN_DIR = os.environ.get("VITRINE_DRAIN_DIR")
"""Folder of drain flags of `serving`: once a file named like an entry is in it, that entry refuses requests."""
_MOST_LOGGED = 80
"""Characters of what a caller sent that a log may hold."""
_HEARTBEAT = Heartbeat(os.environ.get("VITRINE_HEARTBEATS"))


def version_folder(args: Mapping[str, str]) -> Path:
    """Return the folder of a model's version, where the builder puts its files.

    Args:
        args: as Triton gives them to `initialize`.
    """
    return Path(args["model_repository"]) / args["model_version"]


def output_dims(config: dict[str, Any], name: str) -> list[int]:
    """Return the dimensions of output `name` in the model's config, without the batch axis."""
    return [int(dim) for output in config["output"] if output["name"] == name for dim in output["dims"]]


def parameter(config: dict[str, Any], name: str) -> str:
    """Return the value of `name` in the config's `parameters`."""
    return str(config["parameters"][name]["string_value"])


def utf8(texts: list[str]) -> NDArray[np.object_]:
    """Make a tensor of texts, [len(texts)] object, of UTF-8 bytes."""
    return np.array([text.encode("utf-8") for text in texts], np.object_)


def answer_each(
    requests: list[pb_utils.InferenceRequest],
    outputs_from_inputs: Callable[[Tensors], Tensors],
    inputs: tuple[str, ...],
    errors: ErrorCounter,
    *,
    optional: tuple[str, ...] = (),
    caller_errors: Mapping[type[Any], str] = MappingProxyType({}),
    entry: str | None = None,
) -> list[pb_utils.InferenceResponse]:
    """Answer every request on its own, so that a bad one harms no other.

    Args:
        outputs_from_inputs: from the input tensors of one request, batch axis
            first, to its output tensors.
        inputs: names of the input tensors.
        errors: counts those that are answered with one.
        optional: names of those that a request may leave out.
        caller_errors: errors whose message is fit for the caller, each with the
            name of its code in `pb_utils.TritonError` (and `metrics`). Any other
            one is logged here, and told to the caller without its inside.
        entry: name of the entry that this step closes while the server drains,
            "photos", "questions", "texts" or "embeddings"; None for steps that see admitted requests only.

    Returns:
        As many responses as there are requests, in their order.
    """
    if entry and _DRAIN_DIR and (Path(_DRAIN_DIR) / entry).exists():
        refusal = "the server stops and takes nothing new: ask again, here in a few seconds or another server"
        return [_error(refusal, UNAVAILABLE, errors) for _ in requests]
    with _HEARTBEAT.working():
        return [_answer(request, outputs_from_inputs, inputs, errors, optional, caller_errors) for request in requests]


def each_row(
    rows: list[bytes], result_from_row: Callable[[bytes], Result], caller_error: type[Exception], *, what: str = "row"
) -> list[Result]:
    """Apply a function to each row of a request.

    Args:
        caller_error: the error whose message is fit for the caller; of several rows, it says which one is at fault.
        what: how the message calls a row.
    """
    results = []
    for number, row in enumerate(rows, 1):
        _HEARTBEAT.beat()
        try:
            results.append(result_from_row(row))
        except caller_error as error:
            if len(rows) == 1:
                raise
            raise caller_error(f"{what} {number} of {len(rows)}: {error}") from error
    return results


def _answer(
    request: pb_utils.InferenceRequest,
    outputs_from_inputs: Callable[[Tensors], Tensors],
    inputs: tuple[str, ...],
    errors: ErrorCounter,
    optional: tuple[str, ...],
    caller_errors: Mapping[type[Any], str],
) -> pb_utils.InferenceResponse:
    _HEARTBEAT.beat()
    if request.is_cancelled():
        return _error("the caller cancelled the request", CANCELLED, errors)
    try:
        sent = {name: pb_utils.get_input_tensor_by_name(request, name) for name in (*inputs, *optional)}
        tensors = {name: tensor.as_numpy() for name, tensor in sent.items() if tensor is not None}
        outputs = outputs_from_inputs(tensors)
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, value) for name, value in outputs.items()])
    except Exception as error:  # the one place where nothing of the inside may leak
        for kind, code in caller_errors.items():
            if isinstance(error, kind):
                return _error(str(error), code, errors)
        pb_utils.Logger.log_error(f"request '{request.request_id()[:_MOST_LOGGED]}': {_place_and_kind(error)}")
        return _error("internal error; the server's log has the reason", INTERNAL, errors)


def _place_and_kind(error: Exception) -> str:
    """Describe an error: its type, place, and the beginning only of its text, which may hold what a caller sent."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}: {str(error)[:_MOST_LOGGED]}"


def _error(message: str, code: str, errors: ErrorCounter) -> pb_utils.InferenceResponse:
    errors.count(code)
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(message, getattr(pb_utils.TritonError, code)))
