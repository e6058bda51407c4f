"""Transparency of drawings: laid on a matte for a model that knows none, and taken out again."""
