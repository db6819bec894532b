"""Files and folders that are written whole or not at all."""

from hierseg_keras.files.written_beside import written_beside

__all__ = ["written_beside"]
