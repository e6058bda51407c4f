"""The blind user study: its page, and the count of the raters' answers."""
