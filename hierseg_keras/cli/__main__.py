"""Runs `hierseg` as `python -m hierseg_keras.cli`, which prints help more slowly because it imports TensorFlow."""

import sys

from hierseg_keras.cli.main import main

sys.exit(main())
