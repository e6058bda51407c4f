"""The clips of a step, and what the frozen networks make of them."""
