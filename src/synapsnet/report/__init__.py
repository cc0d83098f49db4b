"""Judgements over runs: how far a connectivity matrix can be trusted, and what is missing to know."""
