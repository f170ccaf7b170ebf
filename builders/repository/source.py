"""The hand-written model repository: where its configs lie, and what they say."""

from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

SOURCE = Path(__file__).parents[2] / "model_repository"


def read_config(file: Path) -> model_config_pb2.ModelConfig:
    """Parse a `config.pbtxt`."""
    return text_format.Parse(file.read_text(encoding="utf-8"), model_config_pb2.ModelConfig())


def limit(step: str, parameter: str) -> int:
    """Read a whole number among the parameters of a step's config."""
    return int(read_config(SOURCE / step / "config.pbtxt").parameters[parameter].string_value)
