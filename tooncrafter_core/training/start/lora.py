"""LoRA: low-rank products are added to a denoiser's attention layers and trained instead of them.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021). The network and its keys
stay unchanged; forward hooks add the products, so no layer class is replaced. The file is the one
that ComfyUI's LoRA loaders read.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...checkpoints.files.save import save_checkpoint
from ...checkpoints.keys import COMPONENT_KEYS, Component
from ...errors import TrainingError
from ...models.initialization import draw_normal
from ..groups import Group, group_of

ATTENTION = re.compile(r"\.attn[12]\.to_(q|k|v|out\.0|k_ip|v_ip)$")
"""Layers that get a product, as in the LoRA paper."""

GROUPS = (Group.SPATIAL, Group.TEMPORAL)
"""The groups with attention layers."""

FILE_PREFIX = "lora_unet_"
"""Prefix of a layer's name in a file, with underscores for dots: kohya's layout."""


class LoraAdapters(nn.Module):
    """Low-rank products added to the outputs of a denoiser's layers; zero at first.

    The network must outlive them, and must have no others.
    """

    def __init__(
        self,
        denoiser: nn.Module,
        groups: tuple[Group, ...],
        rank: int,
        alpha: float | None = None,
        seed: int = 0,
    ) -> None:
        """``alpha / rank`` is the products' strength, 1 when ``alpha`` is None.

        ``TrainingError`` for groups without attention layers, or no groups.
        """
        super().__init__()
        if not groups or not set(groups) <= set(GROUPS):
            named = ", ".join(group.value for group in groups) or "nothing"
            raise TrainingError(
                "A LoRA changes attention layers of the groups spatial and temporal; 'learn' names "
                f"{named}. Set learn=[spatial], or lora.rank=0 to train the weights."
            )
        self.rank, self.alpha = rank, float(rank if alpha is None else alpha)
        prefix = COMPONENT_KEYS[Component.DENOISER].prefix
        self.names = [
            name for name, _ in denoiser.named_modules()
            if ATTENTION.search(name) and group_of(f"{prefix}{name}.weight") in groups
        ]  # fmt: skip
        generator = torch.Generator().manual_seed(seed)
        self.down, self.up = nn.ParameterList(), nn.ParameterList()
        for index, name in enumerate(self.names):
            layer: Any = denoiser.get_submodule(name)
            rows, columns = layer.weight.shape
            down = torch.empty(rank, columns)
            draw_normal(down, columns**-0.5, generator)
            self.down.append(nn.Parameter(down))
            self.up.append(nn.Parameter(torch.zeros(rows, rank)))
            layer.register_forward_hook(self._adder(index))

    def learners(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The products' factors under their layer's official key and a word more."""
        prefix = COMPONENT_KEYS[Component.DENOISER].prefix
        for name, down, up in zip(self.names, self.down, self.up, strict=True):
            yield f"{prefix}{name}.lora_down", down
            yield f"{prefix}{name}.lora_up", up

    def tensors(self) -> dict[str, Tensor]:
        """What a LoRA file holds."""
        found = {}
        for name, down, up in zip(self.names, self.down, self.up, strict=True):
            key = FILE_PREFIX + name.replace(".", "_")
            found[f"{key}.lora_down.weight"] = down.detach()
            found[f"{key}.lora_up.weight"] = up.detach()
            found[f"{key}.alpha"] = torch.tensor(self.alpha)
        return found

    def _adder(self, index: int) -> Any:
        def add(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
            down, up = self.down[index], self.up[index]
            return output + F.linear(F.linear(inputs[0], down), up) * (self.alpha / self.rank)

        return add


def write_lora(adapters: LoraAdapters, path: Path, dtype: torch.dtype) -> None:
    """Write a file for ComfyUI's LoRA loaders."""
    metadata = {
        "ss_network_dim": str(adapters.rank),
        "ss_network_alpha": str(adapters.alpha),
        "ss_network_module": "networks.lora",
        "ss_base_model_version": "tooncrafter",
    }
    save_checkpoint(adapters.tensors(), path, dtype=dtype, metadata=metadata)
