"""Motion through keys: which of them are joints of it, and how it is smoothed there."""
