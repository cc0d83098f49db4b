"""Decoders shared by all units of all sessions, one form a file. A decoder sees one unit at a time.

Each maps a unit's own past, its past input current, its embedding and the behavior to how its next bin departs
from its baseline. Nothing in here may mix units: connectivity is the only path between them.

Where an embedding meets a signal, it does so twice: it is an input of the nonlinear part, and it sets the unit's own
linear filters (a filter bank shared by all units, mixed by the embedding). The second lets a shared decoder hold
units of very different time scales.
"""
