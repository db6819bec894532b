"""Reads files in a zip archive without unpacking it.

Nothing is written to disk, so that no name in an archive can lead outside of a folder.
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
    """A file or folder in a zip archive, with methods of `epath.Path`.

    Unlike `zipfile.Path` and `zipp.Path`, it can be compared and pickled, finds a file that the archive names `./a` or
    `b//c`, and opens an archive once for all threads.

    Attributes:
        archive: `epath.Path` of the archive.
        inside: String, path in the archive. Defaults to `"."`, the whole archive.

    Raises:
        ImageFileError: From any method, if the archive is not a complete zip file or contains two
            files of the same name. The error names the archive.
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
        """Returns the file as a stream, after reading it completely and comparing its checksum.

        Args:
            mode: Must be `"rb"`, the default.

        Raises:
            FileNotFoundError: If the archive has no such file.
            ImageFileError: If the file is larger than any image, according to the archive's directory.
        """
        assert mode == "rb"
        archive = _read(self.archive)
        if self.inside not in archive.files:
            raise FileNotFoundError(f"{self}: expected a file in the archive. Received: none of that name")
        member = archive.files[self.inside]
        if member.file_size > MAX_BYTES:
            raise ImageFileError(
                f"{self}: expected at most {MAX_BYTES:,} bytes. Received: {member.file_size:,}. It was not read"
            )
        return io.BytesIO(archive.zip_file.read(member))


@dataclasses.dataclass(frozen=True)
class _Archive:
    """An open archive. Several threads may read from it.

    Attributes:
        zip_file: `zipfile.ZipFile`.
        files: Dict from path to `zipfile.ZipInfo`.
        folders: Dict from the path of a folder to the set of names in it.
    """

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
        raise ImageFileError(f"{path}: expected a complete zip file. Received: {error}. Download it again") from error


@functools.lru_cache(maxsize=4)
def _read_once(path, length, mtime):
    """Opens an archive. The result is cached until its size or modification time changes."""
    zip_file = zipfile.ZipFile(path.open("rb"))
    files, folders, problems = {}, collections.defaultdict(set), []
    for member in zip_file.infolist():
        if member.is_dir():
            continue
        inside = pathlib.PurePosixPath(member.filename)
        if str(inside) in files:
            problems.append(f"{path}/{inside}: expected one file of this name in the archive. Received: several")
        files[str(inside)] = member
        for child, parent in zip((inside, *inside.parents), inside.parents):
            folders[str(parent)].add(child.name)
    if problems:
        raise ImageFileError(problems)
    return _Archive(zip_file, files, dict(folders))
