"""Training clips as the torch data set reads them: from frames, films, shards or a program."""
