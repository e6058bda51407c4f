"""Comparisons of methods on clips, the paper's tables and the user study."""
