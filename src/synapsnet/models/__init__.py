"""Forecasters behind one interface, one file per model; `synapsnet.models.base` defines the interface."""
