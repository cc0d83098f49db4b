"""Training steps on a GPU as CUDA graphs: recorded once, then replayed.

A step starts hundreds of small kernels, and on a GPU starting them one by one takes several times as long as they run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.errors import UserError
from synapsnet.models.base import Forecaster
from synapsnet.session import Batch

log = logging.getLogger(__name__)

MOST_SESSIONS = 32  # of a model whose steps are recorded, because each session has graphs and memory of its own
TOLERANCE = 1e-4  # between a replayed loss and one that is computed anew, relative to losses above 1
_REMEDY = "set trainer.cuda_graphs=false"


def graphed(model: Forecaster) -> GraphedLoss | None:
    """The loss of a model by replay; None, and a line that says so, where its steps are not recorded."""
    n_sessions = len(model.spec.sessions)
    if model.device.type == "cuda" and n_sessions <= MOST_SESSIONS:
        return GraphedLoss(model)
    reason = "not on a GPU of CUDA" if model.device.type != "cuda" else f"{n_sessions} sessions, above {MOST_SESSIONS}"
    log.info("trainer.cuda_graphs: steps are not recorded, %s", reason)
    return None


@final
class GraphedLoss:
    """`Forecaster.training_loss` of a model on a GPU, by replaying what its first batch of each shape did.

    Dropout draws from the present state of the generator, as without a graph. What Python alone changes from step to
    step, as a schedule of the loss, would be replayed as it was: `checked` finds that. Gradients are those of the graph
    until the next batch, so they cannot be added up over batches.

    Args:
        model: The model, on its device.
    """

    def __init__(self, model: Forecaster) -> None:
        self._model = model
        self._graphs: dict[Hashable, Callable[..., Tensor]] = {}
        self._pool = torch.cuda.graph_pool_handle()  # shared, because a step ends before the next one begins

    def __call__(self, batch: Batch) -> Tensor:
        """The loss of a batch, a scalar; its value is overwritten by the next batch.

        Raises:
            UserError: if a step cannot be recorded; this process should then not use the GPU again.
        """
        tensors = batch.tensors()
        key = batch.session, *((name, tensor.shape) for name, tensor in tensors.items())
        if key not in self._graphs:
            self._graphs[key] = self._recorded(batch)
        return self._graphs[key](*tensors.values())

    def checked(self, batch: Batch) -> Tensor:
        """The loss of a batch, compared with one that is computed anew with the same dropout; reads both.

        Raises:
            UserError: if they differ.
        """
        state = torch.cuda.get_rng_state(self._model.device)
        loss = self(batch)
        torch.cuda.set_rng_state(state, self._model.device)
        with torch.no_grad():
            anew = float(self._model.training_loss(batch))
        if abs(float(loss.detach()) - anew) > TOLERANCE * max(abs(anew), 1.0):
            raise UserError(
                f"a replayed training step has a loss of {float(loss.detach()):g} where the model now has {anew:g}, so "
                f"its steps change by more than their weights: {_REMEDY}"
            )
        return loss

    def _recorded(self, batch: Batch) -> Callable[..., Tensor]:
        step = _Step(self._model, batch.session)
        samples = tuple(tensor.clone() for tensor in batch.tensors().values())
        mixed, stream = torch.is_autocast_enabled("cuda"), torch.cuda.current_stream()
        precision = torch.autocast("cuda", torch.get_autocast_dtype("cuda"), enabled=mixed, cache_enabled=False)
        try:
            with torch.random.fork_rng([self._model.device]), precision:
                torch.cuda.make_graphed_callables(step, samples, allow_unused_input=True, pool=self._pool)
        except RuntimeError as error:
            torch.cuda.set_stream(stream)  # a recording that failed does not leave its own
            reason = str(error).splitlines()[0]
            raise UserError(f"a training step cannot be recorded as a CUDA graph ({reason}): {_REMEDY}") from error
        return step


class _Step(nn.Module):
    """The loss of a session's batches as a function of their tensors."""

    def __init__(self, model: Forecaster, session: int) -> None:
        super().__init__()
        self.model = model
        self._session = session

    def forward(
        self, past: Tensor, behavior: Tensor, slow: Tensor, target: Tensor, scored: Tensor, units: Tensor | None = None
    ) -> Tensor:
        return self.model.training_loss(Batch(past, behavior, slow, target, scored, self._session, units=units))
