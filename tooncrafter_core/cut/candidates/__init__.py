"""Candidates: several seeds of one clip, ranked by what is wrong with each."""
