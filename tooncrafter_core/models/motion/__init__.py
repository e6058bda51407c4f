"""What the mini model has and the published one has not: it moves the keyframes by flow."""
