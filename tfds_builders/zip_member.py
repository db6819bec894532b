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

from tfds_builders.image_files import MAX_PIXELS, ImageFileError

# What an image of the most pixels takes that are read here, in 16-bit RGB and not compressed.
MAX_BYTES = 6 * MAX_PIXELS


@dataclasses.dataclass(frozen=True)
class ZipMember:
    """A file in a zip archive, which the readers of `image_files` take in place of a path. It pickles.

    Attributes:
        archive: `epath.Path` of the archive.
        member: The file's path inside.
    """

    archive: epath.Path
    member: str

    def __str__(self):
        return f"{self.archive}/{self.member}"

    @property
    def name(self):
        return pathlib.PurePosixPath(self.member).name

    @property
    def suffix(self):
        return pathlib.PurePosixPath(self.member).suffix

    def open(self, mode="rb"):
        """The file's bytes as a stream, whole and with their check sum compared.

        Raises:
            ImageFileError: If the archive's directory says that it is absurdly large.
        """
        assert mode == "rb"
        archive = _opened(self.archive)
        size = archive.getinfo(self.member).file_size
        if size > MAX_BYTES:
            raise ImageFileError(f"{self}: expected at most {MAX_BYTES:,} bytes. Received: {size:,}. It was not read")
        return io.BytesIO(archive.read(self.member))


def zip_members(path):
    """Lists an archive.

    Args:
        path: Path to a `.zip` file.

    Returns:
        Dict from path inside to `ZipMember`, without folders.

    Raises:
        ImageFileError: That names the archive, if it is no whole zip file or gives a name twice.
    """
    path = epath.Path(path)
    try:
        names = collections.Counter(info.filename for info in _opened(path).infolist() if not info.is_dir())
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ImageFileError(f"{path}: expected a whole zip file. Received: {error}. Download it anew") from error
    problems = [f"{path}/{name}: expected one file. Received: {count}" for name, count in names.items() if count > 1]
    if problems:
        raise ImageFileError(problems)
    return {name: ZipMember(path, name) for name in names}


def _opened(path):
    stat = path.stat()
    return _opened_once(path, stat.length, stat.mtime)


@functools.lru_cache(maxsize=4)
def _opened_once(path, length, mtime):
    """Several threads may read from one `ZipFile`; the size and time make a file that was replaced another one."""
    return zipfile.ZipFile(path.open("rb"))
