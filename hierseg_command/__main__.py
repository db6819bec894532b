"""`python -m hierseg_command` is `hierseg`."""

import sys

from hierseg_command.main import main

sys.exit(main())
