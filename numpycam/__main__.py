"""``python -m numpycam`` is ``numpycam``."""

import sys

from numpycam.cli import main

sys.exit(main())
