"""Conditioning: prompts and pictures become tokens, keyframes are checked and fitted."""
