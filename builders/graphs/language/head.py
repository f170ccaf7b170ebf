"""What a language model makes of the tokens before the photo: the same for all photos, so constants of its graph."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from builders.graphs.language.segments import PromptHead, Stored
from builders.graphs.language.weights import Weights


@dataclass(frozen=True)
class Kept:
    first: Tensor
    """Keys [1, J, W, n]; of a layer with linear attention its last inputs, [1, 3, E]."""
    second: Tensor
    """Values [1, J, n, W]; of a layer with linear attention its memory, [1, H, X, Y]."""
    is_memory: bool
    """True: the second stays FP32."""

    def in_graph(self, weights: Weights, name: str) -> Stored:
        add = weights.vector if self.is_memory else weights.table
        return weights.table(f"{name}.first", self.first), add(f"{name}.second", self.second)


@torch.inference_mode()
def kept_of_head(language_model: Any, head: PromptHead) -> list[Kept]:
    """Let transformers read the n tokens before the photo, once a build.

    Args:
        language_model: of transformers, FP32.

    Returns:
        What each layer keeps of them.
    """
    ids = torch.tensor([head.ids[: head.first]])
    cache = language_model(input_ids=ids, use_cache=True).past_key_values
    found = []
    for index, layer in enumerate(language_model.layers):
        if linear := getattr(layer, "linear_attn", None):
            before = linear.conv_kernel_size - 1
            inputs = cache.get_conv_state(index).transpose(1, 2)[:, -before:]
            inputs = pad(inputs, (0, 0, before - inputs.shape[1], 0))
            found.append(Kept(inputs.clone(), cache.get_recurrent_state(index).float().clone(), is_memory=True))
        else:
            keys, values = cache.layers[index].keys, cache.layers[index].values
            found.append(Kept(keys.transpose(2, 3).clone(), values.clone(), is_memory=False))
    return found
