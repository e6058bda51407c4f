"""Options of ``interpolate`` and ``cut`` for colours and transparency."""
