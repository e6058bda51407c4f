"""The training stages: which parameters learn, the losses and the previews."""
