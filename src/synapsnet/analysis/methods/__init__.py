"""Model-free connectivity estimates, for comparison with SynapsNet; one file per method."""
