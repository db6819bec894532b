"""Draws a street scene from a seed. Image and label map are identical on every machine."""

from tfds_builders.street_blocks import ground, people, roadside, street_furniture, vehicles
from tfds_builders.street_blocks.canvas import Brush, Canvas
from tfds_builders.street_blocks.integer_random import IntegerRandom
from tfds_builders.street_blocks.lighting import develop
from tfds_builders.street_blocks.street_class import StreetClass
from tfds_builders.street_blocks.view import View

VERSION = 1
HEIGHT, WIDTH = 96, 128
SPLITS = {"train": 400, "validation": 100}
_SPLIT_SEEDS = {"train": 0, "validation": 1}
_CLUTTER = ((70, 74, 66), (128, 92, 58), (60, 92, 66), (150, 148, 140), (166, 70, 50))


def street_scene(split, index):
    """Draws one record.

    Args:
        split: `"train"` or `"validation"`.
        index: Non-negative integer.

    Returns:
        A pair `(image, label)` of uint8 arrays, `(96, 128, 3)` and `(96, 128, 1)`. The label holds
        `StreetClass` values.
    """
    random = IntegerRandom([VERSION, _SPLIT_SEEDS[split], index])
    canvas = Canvas(HEIGHT, WIDTH)
    view = View(random.between(34, 46), random.between(46, 82), random.between(300, 400))
    street = _lay_out(random)
    grain = random.noise(random.between(3, 9), (HEIGHT, WIDTH, 1))

    ground.paint_sky(canvas, random)
    ground.paint_ground(canvas, view, street, random, grain)
    roadside.paint_skyline(canvas, view, random, grain)
    roadside.paint_roadside(canvas, view, street.wall_left, random, grain)
    roadside.paint_roadside(canvas, view, street.wall_right, random, grain)
    _paint_things(canvas, view, street, random, grain)
    if random.chance(35):
        _paint_hood(canvas, random)
    return develop(canvas, random), canvas.class_ids[..., None]


def _lay_out(random):
    left, right = -random.between(220, 480), random.between(220, 480)
    return ground.Street(
        left=left,
        right=right,
        wall_left=left - random.between(140, 380),
        wall_right=right + random.between(140, 380),
        middle=(left + right) // 2 + random.between(-40, 40),
    )


def _paint_things(canvas, view, street, random, grain):
    """Paints all separate things, the farthest first, so that nearer things cover it."""
    things = [
        (painter, offset, view.row(distance))
        for painter, offset, distance in [*_sidewalk_things(street, random, grain), *_road_things(street, random)]
    ]
    for painter, offset, row in sorted(things, key=lambda thing: thing[2]):
        painter(canvas, view, offset, row, random)


def _sidewalk_things(street, random, grain):
    def tree(canvas, view, offset, row, random):
        roadside.paint_tree(canvas, view, offset, row, random, grain)

    kinds = [
        (street_furniture.paint_lamp_post, 100, 3),
        (street_furniture.paint_traffic_sign, 88, 3),
        (street_furniture.paint_traffic_light, 60, 2),
        (people.paint_pedestrian, 90, 6),
        (vehicles.paint_bicycle, 30, 3),
        (tree, 35, 2),
        (_paint_clutter, 30, 2),
    ]
    for painter, percent, most in kinds:
        if random.chance(percent):
            for _ in range(random.between(1, most)):
                yield painter, _on_sidewalk(street, random), random.between(520, 1400)


def _road_things(street, random):
    for _ in range(random.between(1, 4)):
        class_id = StreetClass.SEDAN if random.chance(60) else StreetClass.VAN
        yield _vehicle(class_id, random), _on_road(street, random), random.between(650, 2200)
    if random.chance(5):
        yield _vehicle(StreetClass.BUS, random), _on_road(street, random), random.between(1000, 1900)
    if random.chance(5):
        yield people.paint_rider, _on_road(street, random), random.between(600, 1100)
    if random.chance(20):
        yield people.paint_pedestrian, _on_road(street, random), random.between(650, 1400)


def _vehicle(class_id, random):
    paint = vehicles.paint_vehicle_across if random.chance(28) else vehicles.paint_vehicle_along

    def painter(canvas, view, offset, row, random):
        paint(canvas, view, offset, row, class_id, random)

    return painter


def _on_sidewalk(street, random):
    left = random.between(street.wall_left + 40, street.left - 25)
    right = random.between(street.right + 25, street.wall_right - 40)
    return random.one_of((left, right))


def _on_road(street, random):
    parked = (street.left + 95, street.right - 95)
    return random.one_of((*parked, random.between(*parked)))


def _paint_clutter(canvas, view, offset, row, random):
    """Paints a bin or a box, which belongs to no class."""
    brush = Brush(random.color_near(random.one_of(_CLUTTER), 20), StreetClass.UNLABELED, row - view.horizon)
    center, half = view.column(offset, row), view.pixels(random.between(20, 55), row)
    tall = view.pixels(random.between(50, 120), row)
    canvas.rectangle(row - tall, row, center - half, center + half, brush)
    canvas.rectangle(row - tall, row - tall * 7 // 8, center - half, center + half, brush.scaled(70))


def _paint_hood(canvas, random):
    """Paints the front of the car that carries the camera."""
    shade, height = random.between(24, 110), random.between(4, 11)
    brush = Brush((shade, shade, shade + 4), StreetClass.UNLABELED, 255)
    middle = canvas.width // 2 + random.between(-10, 10)
    canvas.ellipse(canvas.height - height, canvas.height + 2 * height, middle - 80, middle + 80, brush)
