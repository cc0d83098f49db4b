"""The model interface; models are trained by gradient (`trained`) or fitted by formula (`closed_form`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import cast, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synapsnet.likelihoods import Likelihood
from synapsnet.models import serving
from synapsnet.models.online import Online
from synapsnet.models.per_session import parameters_per_session
from synapsnet.models.windows import GrowingWindow, WholeWindow
from synapsnet.session import Batch, Session, TaskSpec
from synapsnet.session.scale import Scale, scale_of


class Forecaster(nn.Module, ABC):
    """Predicts every unit's next bin from the past of a session.

    Args:
        spec: The sessions to serve, with their train statistics.
        likelihood: Likelihood of the next bin, given the returned numbers.
    """

    units_per_batch: int | None = None
    """Number of units that a training batch scores; None: all. Only a model that reads `Batch.units` sets it."""

    def __init__(self, *, spec: TaskSpec, likelihood: Likelihood) -> None:
        super().__init__()
        self.spec = spec
        self.likelihood = likelihood
        self._scales = nn.ModuleList(scale_of(spec, session) for session in range(len(spec.sessions)))

    @abstractmethod
    def forward(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        """Parameters of every next bin; causal, all steps of a window at once.

        Args:
            past: Counts, or z-scored calcium, ``[batch, time, units]``.
            behavior: Encoded behavior, ``[batch, time, features]``.
            session: Index of the session in ``spec.sessions``.
            slow: Slow state of every unit, from its own activity up to each bin, ``[batch, time, units, traces]``; see
                `Scale.slow`.

        Returns:
            ``[batch, time, units, n_params]``; ``[:, t]`` describes bin t+1 and depends only on bins ≤ t.
        """

    def last(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        """The last step of `forward`, ``[batch, units, n_params]``, without what earlier steps alone need."""
        params: Tensor = self(past, behavior, session, slow)[:, -1]
        return params

    def penalty(self) -> Tensor:
        """Regulariser added to the mean negative log-likelihood per unit-bin, a scalar."""
        return torch.zeros((), device=self.device)

    def per_session(self) -> frozenset[str]:
        """Names of the parameters that serve one session alone; all others are shared by the sessions.

        A new session takes shared parameters as they are (``mode=transfer``), and fits those of its own. A model that
        keeps parameters of a session in nothing but a ``ParameterList`` or `SessionModules` need not override this.
        """
        return parameters_per_session(self)

    @final
    def shared(self) -> dict[str, nn.Parameter]:
        """The parameters that all sessions share, by name."""
        own = self.per_session()
        return {name: parameter for name, parameter in self.named_parameters() if name not in own}

    def growing_window(self, session: int) -> GrowingWindow:
        """A window of a session, at first without bins, whose forecasts are the last steps of `forward`."""
        return WholeWindow(self, session)

    def params_of(self, batch: Batch) -> Tensor:
        """Parameters of every next bin of the units that a batch scores, ``[batch, time, units, n_params]``."""
        params: Tensor = self(batch.past, batch.behavior, batch.session, batch.slow)
        return params

    def training_loss(self, batch: Batch) -> Tensor:
        """Mean of `Likelihood.loss` per scored unit-bin; gradient steps lower its sum with `penalty`."""
        return self.loss_of(self.params_of(batch), batch)

    @final
    def loss_of(self, params: Tensor, batch: Batch) -> Tensor:
        """Mean of `Likelihood.loss` per scored unit-bin for the given parameters of every next bin, a scalar."""
        losses = self.likelihood.loss(params, batch.target).mean(-1)
        return (losses * batch.scored).sum() / batch.scored.sum()

    @final
    @property
    def device(self) -> torch.device:
        """Device of the model."""
        return self.scale(0).raw_mean.device

    @final
    def scale(self, session: int) -> Scale:
        """The scales of a session, with the statistics of its train split."""
        return cast(Scale, self._scales[session])

    @final
    def inputs(self, past: Tensor, session: int) -> Tensor:
        """Activity as every model sees it, see `Scale.inputs`, ``[batch, time, units]``."""
        return self.scale(session).inputs(past)

    @final
    def forecast(
        self,
        activity: Session | npt.NDArray[np.number],
        behavior: npt.NDArray[np.floating] | None = None,
        session: str | None = None,
    ) -> npt.NDArray[np.float32]:
        """One-step forecasts of a raw recording.

        Args:
            activity: A session, of which units and behavior are taken by their names. Or raw activity of one
                session's units (``spec.sessions[...].unit_ids``), ``[time, units]``.
            behavior: With an array: raw series in the order of ``spec.behavior_names``, ``[time, names]``; None if
                never observed.
            session: Name of the session in the model. Left out: the recording's own, or the only one there is.

        Returns:
            Expected activity in raw units, ``[time, units]``: row t forecasts bin t+1 from rows ≤ t. Rows with
            less than ``spec.context_bins`` of past in their segment hold NaN. Windows start at the first bin given, of
            a session at that of each segment. In a run's test they start at each piece of the test split. So decoders
            with a memory start elsewhere there, and the stored forecasts differ slightly.

        Raises:
            UserError: for an unknown session, units or bins that are not the model's, arrays of the wrong shape, and
                activity that is NaN, Inf or a negative count.
        """
        if isinstance(activity, Session):
            return serving.forecast_session(self, activity, session or activity.session_id)
        return serving.forecast(self, activity, behavior, session)

    @final
    def online(self, session: str | None = None) -> Online:
        """Forecasts of a session bin by bin, while it is recorded.

        Args:
            session: Name of the session in the model; may be left out if there is only one.

        Raises:
            UserError: for an unknown session.
        """
        return Online(self, serving.session_named(session, self.spec))
