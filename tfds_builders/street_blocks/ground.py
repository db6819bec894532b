"""Paints sky, road and sidewalks, the background of a scene."""

import dataclasses

import numpy as np

from tfds_builders.street_blocks.street_class import StreetClass

_SKIES = (((90, 140, 215), (190, 210, 235)), ((150, 160, 172), (205, 208, 210)), ((95, 100, 150), (235, 180, 150)))
_CLOUD = (225, 228, 232)
_PAINT = ((215, 215, 205), (215, 215, 205), (205, 175, 70))


@dataclasses.dataclass(frozen=True)
class Street:
    """The cross-section of a street. All positions are in centimeters to the right of the camera.

    Args:
        left, right: Integers, edges of the road.
        wall_left, wall_right: Integers, outer edges of the sidewalks, where the buildings stand.
        middle: Integer, the line between the lanes.
    """

    left: int
    right: int
    wall_left: int
    wall_right: int
    middle: int


def paint_sky(canvas, random):
    """Fills the whole canvas with clouds and a sky that becomes paler towards the ground."""
    high, low = (np.array(random.color_near(color, 18)) for color in random.one_of(_SKIES))
    share = np.minimum(np.arange(canvas.height), 50)[:, None, None]
    canvas.pixels[:] = (high * (50 - share) + low * share) // 50
    canvas.class_ids[:] = StreetClass.SKY
    for _ in range(random.between(0, 5)):
        top, left = random.between(-4, 28), random.between(-20, canvas.width)
        tall, wide = random.between(3, 9), random.between(14, 46)
        window = (slice(max(top, 0), top + tall), slice(max(left, 0), left + wide))
        canvas.pixels[window] = (canvas.pixels[window] + np.array(_CLOUD)) // 2


def paint_ground(canvas, view, street, random, grain):
    """Paints road, markings and sidewalks on everything below the horizon."""
    rows, columns = np.ogrid[view.horizon + 1 : canvas.height, 0 : canvas.width]
    offset, distance = view.ground(rows, columns)
    distance = np.broadcast_to(distance, offset.shape)
    on_road = (offset >= street.left) & (offset <= street.right)

    # Old asphalt is as pale as a dark sidewalk, so that only their position distinguishes them.
    gray = random.between(62, 122)
    asphalt = np.array(random.color_near((gray, gray, gray + 4), 5))
    slab = random.between(98, 165)
    sidewalk = np.array(random.color_near((slab, slab - 4, slab - 10), 8))
    color = np.where(on_road[..., None], asphalt, sidewalk)
    color = _with_patches(color, on_road, offset, distance, random)
    color = _with_joints(color, on_road, offset, distance, street, random)

    marked = on_road & _markings(offset, distance, street, view, random)
    wear = random.between(45, 100)
    paint = (np.array(random.color_near(random.one_of(_PAINT), 10)) * wear + color * (100 - wear)) // 100
    color = np.where(marked[..., None], paint, color)
    color = _with_shadows(color, offset, distance, random)

    below = (slice(view.horizon + 1, canvas.height), slice(0, canvas.width))
    canvas.pixels[below] = color + grain[below]
    canvas.class_ids[below] = np.where(on_road, StreetClass.ASPHALT, StreetClass.SIDEWALK)
    canvas.class_ids[below][marked] = StreetClass.LANE_MARKING
    canvas.nearness[below] = rows - view.horizon


def _markings(offset, distance, street, view, random):
    # A painted line is at least one pixel wide at any distance.
    half_width = np.maximum(random.between(7, 12), distance // 180)
    marked = (abs(offset - street.middle) <= half_width) & (distance % 600 < random.one_of((300, 300, 600)))
    if random.chance(45):
        for edge in (street.left + 40, street.right - 40):
            marked |= abs(offset - edge) <= half_width
    if random.chance(22):
        start = random.between(900, 1800)
        marked |= (distance >= start) & (distance < start + 350) & (offset % 100 < 50)
    return marked & (distance < 6000)


def _with_patches(color, on_road, offset, distance, random):
    for _ in range(random.between(0, 4)):
        near, left = random.between(600, 3000), random.between(-500, 500)
        patch = (distance > near) & (distance < near + random.between(100, 900))
        patch &= (offset > left) & (offset < left + random.between(50, 300))
        patch &= on_road
        color = np.where(patch[..., None], color + random.between(-22, 34), color)
    return color


def _with_joints(color, on_road, offset, distance, street, random):
    joint = ((offset % 120 < 10) | (distance % 160 < 14)) & (distance < 2600)
    color = np.where((joint & ~on_road)[..., None], color - random.between(5, 25), color)
    curb = (abs(offset - street.left) < 18) | (abs(offset - street.right) < 18)
    return np.where((curb & ~on_road)[..., None], color + random.between(-20, 32), color)


def _with_shadows(color, offset, distance, random):
    for _ in range(random.one_of((0, 1, 1, 2))):
        slant, start = random.between(-2, 2), random.between(500, 4000)
        along = distance + slant * offset
        shadow = (along > start) & (along < start + random.between(200, 1500))
        color = np.where(shadow[..., None], color * random.between(50, 82) // 100, color)
    return color
