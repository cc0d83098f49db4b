"""Decoders shared by all units of all sessions, one form per file. A decoder sees one unit at a time.

Each decoder maps a unit's own past, its past input current, its embedding and the behavior to the departure of its next
bin from its baseline. Nothing in this package may mix units, because connectivity is the only path between them.

An embedding has two effects: it is an input of the nonlinear part, and it sets the unit's own linear filters (a filter
bank shared by all units, mixed by the embedding). The linear filters let a shared decoder serve units with very
different time scales.
"""
