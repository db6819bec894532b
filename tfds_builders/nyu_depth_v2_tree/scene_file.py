"""`nyu_depth_v2_labeled.mat`, read one scene at a time."""

import itertools

import numpy as np
from etils import epath

from tfds_builders.paired_images import MAX_PIXELS, ImageFileError

NUM_RAW_CLASSES = 894
_DTYPES = {"images": np.uint8, "depths": np.float32, "labels": np.uint16}
_SHUFFLE, _DEFLATE = 2, 1  # HDF5's numbers of its filters.


class SceneFile:
    """The labelled scenes of NYU-Depth-v2 in a MATLAB 7.3 file; a context manager, which closes it.

    Opening it checks that all three variables are there and agree, and reads no pixel.

    Args:
        path: `nyu_depth_v2_labeled.mat`, with `images` uint8 `(H, W, 3, N)`, `depths` float32
            `(H, W, N)` and `labels` uint16 `(H, W, N)`, as MATLAB shows them.

    Attributes:
        path: The same.
        num_scenes: N.

    Raises:
        ImageFileError: That names the file, where it is damaged or holds anything else.
    """

    def __init__(self, path):
        import h5py

        self.path = epath.Path(path)
        try:
            self._file = h5py.File(self.path, "r")
        # Damaged bytes make h5py raise OSError, RuntimeError, KeyError, ValueError and others, here and below.
        except Exception as error:
            raise self._damaged(error) from error
        try:
            self._variables = {name: self._variable(h5py, name) for name in _DTYPES}
            self.num_scenes = self._check_shapes()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def read(self, number):
        """Reads a scene.

        Args:
            number: Integer in 1 .. `num_scenes`, as MATLAB and the lists of splits count.

        Returns:
            `(image, depth, label)`: `(H, W, 3)` uint8; `(H, W, 1)` float32, metres, finite and not
            negative; `(H, W, 1)` uint16, raw class ids in 0 .. 894, 0 unlabelled.

        Raises:
            ImageFileError: That names the file and the scene, where one of them is damaged or out of range.
        """
        # MATLAB 7.3 writes HDF5, in which MATLAB's axes come in reverse: the scene first, columns before rows.
        image, depth, label = (self._scene(name, number).transpose() for name in _DTYPES)
        if not (np.isfinite(depth).all() and depth.min() >= 0):
            raise ImageFileError(
                f"{self.path}: expected depths in metres. Received: from {depth.min()} to {depth.max()} in scene {number}"
            )
        if label.max() > NUM_RAW_CLASSES:
            raise ImageFileError(
                f"{self.path}: expected raw class ids in 0 .. {NUM_RAW_CLASSES}. Received: {label.max()} in "
                f"scene {number} ({(label > NUM_RAW_CLASSES).sum()} px out of range)"
            )
        return image, depth[..., None], label[..., None]

    def _scene(self, name, number):
        try:
            return self._variables[name][number - 1]
        except Exception as error:
            raise self._damaged(f"scene {number} of `{name}`: {error}") from error

    def _variable(self, h5py, name):
        try:
            is_inside = isinstance(self._file.get(name, getlink=True), h5py.HardLink)
            variable = self._file[name] if is_inside else None
            if not isinstance(variable, h5py.Dataset) or variable.is_virtual or variable.external:
                raise self._unexpected(f"an array `{name}` in the file itself", type(variable).__name__)
            if variable.dtype != _DTYPES[name]:
                raise self._unexpected(f"`{name}` of {np.dtype(_DTYPES[name])}", variable.dtype)
            return variable
        except ImageFileError:
            raise
        except Exception as error:
            raise self._damaged(error) from error

    def _check_shapes(self):
        shapes = {name: variable.shape or () for name, variable in self._variables.items()}
        num_scenes, *size = shapes["labels"] if len(shapes["labels"]) == 3 else (0,)
        expected = {"images": (num_scenes, 3, *size), "depths": (num_scenes, *size), "labels": (num_scenes, *size)}
        if shapes != expected or not num_scenes:
            raise self._unexpected(
                "`images` N x 3 x W x H, `depths` and `labels` N x W x H, as HDF5 shows them",
                ", ".join(f"`{name}` {' x '.join(map(str, shape))}" for name, shape in shapes.items()),
            )
        if not 0 < size[0] * size[1] <= MAX_PIXELS:
            raise self._unexpected(f"scenes of at most {MAX_PIXELS // 1_000_000} megapixels", f"{size[0]} x {size[1]}")
        return num_scenes

    def _damaged(self, reason):
        return self._unexpected("a whole MATLAB 7.3 file", str(reason) or type(reason).__name__)

    def _unexpected(self, expected, received):
        return ImageFileError(
            f"{self.path}: expected {expected}. Received: {received}. Download nyu_depth_v2_labeled.mat again"
        )
