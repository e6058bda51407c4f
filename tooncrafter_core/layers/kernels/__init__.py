"""Fused kernels for NVIDIA cards: what torch computes in several passes over memory, in one.

They are written in Triton, which torch brings along on Linux; elsewhere, or where Triton cannot
work, everything is computed by torch's own operations. The mathematics is the same.
"""
