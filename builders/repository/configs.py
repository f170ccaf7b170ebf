"""Triton configs of a built repository: the hand-written ones with a build's dimensions, batch and backend."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tritonclient.grpc import model_config_pb2

from builders.dimensions import ALL_CORES, BatchRange, BuildDimensions, engine_threads
from builders.embedding.engine import EMBEDDING_ENCODER
from builders.engine_spec import ANSWER_DECODER, IMAGE_ENCODER, EngineSpec
from builders.repository.forced_rows import has_forced_rows, use_forced_rows
from builders.repository.tuning import Tuning
from builders.text.engines import TEXT_DETECTOR, TEXT_RECOGNISER

_MANY_INSTANCES = ("image_preprocess", IMAGE_ENCODER, ANSWER_DECODER)
"""The costly steps; see their configs for what was measured."""
_MOST_INSTANCES = 8
_FEATURES = ("ENCODED_FEATURES", "IMAGE_POOLED", "IMAGE_FEATURES")


@dataclass(frozen=True)
class ServingConfig:
    """What a build decides about its configs beside their dimensions."""

    backend: str = "onnxruntime"
    """Triton backend of the engines."""
    batch: BatchRange = field(default_factory=BatchRange)
    cores: int = 2
    """Cores of the machine that will serve."""
    tuning: Tuning = field(default_factory=Tuning)
    """What was found by measuring; the rest follows from the cores."""
    gpus: tuple[int, ...] = ()
    """GPUs that TensorRT's engines run on. (): all that the server sees."""
    gpu_instances: int = 1
    """Instances of each engine on each of them."""


def adapt_config(
    config: model_config_pb2.ModelConfig,
    dimensions: BuildDimensions,
    serving: ServingConfig,
    engines: Mapping[str, EngineSpec],
) -> model_config_pb2.ModelConfig:
    """Return a copy of `config` with the build's dimensions and batch and, for an engine, its backend.

    Args:
        engines: the build's engines, by name.
    """
    adapted = model_config_pb2.ModelConfig()
    adapted.CopyFrom(config)
    if config.max_batch_size > 1:
        adapted.max_batch_size = serving.batch.max
    known = dimensions.by_tensor()
    if EMBEDDING_ENCODER in engines:
        del known["IMAGE_EMBEDDING"]  # as wide as that encoder's config says
    for tensor in (*adapted.input, *adapted.output):
        if tensor.name in known:
            decided = known[tensor.name]
            tensor.dims[-len(decided) :] = decided  # before them may be the axis of questions
    if has_forced_rows(engines.values()):
        use_forced_rows(adapted, dimensions)
    features = _feature_type(engines)
    for tensor in (*adapted.input, *adapted.output):
        if tensor.name in _FEATURES:
            tensor.data_type = features
    if adapted.name in _MANY_INSTANCES:
        is_shared = adapted.name not in engines or engine_threads(dimensions) == 1
        adapted.instance_group[0].count = min(serving.cores, _MOST_INSTANCES) if is_shared else 1
    if engine := engines.get(adapted.name):
        adapted.backend = serving.backend
        if serving.backend == "tensorrt":
            _adapt_to_tensorrt(adapted, engine, serving)
        elif serving.backend == "tensorrt_rtx":
            _adapt_to_tensorrt_rtx(adapted, engine, serving.batch)
        else:
            is_wide = adapted.name in (TEXT_DETECTOR, TEXT_RECOGNISER, EMBEDDING_ENCODER)
            threads = ALL_CORES if is_wide else engine_threads(dimensions)
            adapted.parameters["intra_op_thread_count"].string_value = str(threads)
    if adapted.name == "question_preprocess":
        adapted.parameters["max_question_tokens"].string_value = str(dimensions.question_tokens)
        adapted.parameters["max_context_tokens"].string_value = str(dimensions.context_tokens)
    if adapted.name == "candidates_preprocess":
        adapted.parameters["answer_tokens"].string_value = str(dimensions.answer_tokens)
    apply_tuning(adapted, serving.tuning)
    return adapted


def apply_tuning(config: model_config_pb2.ModelConfig, tuning: Tuning) -> None:
    """Change a model's instances and its batches' wait, where they were measured."""
    if count := tuning.instances.get(config.name):
        if not config.instance_group:
            config.instance_group.add(kind=model_config_pb2.ModelInstanceGroup.KIND_CPU)
        config.instance_group[0].count = count
    if (delay_us := tuning.queue_delay_us.get(config.name)) is not None:
        config.dynamic_batching.max_queue_delay_microseconds = delay_us


def _feature_type(engines: Mapping[str, EngineSpec]) -> model_config_pb2.DataType:
    """The type in which a photo's features travel and are cached, as the decoder takes them."""
    dtypes = {tensor.dtype for tensor in engines[ANSWER_DECODER].inputs if tensor.name == "IMAGE_FEATURES"}
    return model_config_pb2.TYPE_FP32 if dtypes == {"float32"} else model_config_pb2.TYPE_FP16


def _adapt_to_tensorrt(config: model_config_pb2.ModelConfig, engine: EngineSpec, serving: ServingConfig) -> None:
    """Instances on each GPU, CUDA graphs where there is no control flow, and a first run before any request."""
    config.parameters.clear()
    del config.instance_group[:]
    gpu = model_config_pb2.ModelInstanceGroup.KIND_GPU
    config.instance_group.add(count=serving.gpu_instances, kind=gpu, gpus=serving.gpus)
    if not engine.is_loop and not engine.one_at_a_time:
        config.optimization.cuda.graphs = True
        config.dynamic_batching.preferred_batch_size[:] = serving.batch.preferred()
    _add_warm_up(config, engine, serving.batch)


def _adapt_to_tensorrt_rtx(config: model_config_pb2.ModelConfig, engine: EngineSpec, batch: BatchRange) -> None:
    """One instance, whose process takes the GPU itself; a first run has each shape's kernels finished."""
    config.parameters.clear()
    config.instance_group[0].count = 1
    if not engine.is_loop:
        config.parameters["cuda_graphs"].string_value = "1"
    _add_warm_up(config, engine, batch)


def _add_warm_up(config: model_config_pb2.ModelConfig, engine: EngineSpec, batch: BatchRange) -> None:
    varying = engine.variable_axes()
    for rows in [1] if engine.one_at_a_time else sorted({1, batch.opt, batch.max}):
        warmup = config.model_warmup.add(name=f"{rows} rows", batch_size=rows)
        for tensor in config.input:
            sample = warmup.inputs[tensor.name]
            sample.data_type = tensor.data_type
            sample.dims[:] = varying[tensor.name][1] if tensor.name in varying else tensor.dims
            sample.zero_data = True
