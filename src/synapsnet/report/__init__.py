"""Judgements over runs: how far a connectivity matrix can be trusted, and which runs are missing to judge it."""
