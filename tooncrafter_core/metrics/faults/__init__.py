"""What is wrong with a drawn clip, found without its truth: by its two keys and by its frames."""
