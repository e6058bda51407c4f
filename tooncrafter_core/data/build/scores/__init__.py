"""What a clip is judged by: motion, text, captions, looks."""
