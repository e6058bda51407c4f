"""``--candidates`` and ``--take``: several seeds of a clip, of which one is taken."""
