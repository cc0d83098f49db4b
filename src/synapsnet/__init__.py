"""Forecast neuronal population activity and learn functional connectivity."""
