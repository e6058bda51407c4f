"""Typed configuration of every part, the named sizes, and the words that options take."""
