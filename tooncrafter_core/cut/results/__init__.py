"""What people look at of a cut: its film, and a page about it."""
