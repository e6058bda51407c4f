"""Metrics, rivals, the paper's tables and the user study."""
