"""The blind user study: its page, and what raters answered."""
