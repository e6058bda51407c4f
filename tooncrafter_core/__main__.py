"""Entry point of ``python -m tooncrafter_core``."""

import sys

from .cli import main

sys.exit(main())
