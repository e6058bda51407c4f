"""The scores of a clip: motion, text, captions, agreement with the caption, aesthetics."""
