"""The files of the images of a page: a photograph and its labels, and a prediction per run."""

import io
import math
import zlib

import numpy as np

from hierseg_keras.visualization.page.encoding import encoded, prediction_planes, truth_planes
from hierseg_keras.visualization.page.grid import Grid
from hierseg_keras.visualization.page.pixel_maps import pixel_maps
from hierseg_keras.visualization.page.scripts import call

# Of one image, its labels and the first run's prediction. 500 of these and the rest of a page have less than 150 MB.
MOST_BYTES = 295_000
_QUALITY, _MARGIN = 88, 0.97


class ImageFiles:
    """Writes the files of a page's images.

    The first run sets the grid of each image. Predictions like noise do not compress, so that their grid is coarser.

    Args:
        folder: `pathlib.Path` of an existing folder.
        tree: `ClassTree`.

    Attributes:
        images: List of dicts of JSON values, one per image of the first run: `width` and `height` of the grid,
            `fullWidth` and `fullHeight` of the labels.
    """

    def __init__(self, folder, tree):
        self._folder, self._tree = folder, tree
        self._grids, self._checks, self.images = [], [], []

    def add(self, run, place, counted):
        """Writes the files of an image.

        Args:
            run: Integer, position of the run.
            place: Integer, position of the image among those that the page shows.
            counted: `CountedImage`.

        Raises:
            ValueError: If the image has other labels than in the first run.
        """
        check = counted.label.shape, zlib.crc32(counted.label.astype(np.int32).tobytes())
        if run == 0:
            prediction = self._add_image(place, counted)
            self._checks.append(check)
        else:
            first = self._checks[place]
            if first != check and first[0] == check[0]:
                raise ValueError(
                    "`report_page` expects runs over the same images. Received: other labels of image "
                    f"{place + 1} in run {run + 1} than in run 1. Predict the same data set, in the same order."
                )
            prediction = self._prediction(counted, self._grids[place])
        self._write(f"{place}.{run}.js", call("hierseg.prediction", place, run, prediction).encode())

    def _add_image(self, place, counted):
        """Writes photograph and labels, and returns the encoded prediction of the first run."""
        grid = Grid.of(counted.label.shape)
        while True:
            photograph = _jpeg(grid.photograph(counted.image))
            truth = call("hierseg.truth", place, encoded(truth_planes(grid.sampled(counted.label), self._tree)))
            prediction = self._prediction(counted, grid)
            size = len(photograph) + len(truth) + len(prediction)
            longest = max(grid.height, grid.width)
            if size <= MOST_BYTES or longest == 1:
                break
            smaller = int(longest * _MARGIN * math.sqrt(MOST_BYTES / size))
            grid = Grid.of(counted.label.shape, max(1, min(longest - 1, smaller)))
        self._grids.append(grid)
        height, width = counted.label.shape
        full = {"fullWidth": width, "fullHeight": height}
        self.images.append({"width": grid.width, "height": grid.height, **full})
        self._write(f"{place}.jpg", photograph)
        self._write(f"{place}.js", truth.encode())
        return prediction

    def _prediction(self, counted, grid):
        y_pred = grid.sampled(np.asarray(counted.y_pred))
        maps = pixel_maps(counted.scores, y_pred, grid.sampled(counted.leaf))
        return encoded(prediction_planes(maps, self._tree))

    def _write(self, name, content):
        (self._folder / name).write_bytes(content)


def _jpeg(photograph):
    file = io.BytesIO()
    photograph.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
