"""Draws a street scene from a seed. Image and label map are identical on every machine."""

from tfds_builders.street_blocks import ground, people, roadside, street_furniture, vehicles
from tfds_builders.street_blocks.canvas import Brush, Canvas
from tfds_builders.street_blocks.draws import Draws
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
    draws = Draws([VERSION, _SPLIT_SEEDS[split], index])
    canvas = Canvas(HEIGHT, WIDTH)
    view = View(draws.between(34, 46), draws.between(46, 82), draws.between(300, 400))
    street = _lay_out(draws)
    grain = draws.noise(draws.between(3, 9), (HEIGHT, WIDTH, 1))

    ground.paint_sky(canvas, draws)
    ground.paint_ground(canvas, view, street, draws, grain)
    roadside.paint_skyline(canvas, view, draws, grain)
    roadside.paint_roadside(canvas, view, street.wall_left, draws, grain)
    roadside.paint_roadside(canvas, view, street.wall_right, draws, grain)
    _paint_things(canvas, view, street, draws, grain)
    if draws.chance(35):
        _paint_hood(canvas, draws)
    return develop(canvas, draws), canvas.labels[..., None]


def _lay_out(draws):
    left, right = -draws.between(220, 480), draws.between(220, 480)
    return ground.Street(
        left=left,
        right=right,
        wall_left=left - draws.between(140, 380),
        wall_right=right + draws.between(140, 380),
        middle=(left + right) // 2 + draws.between(-40, 40),
    )


def _paint_things(canvas, view, street, draws, grain):
    """Paints all separate things, the farthest first, so that nearer things cover it."""
    things = [
        (painter, offset, view.row(distance))
        for painter, offset, distance in [*_sidewalk_things(street, draws, grain), *_road_things(street, draws)]
    ]
    for painter, offset, row in sorted(things, key=lambda thing: thing[2]):
        painter(canvas, view, offset, row, draws)


def _sidewalk_things(street, draws, grain):
    def tree(canvas, view, offset, row, draws):
        roadside.paint_tree(canvas, view, offset, row, draws, grain)

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
        if draws.chance(percent):
            for _ in range(draws.between(1, most)):
                yield painter, _on_sidewalk(street, draws), draws.between(520, 1400)


def _road_things(street, draws):
    for _ in range(draws.between(1, 4)):
        label = StreetClass.SEDAN if draws.chance(60) else StreetClass.VAN
        yield _vehicle(label, draws), _on_road(street, draws), draws.between(650, 2200)
    if draws.chance(5):
        yield _vehicle(StreetClass.BUS, draws), _on_road(street, draws), draws.between(1000, 1900)
    if draws.chance(5):
        yield people.paint_rider, _on_road(street, draws), draws.between(600, 1100)
    if draws.chance(20):
        yield people.paint_pedestrian, _on_road(street, draws), draws.between(650, 1400)


def _vehicle(label, draws):
    paint = vehicles.paint_vehicle_across if draws.chance(28) else vehicles.paint_vehicle_along

    def painter(canvas, view, offset, row, draws):
        paint(canvas, view, offset, row, label, draws)

    return painter


def _on_sidewalk(street, draws):
    left = draws.between(street.wall_left + 40, street.left - 25)
    right = draws.between(street.right + 25, street.wall_right - 40)
    return draws.one_of((left, right))


def _on_road(street, draws):
    parked = (street.left + 95, street.right - 95)
    return draws.one_of((*parked, draws.between(*parked)))


def _paint_clutter(canvas, view, offset, row, draws):
    """Paints a bin or a box, which belongs to no class."""
    brush = Brush(draws.color_near(draws.one_of(_CLUTTER), 20), StreetClass.UNLABELED, row - view.horizon)
    center, half = view.column(offset, row), view.pixels(draws.between(20, 55), row)
    tall = view.pixels(draws.between(50, 120), row)
    canvas.rectangle(row - tall, row, center - half, center + half, brush)
    canvas.rectangle(row - tall, row - tall * 7 // 8, center - half, center + half, brush.scaled(70))


def _paint_hood(canvas, draws):
    """Paints the front of the car that carries the camera."""
    shade, height = draws.between(24, 110), draws.between(4, 11)
    brush = Brush((shade, shade, shade + 4), StreetClass.UNLABELED, 255)
    middle = canvas.width // 2 + draws.between(-10, 10)
    canvas.ellipse(canvas.height - height, canvas.height + 2 * height, middle - 80, middle + 80, brush)
