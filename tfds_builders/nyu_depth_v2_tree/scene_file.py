"""Reads `nyu_depth_v2_labeled.mat` one scene at a time."""

import numpy as np
from etils import epath

from tfds_builders.reading.check_labels import check_ids
from tfds_builders.reading.file_problems import ImageFileError
from tfds_builders.reading.image_header import MAX_PIXELS
from tfds_builders.reading.matlab_v7 import SlicedArray

NUM_RAW_IDS = 895
_DTYPES = {"images": np.uint8, "depths": np.float32, "labels": np.uint16}


class SceneFile:
    """The file of the labeled scenes of NYU-Depth-v2. As a context manager it closes the file.

    Opening the file checks the names and shapes of its variables. It does not read pixels.

    Args:
        path: Path of `nyu_depth_v2_labeled.mat`, with `images` uint8 `(H, W, 3, N)`, `depths` float32
            `(H, W, N)` and `labels` uint16 `(H, W, N)`. These are the shapes in MATLAB.

    Attributes:
        num_scenes: Integer, N.
        has_check_sums: Boolean, whether all variables are compressed, so that their checksums detect
            damaged values.

    Raises:
        ImageFileError: If the file is damaged or has other variables. The error names the file.
    """

    def __init__(self, path):
        import h5py

        self._path = epath.Path(path)
        try:
            self._file = h5py.File(self._path, "r")
        except Exception as error:
            raise self._unexpected("a MATLAB 7.3 file", error) from error
        try:
            self._arrays = {name: SlicedArray(self._file, name, dtype) for name, dtype in _DTYPES.items()}
            self.has_check_sums = all(array.has_check_sums for array in self._arrays.values())
            self.num_scenes = self._check_shapes({name: array.shape for name, array in self._arrays.items()})
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
            number: Integer from 1 to `num_scenes`, as in MATLAB and in the lists of splits.

        Returns:
            A triple `(image, depth, label)`: uint8 `(H, W, 3)`; float32 `(H, W, 1)` in meters, finite
            and at least 0; and uint16 `(H, W, 1)`, raw class ids in 0 .. 894, where 0 is unlabeled.

        Raises:
            ImageFileError: If the scene is damaged or its values are out of range. The error names
                the file and the scene.
        """
        # In HDF5 a scene is stored as columns x rows.
        image, depth, label = (np.ascontiguousarray(self._arrays[name][number - 1].transpose()) for name in _DTYPES)
        if not np.isfinite(depth).all() or depth.min() < 0:
            raise self._unexpected("finite depths of at least 0", f"{depth.min()} to {depth.max()} in scene {number}")
        check_ids(f"{self._path}, scene {number}", label, NUM_RAW_IDS)
        return image, depth[..., None], label[..., None]

    def _check_shapes(self, shapes):
        num_scenes, *size = shapes["labels"] if len(shapes["labels"]) == 3 else (0, 0, 0)
        expected = {"images": (num_scenes, 3, *size), "depths": (num_scenes, *size), "labels": (num_scenes, *size)}
        if shapes != expected or not num_scenes or not 0 < size[0] * size[1] <= MAX_PIXELS:
            raise self._unexpected(
                "HDF5 arrays of the shapes `images` N x 3 x W x H, `depths` N x W x H and `labels` N x W x H, with "
                f"at most {MAX_PIXELS // 1_000_000} megapixels per scene",
                ", ".join(f"`{name}` {' x '.join(map(str, shape))}" for name, shape in shapes.items()),
            )
        return num_scenes

    def _unexpected(self, expected, received):
        return ImageFileError(
            f"{self._path}: expected {expected}. Received: {received}. Download nyu_depth_v2_labeled.mat again"
        )
