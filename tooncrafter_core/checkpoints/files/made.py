"""Tensors that are made of others when they are asked for: renamed, packed, filled in.

A file's encoder is brought to other names and layouts in this way without being in memory as a
whole.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from .tensor_info import TensorInfo


@dataclass(frozen=True)
class Made:
    """One such tensor."""

    info: TensorInfo
    """Shape and number format, known before it is made."""
    make: Callable[[], Tensor]


class MadeTensors(Mapping[str, Tensor]):
    """Tensors under their names, each made when it is asked for and kept by nobody."""

    def __init__(self, recipes: Mapping[str, Made]) -> None:
        self._recipes = recipes

    @property
    def infos(self) -> dict[str, TensorInfo]:
        """Shape and number format of each."""
        return {key: one.info for key, one in self._recipes.items()}

    def __getitem__(self, key: str) -> Tensor:
        return self._recipes[key].make()

    def __iter__(self) -> Iterator[str]:
        return iter(self._recipes)

    def __len__(self) -> int:
        return len(self._recipes)
