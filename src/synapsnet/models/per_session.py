"""The parts of a model that belong to one session each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from torch import Tensor, nn


@final
class PerSession(nn.Module):
    """One buffer per session: saved and moved with the model, but not trained.

    Args:
        tensors: Initial tensors in the order of the sessions.
        persistent: Whether a checkpoint stores them.
    """

    def __init__(self, tensors: Iterable[Tensor], *, persistent: bool = True) -> None:
        super().__init__()
        for session, tensor in enumerate(tensors):
            self.register_buffer(str(session), tensor, persistent=persistent)

    def __len__(self) -> int:
        return len(self._buffers)

    def __getitem__(self, session: int) -> Tensor:
        """The buffer itself; write into it with ``copy_`` or ``fill_``."""
        tensor = self._buffers[str(session)]
        assert tensor is not None
        return tensor


@final
class SessionModules(nn.ModuleList):
    """One module per session, in the order of the sessions."""


def parameters_per_session(model: nn.Module) -> frozenset[str]:
    """Names of the parameters in a ``ParameterList`` or in `SessionModules`, at any depth."""
    lists = [f"{name}." for name, part in model.named_modules() if isinstance(part, nn.ParameterList | SessionModules)]
    return frozenset(name for name, _ in model.named_parameters() if name.startswith(tuple(lists)))
