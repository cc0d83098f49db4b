"""Training with Lightning: one module, one datamodule, loggers and callbacks."""
