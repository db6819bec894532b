"""Files inside a zip archive, read where they are.

Nothing is ever written to disk, so that no name in an archive can lead outside a folder.
"""

import collections
import dataclasses
import functools
import io
import pathlib
import zipfile

from etils import epath

from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.image_header import MAX_BYTES


@dataclasses.dataclass(frozen=True, order=True)
class ZipPath:
    """A file or folder in a zip archive, which stands in for an `epath.Path` and, unlike `zipfile.Path`, pickles.

    Attributes:
        archive: `epath.Path` of the archive.
        inside: The path in it. Defaults to all of it.

    Raises:
        ImageFileError: That names the archive, by any of the methods, if it is no whole zip file
            or holds two files of one name.
    """

    archive: epath.Path
    inside: str = "."

    def __truediv__(self, name):
        return ZipPath(self.archive, str(pathlib.PurePosixPath(self.inside, name)))

    def __str__(self):
        return f"{self.archive}/{self.inside}"

    @property
    def name(self):
        return pathlib.PurePosixPath(self.inside).name

    @property
    def stem(self):
        return pathlib.PurePosixPath(self.inside).stem

    @property
    def suffix(self):
        return pathlib.PurePosixPath(self.inside).suffix

    def is_dir(self):
        return self.inside in _read(self.archive).folders

    def exists(self):
        return self.is_dir() or self.inside in _read(self.archive).files

    def iterdir(self):
        return (self / name for name in _read(self.archive).folders[self.inside])

    def open(self, mode="rb"):
        """The file's bytes as a stream, whole and with their check sum compared.

        Raises:
            ImageFileError: If the archive's directory says that it is absurdly large.
        """
        assert mode == "rb"
        archive = _read(self.archive)
        if self.inside not in archive.files:
            raise FileNotFoundError(f"{self}: no such file in the archive")
        member = archive.files[self.inside]
        if member.file_size > MAX_BYTES:
            raise ImageFileError(
                f"{self}: expected at most {MAX_BYTES:,} bytes. Received: {member.file_size:,}. It was not read"
            )
        return io.BytesIO(archive.zip_file.read(member))


@dataclasses.dataclass(frozen=True)
class _Archive:
    """An open archive, from which several threads may read; what it holds, by path; and each folder's names."""

    zip_file: zipfile.ZipFile
    files: dict
    folders: dict


def _read(path):
    try:
        stat = path.stat()
        return _read_once(path, stat.length, stat.mtime)
    except ImageFileError:
        raise
    # A damaged directory makes zipfile raise BadZipFile, IndexError, struct.error, UnicodeDecodeError and others.
    except Exception as error:
        raise ImageFileError(f"{path}: expected a whole zip file. Received: {error}. Download it anew") from error


@functools.lru_cache(maxsize=4)
def _read_once(path, length, mtime):
    """Once for a file, of which its size and time tell whether it was replaced."""
    zip_file = zipfile.ZipFile(path.open("rb"))
    files, folders, problems = {}, collections.defaultdict(set), []
    for member in zip_file.infolist():
        if member.is_dir():
            continue
        inside = pathlib.PurePosixPath(member.filename)
        if str(inside) in files:
            problems.append(f"{path}/{inside}: expected one file of that name in the archive. Received: another")
        files[str(inside)] = member
        for child, parent in zip((inside, *inside.parents), inside.parents):
            folders[str(parent)].add(child.name)
    if problems:
        raise ImageFileError(problems)
    return _Archive(zip_file, files, dict(folders))
