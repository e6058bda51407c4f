"""Data sets made of films: shots, scores, a manifest, shards, a report."""
