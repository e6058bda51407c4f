"""A cut: keys, in-betweens and the exposure sheet that says when each drawing is shown."""
