"""EfficientNet-Lite as an engine: bytes in, a vector of norm 1 out; and as its package has it, the reference."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from builders.embedding.weights import EmbeddingWeights
from builders.graphs.precision import DTYPES

_MEAN, _SCALE = 127.0, 128.0
"""Mean and scale of a channel's byte in training (`efficientnet_lite_builder.py` of TensorFlow's TPU models)."""
_NORMS = {
    "_conv_stem": "_bn0", "_conv_head": "_bn1", "_expand_conv": "_bn0", "_depthwise_conv": "_bn1",
    "_project_conv": "_bn2",
}  # fmt: skip
"""The package's name of the norm that comes after each convolution."""


class EmbeddingEncoder(nn.Module):
    """The network with its normalisation in front, and the mean over all places behind.

    Axes: B batch, S side in pixels, E width of the vector.
    """

    def __init__(self, network: Any, precision: str) -> None:
        """Take a network over.

        Args:
            network: of `network_of`; it is changed.
        """
        super().__init__()
        self.dtype = DTYPES[precision]
        self.network = _without_norms(network).to(self.dtype)

    def forward(self, pixels: Tensor) -> Tensor:
        """Turn pixels [B, S, S, 3], uint8, into vectors [B, E], FP32, L2 norm 1."""
        normal = ((pixels.float() - _MEAN) / _SCALE).to(self.dtype).permute(0, 3, 1, 2)
        pooled: Tensor = self.network.extract_features(normal).float().mean((2, 3))
        return F.normalize(pooled)


def network_of(weights: EmbeddingWeights) -> Any:
    """Load the package's own network."""
    from efficientnet_lite_pytorch import EfficientNet  # the extra photo-vectors

    network = EfficientNet.from_name(weights.name)
    network.load_state_dict(torch.load(weights.file, weights_only=True))
    return network.eval()


def reference_vectors(weights: EmbeddingWeights, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return vectors as the package's network makes them of pixels [B, S, S, 3]: [B, E], FP32, L2 norm 1."""
    network = network_of(weights)
    normal = torch.from_numpy(((pixels.astype(np.float32) - _MEAN) / _SCALE).transpose(0, 3, 1, 2).copy())
    with torch.inference_mode():
        pooled = [network._avg_pooling(network.extract_features(one[None])).flatten() for one in normal]
    return F.normalize(torch.stack(pooled)).numpy()


def _without_norms(network: Any) -> Any:
    """Work each norm into the convolution before it: in FP16, small variances would lose their digits."""
    for part in list(network.modules()):
        for convolution, norm in _NORMS.items():
            if hasattr(part, convolution):
                setattr(part, convolution, fuse_conv_bn_eval(getattr(part, convolution), getattr(part, norm)))
                setattr(part, norm, nn.Identity())
    return network
