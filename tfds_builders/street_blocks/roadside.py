"""Paints houses, towers, fences, hedges and trees along a street."""

import numpy as np

from tfds_builders.street_blocks.canvas import EVERYWHERE, Brush
from tfds_builders.street_blocks.street_class import StreetClass

# Houses and towers have the same palette, so that only height, roof and windows distinguish them.
_FACADES = ((152, 92, 76), (198, 186, 158), (146, 148, 150), (176, 150, 116), (120, 104, 96), (205, 202, 196))
_ROOFS = ((138, 66, 52), (88, 74, 70), (112, 92, 78), (84, 90, 98))
_GLASS = ((58, 66, 80), (84, 102, 124), (150, 168, 186), (196, 178, 118))
_FENCES = ((118, 82, 50), (92, 66, 46), (150, 118, 84), (172, 160, 140))
_LEAVES = ((58, 96, 46), (82, 118, 58), (44, 76, 48), (112, 118, 52), (138, 96, 52))
_TRUNK = (84, 66, 52)
_FARTHEST, _NEAREST = 9000, 620


def paint_roadside(canvas, view, wall, random, grain):
    """Paints one side of the street, from its far end to the camera.

    Args:
        canvas: `Canvas`.
        view: `View`.
        wall: Integer, position of the fronts in centimeters to the right of the camera; negative on the left.
        random: `IntegerRandom`.
        grain: See `Brush`.
    """
    far = _FARTHEST
    taste = random.between(0, 99)
    while far > _NEAREST:
        near = max(far - random.between(700, 1900), _NEAREST // 2)
        kind = (random.between(0, 99) + taste) // 2
        lot = (view.row(far), view.row(near))
        if kind < 48:
            _paint_house(canvas, view, wall, lot, random, grain)
        elif kind < 60:
            _paint_tower(canvas, view, wall, lot, random, grain)
        elif kind < 80:
            paint_tree(canvas, view, wall + random.between(-60, 60), lot[1], random, grain)
            _paint_fence(canvas, view, wall, lot, random, grain)
        else:
            paint_tree(canvas, view, wall, (lot[0] + lot[1]) // 2, random, grain)
            paint_hedge(canvas, view, wall, lot[1], random, grain)
        far = near - random.one_of((0, 0, 60, 250))


def paint_skyline(canvas, view, random, grain):
    """Paints low, distant shapes along the horizon."""
    left = -8
    while left < canvas.width:
        wide, tall = random.between(5, 18), random.between(1, 9)
        class_id = random.one_of((StreetClass.HOUSE, StreetClass.TOWER, StreetClass.VEGETATION, StreetClass.VEGETATION))
        if class_id == StreetClass.TOWER:
            tall += 7
        color = random.one_of(_LEAVES if class_id == StreetClass.VEGETATION else _FACADES)
        brush = Brush(random.color_near(color, 15), class_id, 2, grain)
        canvas.rectangle(view.horizon - tall, view.horizon + 1, left, left + wide, brush)
        left += wide + random.one_of((0, 1, 6))


def paint_tree(canvas, view, offset, row, random, grain):
    """Paints a tree whose trunk stands at `offset` in `row`."""
    center, nearness = view.column(offset, row), row - view.horizon
    stem = random.between(200, 320)
    trunk = Brush(random.color_near(_TRUNK, 15), StreetClass.VEGETATION, nearness)
    half = view.pixels(random.between(8, 20), row)
    canvas.rectangle(row - view.pixels(stem, row), row, center - half, center + half - 1, trunk)
    color, foliage = random.color_near(random.one_of(_LEAVES), 14), 3 * grain
    for _ in range(random.between(4, 8)):
        leaves = Brush(random.color_near(color, 12), StreetClass.VEGETATION, nearness, foliage)
        radius = view.pixels(random.between(70, 150), row)
        middle = center + random.between(-1, 1) * radius * 2 // 3
        height = row - view.pixels(stem + random.between(0, 220), row)
        canvas.ellipse(height - radius, height + radius, middle - radius, middle + radius, leaves)


def paint_hedge(canvas, view, offset, row, random, grain):
    """Paints a row of bushes whose middle stands at `offset` in `row`."""
    nearness, color, foliage = row - view.horizon, random.color_near(random.one_of(_LEAVES), 14), 3 * grain
    for step in range(random.between(2, 5)):
        leaves = Brush(random.color_near(color, 10), StreetClass.VEGETATION, nearness, foliage)
        radius, center = view.pixels(random.between(45, 95), row), view.column(offset + (step - 2) * 90, row)
        canvas.ellipse(row - 2 * radius, row + radius // 4, center - radius, center + radius, leaves)


def _paint_house(canvas, view, wall, lot, random, grain):
    height, color = random.between(430, 900), random.color_near(random.one_of(_FACADES), 16)
    story, bay = random.between(270, 330), random.between(230, 420)
    panes = _Panes(story, bay, random.between(35, 55), random.one_of(_GLASS))
    roof_color = random.one_of((*_ROOFS, color))
    roof = Brush(random.color_near(roof_color, 12), StreetClass.HOUSE, lot[1] - view.horizon, grain)
    rise = random.between(150, 320)
    _paint_roof(canvas, view, wall, lot, height, rise, roof)
    _paint_block(canvas, view, wall, lot, height, StreetClass.HOUSE, color, panes, grain)
    _paint_gable(canvas, view, wall, lot, height, rise, roof)


def _paint_tower(canvas, view, wall, lot, random, grain):
    height, color = random.between(950, 2600), random.color_near(random.one_of(_FACADES), 16)
    story, bay = random.between(250, 340), random.one_of((150, 200, 260, 5000))
    panes = _Panes(story, bay, random.between(45, 70), random.one_of(_GLASS))
    _paint_block(canvas, view, wall, lot, height, StreetClass.TOWER, color, panes, grain)


class _Panes:
    """A grid of windows: story height and bay width in centimeters, and the share of glass in percent."""

    def __init__(self, story, bay, share, glass):
        self.story, self.bay, self.share, self.glass = story, bay, share, np.array(glass)

    def cover(self, color, height, along, top):
        """Returns `color`, or glass if `height` and `along`, in centimeters on the wall, are inside of a window."""
        in_story = (height % self.story) * 100 // self.story
        in_bay = (along % self.bay) * 100 // self.bay
        pane = (in_story > 30) & (in_story < 30 + self.share) & (in_bay > 20) & (in_bay < 20 + self.share)
        pane = pane & (height > 60) & (height < top - 40)
        return np.where(pane[..., None], self.glass, color)


def _paint_block(canvas, view, wall, lot, height, class_id, color, panes, grain):
    """Paints the long side along the street, then the face towards the camera."""
    dim = tuple(channel * 78 // 100 for channel in color)
    _paint_side(
        canvas,
        view,
        wall,
        lot,
        height,
        class_id,
        lambda up, along: panes.cover(np.array(dim), up, along, height),
        grain,
    )
    row = lot[1]
    nearness, corner = row - view.horizon, view.column(wall, row)
    tall = view.pixels(height, row)
    left, right = (corner, canvas.width - 1) if wall > 0 else (0, corner)
    rows, columns = np.ogrid[max(row - tall, 0) : min(row + 1, canvas.height), max(left, 0) : right + 1]
    if not rows.size or not columns.size:
        return
    up = (row - rows) * view.eye_height // nearness
    along = abs(columns - corner) * view.eye_height // nearness
    face = panes.cover(np.array(color), *np.broadcast_arrays(up, along), height)
    window = (slice(rows[0, 0], rows[-1, 0] + 1), slice(columns[0, 0], columns[0, -1] + 1))
    Brush(face, class_id, nearness, grain).fill(canvas, window, EVERYWHERE)


def _paint_side(canvas, view, wall, lot, height, class_id, texture, grain):
    """Paints an upright surface along the street with the colors that `texture(height, distance)` returns."""
    ends = sorted(view.column(wall, row) for row in lot)
    left, right = max(ends[0], 0), min(ends[1], canvas.width - 1)
    if wall > 0:
        left = max(left, view.vanishing + 1)
    else:
        right = min(right, view.vanishing - 1)
    if left > right:
        return
    rows, columns = np.ogrid[0 : canvas.height, left : right + 1]
    up, distance, ground_row = view.wall(wall, rows, columns)
    mask = (up <= height) & (rows <= ground_row)
    window = (slice(0, canvas.height), slice(left, right + 1))
    color = texture(up, np.broadcast_to(distance, mask.shape))
    Brush(color, class_id, ground_row - view.horizon, grain).fill(canvas, window, mask)


def _paint_roof(canvas, view, wall, lot, height, rise, brush):
    """Paints the slope of a roof towards the street, which leans back by its own height."""
    far, near = lot
    back = rise if wall > 0 else -rise
    corners = [
        (far - view.pixels(height, far), view.column(wall, far)),
        (near - view.pixels(height, near), view.column(wall, near)),
        (near - view.pixels(height + rise, near), view.column(wall + back, near)),
        (far - view.pixels(height + rise, far), view.column(wall + back, far)),
    ]
    canvas.polygon(corners, brush.scaled(82))


def _paint_gable(canvas, view, wall, lot, height, rise, brush):
    row = lot[1]
    back = rise if wall > 0 else -rise
    eave, ridge = row - view.pixels(height, row), row - view.pixels(height + rise, row)
    corners = [
        (eave, view.column(wall, row)),
        (ridge, view.column(wall + back, row)),
        (eave, view.column(wall + 2 * back, row)),
    ]
    canvas.polygon(corners, brush)


def _paint_fence(canvas, view, wall, lot, random, grain):
    color = np.array(random.color_near(random.one_of(_FENCES), 14))
    gap, pitch = color * random.between(45, 75) // 100, random.between(40, 110)

    def slats(height, distance):
        return np.where((distance % pitch * 2 < pitch)[..., None], color, gap)

    _paint_side(canvas, view, wall, lot, random.between(160, 300), StreetClass.FENCE, slats, grain)
