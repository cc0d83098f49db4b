"""Figures: pure functions from arrays to a matplotlib Figure, without pyplot and its global state."""

from matplotlib.figure import Figure

__all__ = ["Figure"]
