"""The paper's training stages, and the loop that runs them."""
