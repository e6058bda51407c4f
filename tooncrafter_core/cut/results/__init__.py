"""What people look at of a cut: its film, a page about it, and its sprites."""
