"""The camera, which projects points of the street, in centimeters, into the picture."""

import dataclasses

import numpy as np

_FOCAL_LENGTH = 128  # pixels


@dataclasses.dataclass(frozen=True)
class View:
    """A level camera that looks along the street.

    In the methods, `offset` is a distance to the right of the camera and `distance` one ahead of it,
    both in centimeters on the ground.

    Args:
        horizon: Integer, row of the horizon.
        vanishing: Integer, column of the vanishing point of the street.
        eye_height: Integer, height of the camera above the ground in centimeters.
    """

    horizon: int
    vanishing: int
    eye_height: int

    def row(self, distance):
        """Returns the row of the ground at `distance`."""
        return self.horizon + max(_FOCAL_LENGTH * self.eye_height // distance, 1)

    def column(self, offset, row):
        """Returns the column of the ground at `offset` in `row`."""
        return self.vanishing + offset * (row - self.horizon) // self.eye_height

    def pixels(self, length, row):
        """Converts a length in centimeters, measured on the ground at `row`, to pixels. The result is at least 1."""
        return max(length * (row - self.horizon) // self.eye_height, 1)

    def rows_back(self, length, row):
        """Returns the number of rows between `row` and the ground `length` centimeters behind it, to first order."""
        return (row - self.horizon) ** 2 * length // (_FOCAL_LENGTH * self.eye_height)

    def ground(self, rows, columns):
        """Returns `(offset, distance)` of the ground in rows below the horizon, two arrays of the broadcast shape."""
        below = rows - self.horizon
        return (columns - self.vanishing) * self.eye_height // below, _FOCAL_LENGTH * self.eye_height // below

    def wall(self, offset, rows, columns):
        """Returns `(height, distance, ground_row)` on the upright plane along the street at `offset`.

        Columns must be on the plane's side of the vanishing column.
        """
        # Computed in sixteenths of a row, because whole rows would give bricks and windows jagged edges.
        below = np.maximum(16 * (columns - self.vanishing) * self.eye_height // offset, 1)
        height = self.eye_height - 16 * (rows - self.horizon) * self.eye_height // below
        return height, 16 * _FOCAL_LENGTH * self.eye_height // below, self.horizon + below // 16
