"""Configs where one decoder engine answers questions and scores lists: rows of forced tokens in the place of a scorer.

The ensembles stay chains, and what callers see stays as it is.
"""

from collections.abc import Iterable

from tritonclient.grpc import model_config_pb2

from builders.dimensions import BuildDimensions
from builders.engine_spec import ANSWER_DECODER, ANSWER_SCORER, EngineSpec

FORCED = "FORCED_IDS"


def has_forced_rows(engines: Iterable[EngineSpec]) -> bool:
    """Tell whether the decoder takes forced rows, so that there is no scorer."""
    return any(tensor.name == FORCED for engine in engines for tensor in engine.inputs)


def use_forced_rows(config: model_config_pb2.ModelConfig, dimensions: BuildDimensions) -> None:
    """Change a model's config in place."""
    rows = [-1, -1, dimensions.answer_tokens]  # questions, candidates, tokens
    if config.name == ANSWER_DECODER:
        config.input.add(name=FORCED, data_type=model_config_pb2.TYPE_INT32, dims=rows)
        for tensor in config.output:
            if tensor.name in ("ANSWER_IDS", "ANSWER_LOGPROBS"):
                tensor.dims[:] = rows
    if config.name == "question_preprocess":
        free = [-1, dimensions.answers, dimensions.answer_tokens]
        config.output.add(name=FORCED, data_type=model_config_pb2.TYPE_INT32, dims=free)
    if config.name in ("candidates_preprocess", "choice_postprocess"):
        for tensor in (*config.input, *config.output):
            if tensor.name.startswith("CANDIDATE_"):
                tensor.dims[:] = rows
    for step in config.ensemble_scheduling.step:
        if config.name == "vqa" and step.model_name == "question_preprocess":
            step.output_map[FORCED] = "forced_ids"
        if config.name == "vqa" and step.model_name == ANSWER_DECODER:
            step.input_map[FORCED] = "forced_ids"
        if step.model_name == ANSWER_SCORER:
            _score_by_decoder(step)


def _score_by_decoder(step: model_config_pb2.ModelEnsembling.Step) -> None:
    step.model_name = ANSWER_DECODER
    step.input_map[FORCED] = step.input_map.pop("CANDIDATE_IDS")
    step.output_map["ANSWER_LOGPROBS"] = step.output_map.pop("CANDIDATE_LOGPROBS")
