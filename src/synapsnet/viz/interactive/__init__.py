"""Figures of a web page, as plain ``data`` and ``layout`` for plotly; colours are legible on light and dark."""
