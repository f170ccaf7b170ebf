"""What of a model is trained: adapters of low rank (LoRA, AdaLoRA), or all weights; and new words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.tuning.families import TuningFamily
from training.tuning.options import TuningMethod

_ADALORA_START_RANK = 1.5
"""Rank that AdaLoRA begins with, over the one that it ends with on average."""
_NEW_ROWS_SPREAD = 0.1
_ORTHOGONALITY = 0.5
"""Weight of AdaLoRA's penalty, as in its paper."""


@dataclass
class Trained:
    """A model with what is trained of it."""

    model: Any
    """Model of transformers, with adapters in their places."""
    peft: Any
    """The same as peft wraps it; None: all weights are trained."""
    is_adaptive: bool

    def parameters(self) -> list[nn.Parameter]:
        return [parameter for _, parameter in self.named()]

    def named(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield what is trained, by name."""
        return ((name, p) for name, p in self.model.named_parameters() if p.requires_grad)

    def penalty(self) -> Tensor | float:
        """What AdaLoRA adds to the loss, so that its directions stay apart; 0.0 of other methods."""
        if not self.is_adaptive:
            return 0.0
        terms = []
        for name, p in self.named():
            if "lora_A" in name or "lora_B" in name:
                product = p @ p.T if "lora_A" in name else p.T @ p
                terms.append(torch.linalg.norm(product - torch.eye(product.shape[0], device=p.device)))
        return _ORTHOGONALITY * torch.stack(terms).mean()

    def after_step(self, step: int) -> None:
        """Give ranks to the matrices that need them, after the optimiser's step and before gradients are cleared."""
        if self.is_adaptive:
            self.peft.base_model.update_and_allocate(step)

    def ranks(self) -> dict[str, int]:
        """Rank of each adapter: of AdaLoRA, directions that it has left."""
        return {
            name: int((p != 0).sum()) if "lora_E" in name else int(p.shape[0])
            for name, p in self.named()
            if "lora_E" in name or ("lora_A" in name and not self.is_adaptive)
        }

    def merged(self) -> Any:
        """Add the adapters to the weights that they stand beside; returns a plain model."""
        return self.peft.merge_and_unload() if self.peft else self.model


def make_trainable(
    model: Any,
    family: TuningFamily,
    method: TuningMethod,
    *,
    rank: int,
    steps: int,
    trains_vision: bool,
    new_ids: Sequence[int] = (),
) -> Trained:
    """Freeze what is not trained, and put adapters where they belong.

    Args:
        rank: of an adapter; of AdaLoRA on average, once ranks have been given.
        steps: that will be taken, which AdaLoRA plans its ranks by.
        trains_vision: True: the vision tower is trained as well.
        new_ids: tokens that were added, whose rows are trained whatever the method.
    """
    model.requires_grad_(False)
    towers = family.vision if trains_vision else ()
    if method == "full":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(trains_vision or not name.startswith(family.vision))
        return Trained(model, None, False)
    from peft import AdaLoraConfig, LoraConfig, get_peft_model

    prefixes = (family.decoder if method == "decoder" else family.text) + towers
    targets = [name for name, m in model.named_modules() if isinstance(m, nn.Linear) and name.startswith(prefixes)]
    targets = [name for name in targets if ".cls." not in name]
    common: dict[str, Any] = {"target_modules": targets, "lora_alpha": 2 * rank, "lora_dropout": 0.0}
    if method == "adalora":
        config: Any = AdaLoraConfig(
            **common, target_r=rank, init_r=round(_ADALORA_START_RANK * rank), total_step=steps,
            tinit=max(1, steps // 10), tfinal=max(1, steps // 5), deltaT=max(1, steps // 100), orth_reg_weight=0.0,
        )  # fmt: skip
    else:
        config = LoraConfig(**common, r=rank)
    peft = get_peft_model(model, config)
    trained = Trained(peft.get_base_model(), peft, method == "adalora")
    if new_ids:
        _train_rows(trained.model, new_ids)
    return trained


def add_rows(model: Any, vocabulary: int, count: int) -> None:
    """Give a model rows for words behind those that it has; they begin near the mean of all."""
    generator, grown = torch.Generator().manual_seed(0), dict[int, nn.Parameter]()
    for module, name, old in list(_by_word(model, vocabulary)):
        if id(old) not in grown:
            noise = torch.randn((count, *old.shape[1:]), generator=generator)
            rows = old.data.mean(0, keepdim=True) + _NEW_ROWS_SPREAD * old.data.std(0, keepdim=True) * noise
            grown[id(old)] = nn.Parameter(torch.cat([old.data, rows]))
        setattr(module, name, grown[id(old)])  # tied ones stay tied
        for size in ("num_embeddings", "out_features"):
            if getattr(module, size, None) == vocabulary:
                setattr(module, size, vocabulary + count)
    model.config.text_config.vocab_size = vocabulary + count


def _by_word(model: Any, vocabulary: int) -> Iterator[tuple[nn.Module, str, nn.Parameter]]:
    """Yield parameters with a row a word, each with the module that holds it: embeddings, the decoder's last layer."""
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.shape[0] == vocabulary:
                yield module, name, parameter


def _train_rows(model: Any, ids: Sequence[int]) -> None:
    """Train the rows of some words, and no others."""
    first, seen = ids[0], set[int]()

    def of_new_words(gradient: Tensor) -> Tensor:
        kept = gradient.clone()
        kept[:first] = 0
        return kept

    for _, _, parameter in _by_word(model, ids[-1] + 1):
        if id(parameter) not in seen:
            seen.add(id(parameter))
            parameter.requires_grad_(True)
            parameter.register_hook(of_new_words)
