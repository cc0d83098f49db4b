"""Forecasters behind one interface, one file a model; `synapsnet.models.base` says what a model is."""
