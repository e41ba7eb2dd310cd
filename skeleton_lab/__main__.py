"""`python -m skeleton_lab`."""

import sys

from skeleton_lab.cli import main

sys.exit(main())
