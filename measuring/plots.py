"""Matplotlib as all reports use it: without a screen, one resolution, plain numbers on logarithmic axes."""

import io
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["png_of", "plt"]

mpl.rcParams["axes.formatter.min_exponent"] = 5  # 20, not 2 x 10^1
_DPI = 110


def png_of(figure: Any) -> bytes:
    """Draw a figure as PNG, and close it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    plt.close(figure)
    return buffer.getvalue()
