"""Connectivity without a forecaster: the methods that a sceptic sets beside SynapsNet, one file a method."""
