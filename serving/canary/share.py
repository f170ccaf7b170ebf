"""The share of calls that the gateway sends to the canary, in a file that Envoy reads again when it is exchanged."""

from pathlib import Path

from command_line.errors import UsageError
from serving.door.gateway_config import yaml_from_config
from serving.door.gateway_routes import canary_share


def write_share(file: Path, percent: int) -> None:
    """Exchange the file in one step, so that Envoy never reads half of it.

    Raises:
        UsageError: its folder is not there, or may not be written to.
    """
    new = file.with_name(f".{file.name}.new")
    try:
        new.write_text(yaml_from_config(canary_share(percent)), "utf-8")
        new.replace(file)
    except OSError as error:
        raise UsageError(f"cannot write {file} ({error.strerror}): name the gateway's canary.yaml") from error
