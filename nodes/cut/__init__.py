"""Nodes for cuts: many keys on an exposure sheet, and the files they come from."""
