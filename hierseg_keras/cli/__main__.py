"""`python -m hierseg_keras.cli` is `hierseg`, slower to print its help."""

import sys

from hierseg_keras.cli.main import main

sys.exit(main())
