"""The camera: where a point of the street, given in centimetres, falls in the picture."""

import dataclasses

import numpy as np

_FOCAL_LENGTH = 128  # pixels


@dataclasses.dataclass(frozen=True)
class View:
    """A level camera that looks along the street.

    `offset` below is a distance to the right of the camera, `distance` one ahead of it, both in
    centimetres along the ground.

    Args:
        horizon: Row of the horizon.
        vanishing: Column where the street's edges meet.
        eye_height: Height of the camera above the ground, in centimetres.
    """

    horizon: int
    vanishing: int
    eye_height: int

    def row(self, distance):
        """The row in which the ground at `distance` is seen."""
        return self.horizon + max(_FOCAL_LENGTH * self.eye_height // distance, 1)

    def column(self, offset, row):
        """The column in which the ground at `offset` is seen in `row`."""
        return self.vanishing + offset * (row - self.horizon) // self.eye_height

    def pixels(self, length, row):
        """How many pixels a length makes that stands on the ground of `row`, at least 1."""
        return max(length * (row - self.horizon) // self.eye_height, 1)

    def rows_back(self, length, row):
        """By how many rows the ground rises that lies `length` centimetres behind `row`, to first order."""
        return (row - self.horizon) ** 2 * length // (_FOCAL_LENGTH * self.eye_height)

    def ground(self, rows, columns):
        """`(offset, distance)` of the ground in rows below the horizon, two arrays of the broadcast shape."""
        below = rows - self.horizon
        return (columns - self.vanishing) * self.eye_height // below, _FOCAL_LENGTH * self.eye_height // below

    def wall(self, offset, rows, columns):
        """`(height, distance, ground_row)` on the upright plane `offset` beside the camera and along the street.

        Columns must lie on the plane's side of the vanishing column.
        """
        # Sixteenths of a row: whole ones would turn bricks and windows into stairs.
        below = np.maximum(16 * (columns - self.vanishing) * self.eye_height // offset, 1)
        height = self.eye_height - 16 * (rows - self.horizon) * self.eye_height // below
        return height, 16 * _FOCAL_LENGTH * self.eye_height // below, self.horizon + below // 16
