"""Ways to fill the frames between two keyframes, ToonCrafter among them."""
