"""The sizes that a checkpoint and a build's options decide: the letters of the tensor contract, and the batch."""

from dataclasses import dataclass

from vitrine_steps.features import EXTRA_ROWS

# A narrow model's operators are over before a second thread is awake: on a fast machine the bundled decoder took
# 1.18 ms with one thread and 1.45 ms with two, the encoder 2.03 and 2.38 ms (2 cores, medians of 150 runs 4 ms apart).
# So a narrow model has an instance a core instead, of one thread each; a wide one has all cores in each run.
_ONE_THREAD_WIDTH = 256
ALL_CORES = 0
MAX_BATCH = 1024


@dataclass(frozen=True)
class BatchRange:
    """Rows of one run of an engine. Triton runs a request that comes alone at once, so the smallest is 1."""

    opt: int = 8
    """What TensorRT makes fastest."""
    max: int = 16

    def preferred(self) -> list[int]:
        """Powers of two up to `opt`, and `max`: CUDA graphs are captured for these, and for 1."""
        return sorted(({2**i for i in range(1, self.opt.bit_length())} | {self.opt, self.max}) - {1})


@dataclass(frozen=True)
class BuildDimensions:
    """The letters of the tensor contract; see the table in docs/reference/contract.md."""

    image_px: int
    image_tokens: int
    image_width: int
    grid: int
    question_tokens: int
    answers: int
    answer_tokens: int
    context_tokens: int = 0
    """What the shop knows about the product takes so many before a question; 0: none is read, and L is fixed."""

    def by_tensor(self) -> dict[str, list[int]]:
        """The last dimensions of each tensor, those that a checkpoint or a build option decides."""
        return {
            "PIXELS": [self.image_px, self.image_px, 3],
            "ENCODED_FEATURES": [self.image_tokens, self.image_width],
            "IMAGE_FEATURES": [self.image_tokens + EXTRA_ROWS, self.image_width],
            "IMAGE_POOLED": [self.image_width],
            "IMAGE_EMBEDDING": [self.image_width],
            "QUESTION_IDS": [-1 if self.context_tokens else self.question_tokens],
            "QUESTION_MASK": [-1 if self.context_tokens else self.question_tokens],
            "ANSWER_IDS": [self.answers, self.answer_tokens],
            "ANSWER_LOGPROBS": [self.answers, self.answer_tokens],
            "ATTENTION": [self.image_tokens],
            "ALTERNATIVES": [self.answers],
            "ALTERNATIVE_CONFIDENCES": [self.answers],
            "HEATMAP": [self.grid, self.grid],
        }


def engine_threads(dimensions: BuildDimensions) -> int:
    """Threads of one run of an engine on the CPU; 0: one a core."""
    return 1 if dimensions.image_width <= _ONE_THREAD_WIDTH else ALL_CORES
