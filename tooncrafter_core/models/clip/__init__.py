"""OpenCLIP's text and image encoders."""
