"""Everything about a run that can be set, and where it is read from."""
