"""The strongest connections in space: a static figure and an interactive one."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3DCollection

from synapsnet.errors import UserError
from synapsnet.viz.style import (
    BLUE,
    DARK,
    GREY,
    LABEL_SIZE,
    LIGHT,
    TICK_SIZE,
    VERMILION,
    heading,
    new_figure,
    require_square,
    shown_session,
)

AXES = ("x (µm)", "y (µm)", "z (µm)")
SIGNS = (("excites", 1, VERMILION), ("inhibits", -1, BLUE))
PIECES = 12  # number of steps in which a line becomes thinner from sender to receiver
HEAD = 0.02  # size of an arrow head in the interactive view, as a fraction of the recorded volume's diagonal


def draw_network(
    connectivity: npt.NDArray[np.floating],
    positions: npt.NDArray[np.floating],
    *,
    n_connections: int,
    session_id: str,
) -> Figure:
    """The strongest connections between units in space; a line is thick at its sender and thin at its receiver.

    Args:
        connectivity: Effect of each sender on each receiver, ``[post, pre]``.
        positions: Coordinates of the units in µm, ``[units, 3]``.
        n_connections: Largest number of connections to draw.
        session_id: Name of the session in the title.

    Raises:
        UserError: if the shapes do not match or a coordinate is not finite.
    """
    post, pre = _checked(connectivity, positions, n_connections)
    effect = connectivity[post, pre]
    figure = new_figure(8.0, 7.0)
    with rc_context({"grid.color": LIGHT, "grid.linewidth": 0.5}):  # 3-D axes read these on creation
        axes = cast(Axes3D, figure.add_subplot(projection="3d"))
    linked = np.union1d(post, pre)
    alone = np.setdiff1d(np.arange(len(positions)), linked)
    axes.scatter(*positions[alone].T, s=10, color=LIGHT, depthshade=False, label="other units")
    axes.scatter(*positions[linked].T, s=22, color=DARK, depthshade=False, label="units with a connection shown")
    steps = np.linspace(0.0, 1.0, PIECES + 1)[:, None, None]
    points = positions[pre] + steps * (positions[post] - positions[pre])  # [points, connections, 3]
    thickness = np.sqrt(np.abs(effect) / np.abs(effect).max(initial=1e-300))
    for name, sign, color in SIGNS:
        of_sign = np.sign(effect) == sign
        if not of_sign.any():
            continue
        pieces = np.stack([points[:-1, of_sign], points[1:, of_sign]], axis=2).reshape(-1, 2, 3)
        widths = np.outer(np.linspace(3.2, 0.4, PIECES), thickness[of_sign]).ravel()
        axes.add_collection(Line3DCollection(list(pieces), colors=color, linewidths=widths, alpha=0.7))
        axes.plot([], [], [], color=color, linewidth=2.4, label=f"{name} ({of_sign.sum()})")
    sides = _sides(positions)
    low, high = positions.min(0), positions.max(0)
    low, high = (low + high - sides) / 2, (low + high + sides) / 2
    axes.set(**{f"{name}lim": limits for name, limits in zip("xyz", np.stack([low, high], 1), strict=True)})
    for axis, label, side in zip((axes.xaxis, axes.yaxis, axes.zaxis), AXES, sides, strict=True):
        axis.set_major_locator(MaxNLocator(max(2, round(5 * side / sides.max()))))
        axis.set_label_text(label, fontsize=LABEL_SIZE, color=DARK)
        axis.set_tick_params(labelsize=TICK_SIZE, colors=DARK, pad=4)
        axis.set_pane_color((1.0, 1.0, 1.0, 0.0))
        axis.labelpad = 11
    axes.set_box_aspect(sides, zoom=0.88)
    axes.view_init(elev=22 if np.ptp(positions[:, 2]) > 0 else 55)  # a plane is seen from above
    figure.legend(
        loc="outside lower center", ncols=2, frameon=False, fontsize=LABEL_SIZE,
        title="a line is thick at its sender and thin at its receiver", title_fontsize=LABEL_SIZE,
    )  # fmt: skip
    heading(figure, f"{shown_session(session_id)}: the {len(post)} strongest connections of {len(positions)} units")
    return figure


def network_page(
    connectivity: npt.NDArray[np.floating],
    positions: npt.NDArray[np.floating],
    *,
    n_connections: int,
    unit_ids: tuple[str, ...],
    session_id: str,
) -> str:
    """The same as an interactive web page; an arrow points from sender to receiver.

    The page contains plotly (about 5 MB), so it opens without a network connection and keeps working.

    Args:
        connectivity: Effect of each sender on each receiver, ``[post, pre]``.
        positions: Coordinates of the units in µm, ``[units, 3]``.
        n_connections: Largest number of connections to draw.
        unit_ids: Names of the units.
        session_id: Name of the session in the title.

    Returns:
        The HTML.

    Raises:
        UserError: if the shapes do not match or a coordinate is not finite.
    """
    figure = interactive_network(
        connectivity, positions, n_connections=n_connections, unit_ids=unit_ids, session_id=session_id
    )
    return str(figure.to_html(include_plotlyjs=True, full_html=True))


def interactive_network(
    connectivity: npt.NDArray[np.floating],
    positions: npt.NDArray[np.floating],
    *,
    n_connections: int,
    unit_ids: tuple[str, ...],
    session_id: str,
) -> go.Figure:
    """The plotly figure of `network_page`."""
    post, pre = _checked(connectivity, positions, n_connections)
    if len(unit_ids) != len(positions):
        raise UserError(f"{len(unit_ids)} unit_ids for {len(positions)} units")
    effect = connectivity[post, pre]
    figure = go.Figure()
    x, y, z = positions.T
    marker = {"size": 3, "color": GREY}
    figure.add_scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, text=unit_ids, hoverinfo="text", name="units")
    head = HEAD * float(np.linalg.norm(np.ptp(positions, axis=0)))
    for name, sign, color in SIGNS:
        of_sign = np.flatnonzero(np.sign(effect) == sign)
        start, stop = positions[pre[of_sign]], positions[post[of_sign]]
        # NaN separates one line from the next.
        lines = np.stack([start, stop, np.full_like(start, np.nan)], axis=1).reshape(-1, 3)
        figure.add_scatter3d(
            x=lines[:, 0], y=lines[:, 1], z=lines[:, 2], mode="lines", line={"color": color, "width": 3},
            hoverinfo="skip", name=f"{name} ({len(of_sign)})", legendgroup=name,
        )  # fmt: skip
        away = stop - start
        length = np.linalg.norm(away, axis=1, keepdims=True)
        away = np.divide(away, length, out=np.zeros_like(away), where=length > 0)
        texts = [
            f"{unit_ids[pre[edge]]} {name} {unit_ids[post[edge]]}<br>effect {effect[edge]:.3g}" for edge in of_sign
        ]
        figure.add_cone(
            x=stop[:, 0], y=stop[:, 1], z=stop[:, 2], u=away[:, 0], v=away[:, 1], w=away[:, 2],
            anchor="tip", sizemode="absolute", sizeref=head, showscale=False, colorscale=[[0, color], [1, color]],
            text=texts, hoverinfo="text", legendgroup=name, name=name,
        )  # fmt: skip
    axes = {axis: {"title": {"text": label}} for axis, label in zip(("xaxis", "yaxis", "zaxis"), AXES, strict=True)}
    figure.update_layout(
        title={"text": f"{session_id}: the {len(post)} strongest connections"},
        scene=axes | {"aspectmode": "data"}, template="plotly_white", legend={"itemsizing": "constant"},
    )  # fmt: skip
    return figure


def strongest_connections(
    connectivity: npt.NDArray[np.floating], n_connections: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Receivers and senders of the connections with the largest non-zero absolute effects, strongest first."""
    size = np.abs(connectivity) * ~np.eye(len(connectivity), dtype=bool)
    strongest = np.argsort(-size, axis=None, kind="stable")[: min(n_connections, int(np.count_nonzero(size)))]
    post, pre = np.unravel_index(strongest, size.shape)
    return np.asarray(post, dtype=np.int64), np.asarray(pre, dtype=np.int64)


def _checked(
    connectivity: npt.NDArray[np.floating], positions: npt.NDArray[np.floating], n_connections: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Check the arguments, and return the receivers and senders to draw."""
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise UserError(f"positions must be [units, 3] in µm, got shape {positions.shape}")
    if not np.isfinite(positions).all():
        raise UserError("positions have NaN or Inf values; draw only units with a known position")
    require_square(connectivity, len(positions), "connectivity")
    if n_connections < 1:
        raise UserError(f"n_connections must be at least 1, got {n_connections}")
    return strongest_connections(connectivity, n_connections)


def _sides(positions: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Sides of the drawn box in µm, each at least a third of the longest, because a plane has no height."""
    sides = 1.04 * np.ptp(positions, axis=0).astype(np.float64)
    return np.asarray(np.maximum(sides, max(float(sides.max()), 1.0) / 3), dtype=np.float64)
