"""Training clips: drawn by a program, read from files, and cut from films."""
