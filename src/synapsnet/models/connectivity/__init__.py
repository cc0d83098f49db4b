"""Directed functional connectivity, which turns a unit's activity into current to the others; one form per file.

A session has one matrix ``A [post, pre]`` with a zero diagonal, and ``I_t = A x_t`` (SynapsNet, arXiv 2411.08221).
"""
