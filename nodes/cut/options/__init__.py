"""What a cut may also have: sketches, alpha, and what is done to drawings after they were drawn."""
