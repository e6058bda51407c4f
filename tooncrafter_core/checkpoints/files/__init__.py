"""Weight files as such: what form they have, read without running them, written and checked."""
