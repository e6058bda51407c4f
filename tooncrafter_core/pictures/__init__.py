"""Pictures and films: read, written, fitted to a size, laid out on sheets; colours and alpha."""
