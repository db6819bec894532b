"""Runs `hierseg` as `python -m hierseg_command`."""

import sys

from hierseg_command.main import main

sys.exit(main())
