"""From the recogniser's characters to the text of a line."""

import numpy as np
from numpy.typing import NDArray
from rapidocr.ch_ppocr_rec.utils import CTCLabelDecode

_VARIANTS = str.maketrans({"凈": "净"})
"""Variants that the recogniser gives for characters that look the same."""


def with_usual_variants(text: str) -> str:
    """Replace variants of characters by the usual forms."""
    return text.translate(_VARIANTS)


class LineReader:
    def __init__(self, characters: list[str]) -> None:
        """Prepare for a network.

        Args:
            characters: of the network, without the blank and the space that every one has beside them.
        """
        self._decoder = CTCLabelDecode(character=list(characters))

    def text(self, ids: NDArray[np.int32], probabilities: NDArray[np.float32]) -> tuple[str, list[float]]:
        """Read one line.

        Args:
            ids: [T], the likeliest character at each position; 0: none.
            probabilities: [T], of those.

        Returns:
            The text, "" where there is none, and the probability of each of its characters.
        """
        is_new = np.ones(len(ids), bool)
        is_new[1:] = ids[1:] != ids[:-1]
        kept = is_new & (ids != 0)
        text = with_usual_variants("".join(self._decoder.character[number] for number in ids[kept]))
        return (text, probabilities[kept].tolist()) if text.strip() else ("", [])
