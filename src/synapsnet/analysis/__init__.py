"""Analysis of estimated connectivity: reading it off a model, its uncertainty, and its accuracy."""
