"""Files and folders that are written whole or not at all."""

from hierseg_keras.files.written_beside import write_whole, written_beside

__all__ = ["write_whole", "written_beside"]
