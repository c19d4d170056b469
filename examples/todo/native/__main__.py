"""Run the command line."""

import sys

from todo.native.app import main

sys.exit(main())
