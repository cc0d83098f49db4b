"""Directed functional connectivity: how a unit's activity becomes current into the others, one form a file.

A session has one matrix ``A [post, pre]`` with a zero diagonal, and ``I_t = A x_t`` (SynapsNet, arXiv 2411.08221).
"""
