"""Writes files and folders atomically: completely or not at all."""

from hierseg_keras.files.file_hash import file_hash
from hierseg_keras.files.file_writer import written_into
from hierseg_keras.files.json_file import read_json
from hierseg_keras.files.written_beside import write_whole, written_beside

__all__ = ["file_hash", "read_json", "write_whole", "written_beside", "written_into"]
