"""SynapsNet: a decoder shared by units that interact through a learnable connectivity (arXiv 2411.08221)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import cast, final

import torch
from torch import Tensor, nn

from synapsnet.errors import UserError
from synapsnet.likelihoods import Likelihood
from synapsnet.models.carried import CarriedWindow
from synapsnet.models.committee import Member, Speakers
from synapsnet.models.connectivity.base import Connectivity
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster, Strongest
from synapsnet.models.decoders.base import Decoder
from synapsnet.models.evaluating import evaluating
from synapsnet.models.finishing import Polish, finish
from synapsnet.models.hooks import Finishing, Starting
from synapsnet.models.lags import by_lag
from synapsnet.models.trained import TrainedForecaster
from synapsnet.models.unobserved import UnobservedNeurons
from synapsnet.models.windows import GrowingWindow
from synapsnet.session import Batch, Batches, TaskSpec

UNITS_AT_ONCE = {"cpu": 64}  # decoded together, which changes no forecast: so many fit the cache of a core
UNIT_BINS_AT_ONCE = 4096  # and more units than that, if they are decoded in few bins
MOST_UNITS_AT_ONCE = 4096  # on other devices, where it bounds memory
RECEIVERS_AT_ONCE = 512  # whose strongest effects are computed together


@final
class SynapsNet(TrainedForecaster, ConnectivityForecaster, Starting, Finishing):
    """``I_t = A_s x_t`` and ``y_t+1 = decoder(x_<=t, s_t, I_<=t, b_<=t, e) + U(x_<=t, b_<=t)`` for each unit.

    Each session has its own ``A_s``, each unit its own slow state ``s`` and embedding ``e``, and all share the decoder.
    ``U`` is current from unobserved neurons (see `UnobservedNeurons`). Connections are the only path by which one
    unit's activity can reach another's forecast: directly by ``A_s``, or by way of unobserved neurons.

    The model is a committee of members that share ``A_s``. Each has a decoder, embeddings and unobserved neurons of its
    own and is trained on its own loss; the forecast is the mean of the members that speak. Who speaks, and whether
    unobserved neurons are heard, is decided at the end, on validation (see `synapsnet.models.finishing`): what direct
    connections explain as well is left to them. The paper's form is one member without unobserved neurons.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        connectivity: Builds the connectivity; called with ``spec``.
        decoder: Builds a decoder; called with ``spec`` and ``embedding_dim``.
        embedding_dim: Size of a unit's latent embedding.
        unobserved: Number of unobserved neurons of each member.
        unobserved_dropout: Dropout on the input and the state of unobserved neurons.
        slow_state: True if decoders read the units' slow state.
        polish_fraction: Gradient steps on the decoders once ``A`` is refined, as a share of the budget of training.
        polish_lr: Their peak learning rate.
        units_per_batch: Number of units, drawn at random for each training batch, that are decoded and scored; None:
            all units. They receive currents from all units. The mean of the loss over draws is the loss of all units.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        likelihood: Likelihood,
        connectivity: Callable[..., Connectivity],
        decoder: Callable[..., Decoder],
        embedding_dim: int,
        unobserved: Sequence[int],
        unobserved_dropout: float,
        slow_state: bool,
        polish_fraction: float,
        polish_lr: float,
        units_per_batch: int | None,
    ) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        if not unobserved or not all(isinstance(n, int) and n >= 0 for n in unobserved):
            raise UserError(f"model.unobserved must be whole numbers of neurons, one per member, got {unobserved!r}")
        if units_per_batch is not None and not (isinstance(units_per_batch, int) and units_per_batch > 0):
            raise UserError(f"model.units_per_batch must be a whole number above 0, or null, got {units_per_batch!r}")
        self.units_per_batch = units_per_batch
        self._slow_state = slow_state
        read = spec if slow_state else replace(spec, slow_s=())
        self.connectivity = connectivity(spec=spec)
        self.members = nn.ModuleList(
            Member(spec=read, decoder=decoder, embedding_dim=embedding_dim, n_unobserved=n, dropout=unobserved_dropout)
            for n in unobserved
        )
        self.n_unobserved = tuple(unobserved)
        self.speakers = Speakers(len(unobserved))
        self._polish = Polish(polish_fraction, polish_lr)

    def speak(self, members: Sequence[int], *, unobserved: bool = True) -> None:
        """Let only some members forecast, by their indices, with or without their unobserved neurons."""
        self.speakers.choose(members, heard=unobserved)

    @property
    def n_heard(self) -> tuple[int, ...]:
        """Number of unobserved neurons of each speaking member that take part in its forecast."""
        return tuple(self.n_unobserved[member] * self.speakers.heard for member in self.speakers.members)

    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return self.departure(inputs, self.connectivity(inputs, session), behavior, session, slow)

    def departure(self, inputs: Tensor, currents: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        """Mean drive of the speaking members for the given currents, ``[batch, time, units]``."""
        drives = self.decoded(inputs, currents, behavior, session, slow)
        return torch.stack(self._with_unobserved(drives, inputs, behavior, session)).mean(0)

    def _with_unobserved(
        self, drives: list[Tensor], inputs: Tensor, behavior: Tensor, session: int, units: Tensor | None = None
    ) -> list[Tensor]:
        """The last steps of every speaking member's drive, as `decoded` returns them, with its unobserved neurons."""
        added = list(drives)
        for place, member in enumerate(self.speaking_members()):
            if self.speakers.heard and member.unobserved is not None:
                sent = member.unobserved(inputs, behavior, session, units)
                added[place] = drives[place] + sent[:, -drives[place].shape[1] :]
        return added

    def decoded(
        self,
        inputs: Tensor,
        currents: Tensor,
        behavior: Tensor,
        session: int,
        slow: Tensor,
        *,
        units: Tensor | None = None,
        first: int = 0,
    ) -> list[Tensor]:
        """Drive by the decoder of each speaking member, without its unobserved neurons.

        Args:
            inputs: Scaled past activity of all units, ``[batch, time, all units]``.
            currents: Input currents of the units, ``[batch, time, units]``.
            behavior: Encoded behavior, ``[batch, time, features]``.
            session: Index of the session.
            slow: Slow state of the units, ``[batch, time, units, traces]``.
            units: Their indices; None: all units.
            first: The first step that is decoded.

        Returns:
            One ``[batch, time - first, units]`` for each.
        """
        own, read = inputs if units is None else inputs[..., units], self.read_slow(slow)
        chosen = torch.arange(inputs.shape[2], device=inputs.device) if units is None else units
        speakers = self.speaking_members()
        blocks = []
        n_bins = inputs.shape[0] * (inputs.shape[1] - first)
        at_once = max(UNITS_AT_ONCE.get(inputs.device.type, MOST_UNITS_AT_ONCE), UNIT_BINS_AT_ONCE // n_bins)
        split = (torch.split(part, at_once, dim=2) for part in (own, currents, read))
        for some, x, current, s in zip(torch.split(chosen, at_once), *split, strict=True):
            features = speakers[0].decoder.features(x, current, s, first)
            blocks.append([member.decoded(features, some, behavior, session, first) for member in speakers])
        return [torch.cat(parts, dim=2) for parts in zip(*blocks, strict=True)]

    def read_slow(self, slow: Tensor) -> Tensor:
        """The slow traces that decoders read: all or none."""
        return slow if self._slow_state else slow[..., :0]

    def last(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        drives = self._drives(past, behavior, session, slow, first=past.shape[1] - 1)
        return self.parameters_of(torch.stack(drives).mean(0), past[:, -1:], session)[:, 0]

    def _drives(
        self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, units: Tensor | None = None, first: int = 0
    ) -> list[Tensor]:
        """Drive of the units from step ``first`` on, by speaking member."""
        inputs = self.inputs(past, session)
        currents = self.connectivity(inputs, session, units)
        drives = self.decoded(inputs, currents, behavior, session, slow, units=units, first=first)
        return self._with_unobserved(drives, inputs, behavior, session, units)

    def growing_window(self, session: int) -> GrowingWindow:
        return CarriedWindow(self, session)

    def params_of(self, batch: Batch) -> Tensor:
        drives = self._drives(batch.past, batch.behavior, batch.session, batch.slow, batch.units)
        return self.parameters_of(torch.stack(drives).mean(0), batch.past, batch.session, batch.units)

    def training_loss(self, batch: Batch) -> Tensor:
        """Mean of the members' own losses, because members trained on their mean forecast would not be a committee.

        No window is scored before it has its context, so these steps are not decoded.
        """
        first, session, units = self.spec.context_bins - 1, batch.session, batch.units
        late = batch.since(first)
        drives = self._drives(batch.past, batch.behavior, session, batch.slow, units, first)
        params = [self.parameters_of(drive, late.past, session, units) for drive in drives]
        return torch.stack([self.loss_of(of_member, late) for of_member in params]).mean()

    def start(self, train: Batches) -> None:
        self.connectivity.start(self, train)

    def finish(self, train: Batches, validation: Batches, shuffled: Iterable[Batch], budget: int) -> list[str]:
        chosen = finish(self, self._polish, budget, train=train, validation=validation, shuffled=shuffled)
        return [*chosen, *super().finish(train, validation, shuffled, budget)]

    def penalty(self) -> Tensor:
        return self.connectivity.penalty()

    def raw_connectivity(self, session: int) -> Tensor:
        return self.connectivity.matrix(session)

    def inclusion(self, session: int) -> Tensor | None:
        return self.connectivity.inclusion(session)

    def as_read(self) -> AbstractContextManager[None]:
        return self.connectivity.as_read()

    def without_edges(self, session: int, removed: Tensor) -> AbstractContextManager[None]:
        return self.connectivity.without_edges(session, removed)

    @contextmanager
    def without_unobserved(self) -> Iterator[None]:
        heard = [neurons for neurons in self.unobserved() if not neurons.silenced]
        for neurons in heard:
            neurons.silenced = True
        try:
            yield
        finally:
            for neurons in heard:
                neurons.silenced = False

    def effective_connectivity(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_lags: int) -> Tensor:
        """Mean Jacobian through the current.

        ``W_lij = E[ dŷ_i,t+1/dI_i,t-l · dx_j,t-l/da_j,t-l ] · A_ij`` for raw activity ``a`` and its scaled form ``x``.
        This is exact, because decoders see one unit at a time, and one backward pass serves all pairs. Raw A is not
        identified: if its sign and the sign of the decoder's response are flipped, or if one is scaled up and the other
        down, the forecast is unchanged.
        """
        # cuDNN cannot differentiate a recurrent decoder in evaluation mode.
        with evaluating(self), self.as_read(), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            inputs = self.inputs(past, session).detach()
            currents = self.connectivity(inputs, session).detach().requires_grad_()
            mean = self.expected(self.departure(inputs, currents, behavior, session, slow), past, session)[:, -1]
            (response,) = torch.autograd.grad(mean.sum(), currents)
            matrix = self.connectivity.matrix(session).detach()
        scale = self.scale(session)
        gain, first_near = scale.input_gain(past), max(past.shape[1] - n_lags + 1, 0)
        # One matrix per separate lag; earlier lags in a single product, because a matrix for each would fill memory.
        by_bin = torch.einsum("bti,btj->tij", response[:, first_near:], gain[:, first_near:]).flip(0)
        rest = torch.einsum("bti,btj->ij", response[:, :first_near], gain[:, :first_near])[None]
        slopes = by_lag(torch.cat([by_bin, rest]), n_lags) / len(past)
        return scale.raw_size[:, None] * slopes * matrix

    def strongest_effects(
        self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_senders: int
    ) -> Strongest:
        scale = self.scale(session)
        gain, found = scale.input_gain(past), list[Strongest]()
        typical = gain.mean((0, 1))
        with evaluating(self), self.as_read(), torch.backends.cudnn.flags(enabled=False):
            inputs = self.inputs(past, session).detach()
            for units in torch.split(torch.arange(past.shape[2], device=past.device), RECEIVERS_AT_ONCE):
                rows = self.connectivity.rows(session, units).detach()
                senders = (rows.abs() * typical).topk(n_senders, dim=1).indices.sort(dim=1).values
                with torch.enable_grad():
                    currents = self.connectivity(inputs, session, units).detach().requires_grad_()
                    decoded = self.decoded(inputs, currents, behavior, session, slow[:, :, units], units=units)
                    drives = self._with_unobserved(decoded, inputs, behavior, session, units)
                    params = self.parameters_of(torch.stack(drives).mean(0), past, session, units)
                    (response,) = torch.autograd.grad(self.likelihood.mean(params)[:, -1].sum(), currents)
                raw, slope = rows.gather(1, senders), (response[..., None] * gain[..., senders]).sum((0, 1)) / len(past)
                found.append(Strongest(senders, scale.raw_size[units][:, None] * slope * raw, raw))
        return Strongest(*(torch.cat(parts) for parts in zip(*found, strict=True)))

    def via_unobserved(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_lags: int) -> Tensor:
        """Mean Jacobian through unobserved neurons, by one backward pass per receiver."""
        n_units, neurons = past.shape[2], self.unobserved()
        if not neurons:
            return past.new_zeros(n_lags, n_units, n_units)
        scale = self.scale(session)
        with evaluating(self), self.as_read(), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            inputs = self.inputs(past, session).detach().requires_grad_()
            with torch.no_grad():
                drive = self.drive(inputs, behavior, session, slow).requires_grad_()
            (slope,) = torch.autograd.grad(self.expected(drive, past, session)[:, -1].sum(), drive)
            sent = sum(group(inputs, behavior, session)[:, -1] for group in neurons) / len(self.n_heard)
            moved = cast(Tensor, sent) * slope[:, -1]
            gain = scale.input_gain(past)
            rows = []
            for unit in range(n_units):
                (gradient,) = torch.autograd.grad(moved[:, unit].sum(), inputs, retain_graph=True)
                rows.append(by_lag((gradient * gain).mean(0).flip(0), n_lags))
        effects = torch.stack(rows, dim=1) * scale.raw_size[:, None]
        return effects * (1 - torch.eye(n_units, device=past.device))

    def unobserved(self) -> list[UnobservedNeurons]:
        """The unobserved neurons that take part in the forecasts of speaking members."""
        members = self.speaking_members() if self.speakers.heard else []
        return [member.unobserved for member in members if member.unobserved is not None]

    def speaking_members(self) -> list[Member]:
        """The members whose mean is the forecast."""
        return [cast(Member, self.members[index]) for index in self.speakers.members]
