"""`python -m benchmarks.peers NAME CHECKPOINT`: serve a checkpoint as a peer does, until it is ended."""

from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Literal

from command_line.options import options_from_arguments
from command_line.values import Argument, Count, ExistingFolder, Positional, whole_number


@dataclass(frozen=True, kw_only=True)
class PeerOptions:
    """Serve a checkpoint as a peer does, until it is ended. Started by the benchmarks."""

    name: Positional[
        Literal["fastapi", "litserve", "pytriton", "litserve-onnx", "pytriton-onnx", "fastapi-bf16", "litserve-bf16"]
    ]
    """Whose way of serving; with -onnx, around ONNX Runtime instead of transformers; with -bf16, in bfloat16."""
    checkpoint: Positional[ExistingFolder]
    """A BLIP or a chat model in the transformers format; with -onnx, a repository built with --alternatives 1."""
    port: Annotated[int, Argument(whole_number(1, 65535), "PORT")]
    """Port to listen on."""
    answer_tokens: Annotated[Count, Argument(metavar="T")]
    """Tokens of an answer, at most."""
    forced: bool = False
    """Every answer has so many tokens; of a BLIP."""
    image_px: Annotated[Count | None, Argument(metavar="PX")] = None
    """Side of the square that a chat model sees photos in."""


def main() -> None:
    options = options_from_arguments(PeerOptions, "python -m benchmarks.peers")
    from benchmarks.peers.answering import answerer_of  # brings transformers, which --help does not need
    from benchmarks.peers.onnx_answering import OnnxAnswerer

    server, _, runtime = options.name.partition("-")
    answerer = (
        OnnxAnswerer(options.checkpoint)
        if runtime == "onnx"
        else answerer_of(
            options.checkpoint, options.answer_tokens, options.forced, options.image_px, bf16=runtime == "bf16"
        )
    )
    import_module(f"benchmarks.peers.{server}_peer").serve(answerer, options.port)


if __name__ == "__main__":
    main()
