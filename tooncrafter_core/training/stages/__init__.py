"""The paper's stages: what learns, from which loss, and how it is shown."""
