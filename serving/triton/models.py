"""The models of a built repository, read off their configs: which follow each other, and what the cache keeps."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from serving.errors import UsageError

Configs = Mapping[str, model_config_pb2.ModelConfig]
_ENTRY = "entry"
"""Parameter of the steps at which requests come in, with the entry's name; see `vitrine_steps/triton/step.py`."""


def read_configs(repository: Path) -> dict[str, model_config_pb2.ModelConfig]:
    """Read the config of every model of a built repository, by its name.

    Raises:
        UsageError: a file is no config.
    """
    configs = {}
    for file in sorted(repository.glob("*/config.pbtxt")):
        try:
            config = text_format.Parse(file.read_text("utf-8"), model_config_pb2.ModelConfig())
        except (OSError, ValueError, text_format.ParseError) as error:
            raise UsageError(f"{file} is no config of Triton ({error}): build the repository again") from error
        configs[file.parent.name] = config
    return configs


def steps_in(configs: Configs, ensemble: str) -> list[str]:
    """Return the names of the models that an ensemble calls, in their order."""
    return [step.model_name for step in configs[ensemble].ensemble_scheduling.step]


def ensembles(configs: Configs) -> list[str]:
    """Return the names of all ensembles."""
    return [name for name, config in configs.items() if config.ensemble_scheduling.step]


def public_ensembles(configs: Configs) -> list[str]:
    """Return the names of the ensembles that callers ask: those that no other ensemble calls."""
    called = {step for ensemble in ensembles(configs) for step in steps_in(configs, ensemble)}
    return [name for name in ensembles(configs) if name not in called]


def entries(configs: Configs) -> dict[str, str]:
    """Return the steps at which requests come in, by the entry's name, in the order in which a request meets them."""
    names: dict[str, str] = {}
    # The longest chain first, so that it decides the order.
    chains = sorted((list(_chain(configs, name)) for name in public_ensembles(configs)), key=len, reverse=True)
    for step in (step for chain in chains for step in chain):
        parameters = configs[step].parameters
        if _ENTRY in parameters:  # of a map of messages, asking for a missing one would add it
            names.setdefault(parameters[_ENTRY].string_value, step)
    return names


def steps_from(configs: Configs, entry_step: str) -> list[list[str]]:
    """Return what follows an entry's step, itself included: one list for each ensemble that calls it directly."""
    chains = (steps_in(configs, ensemble) for ensemble in ensembles(configs))
    return [chain[chain.index(entry_step) :] for chain in chains if entry_step in chain]


def is_engine(configs: Configs, name: str) -> bool:
    """Return whether a model is an engine, and neither Python code nor an ensemble."""
    return configs[name].backend not in ("", "python")


def cached_outputs(configs: Configs) -> list[model_config_pb2.ModelOutput]:
    """Return the output tensors that Triton's response cache keeps."""
    return [output for config in configs.values() if config.response_cache.enable for output in config.output]


def _chain(configs: Configs, ensemble: str) -> Iterator[str]:
    """Name the models that an ensemble comes to, those of ensembles within it included."""
    for step in steps_in(configs, ensemble):
        if configs[step].ensemble_scheduling.step:
            yield from _chain(configs, step)
        else:
            yield step
