"""Tensors by name, what runs them, and the reference that they are compared with."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Outputs = dict[str, NDArray[Any]]


class Engine(Protocol):
    """One engine, ready to run in this process."""

    def __call__(self, inputs: Outputs) -> Outputs:
        """From input tensors to output tensors, by name, batch axis first."""
        ...


@dataclass(frozen=True)
class Reference:
    """The outputs for Q questions, each about one of P photos."""

    features: NDArray[np.float32]  # [P, N, D]
    pooled: NDArray[np.float32]  # [P, E]
    answer_ids: NDArray[np.int32]  # [Q, T], padded after the end
    answer_logprobs: NDArray[np.float32]  # [Q, T], 0 after the end
    attention: NDArray[np.float32]  # [Q, N]
