"""How well colour lock takes back drifts of known size, and how well a matte comes out."""
