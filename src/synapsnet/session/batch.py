"""Windows of one session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

# Imported only for types, because importing torch is slow, and code that reads or converts recordings does not need it.
if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(eq=False)  # not frozen, because Lightning changes the precision of its fields one by one
class Batch:
    """Windows of one session. ``target[:, t]`` is the bin after ``past[:, t]``.

    Attributes:
        past: Activity as the task scores it (counts, or z-scored calcium), float32 ``[batch, time, units]``.
        behavior: Filled and z-scored behavior on the bins of ``past``, float32 ``[batch, time, features]``.
        slow: Slow state of every unit on the same bins, from its own activity since the beginning of the segment,
            float32 ``[batch, time, units, traces]``; see `Scale.slow`.
        target: The next bin of each step, float32 ``[batch, time, units]``.
        scored: Which steps count (full context, inside the split, not counted elsewhere), bool ``[batch, time]``.
        session: Index of the session in `TaskSpec.sessions`.
        weight: Factor of the batch's loss; 1 unless several processes train on parts of one batch.
        units: Ascending indices of the units that ``slow`` and ``target`` hold; None: all units, as ``past`` does.
    """

    past: Tensor
    behavior: Tensor
    slow: Tensor
    target: Tensor
    scored: Tensor
    session: int
    weight: float = 1.0
    units: Tensor | None = None

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The same batch on another device (the method Lightning calls to move a batch)."""
        return self._changed(lambda tensor: tensor.to(device, non_blocking=non_blocking), self.tensors())

    def pinned(self) -> Batch:
        """The same batch in memory from which a GPU copies while Python goes on; needs CUDA."""
        return self._changed(lambda tensor: tensor.pin_memory(), self.tensors())

    def tensors(self) -> dict[str, Tensor]:
        """Its tensors by name, ``units`` only where they are given."""
        return self._of_windows() if self.units is None else {**self._of_windows(), "units": self.units}

    def part(self, windows: slice) -> Batch:
        """Some of the windows."""
        return self._changed(lambda tensor: tensor[windows], self._of_windows())

    def since(self, step: int) -> Batch:
        """The windows without the steps before ``step``."""
        return self._changed(lambda tensor: tensor[:, step:], self._of_windows())

    def _of_windows(self) -> dict[str, Tensor]:
        return {name: getattr(self, name) for name in ("past", "behavior", "slow", "target", "scored")}

    def _changed(self, change: Callable[[Tensor], Tensor], tensors: dict[str, Tensor]) -> Batch:
        changed: dict[str, Any] = {name: change(tensor) for name, tensor in tensors.items()}
        return replace(self, **changed)


class Batches(Protocol):
    """The batches of a split; they can be iterated repeatedly."""

    def __iter__(self) -> Iterator[Batch]:
        """Batches of all sessions."""

    def of_session(self, session: int) -> Iterable[Batch]:
        """Batches of one session, by its index; batches of other sessions are not built."""
