"""Paints pedestrians and riders in the same clothes."""

from tfds_builders.street_blocks.canvas import Brush
from tfds_builders.street_blocks.street_class import StreetClass
from tfds_builders.street_blocks.vehicles import paint_bicycle

_SHIRTS = ((202, 48, 44), (48, 88, 178), (222, 216, 204), (220, 176, 52), (72, 148, 88), (156, 70, 158))
_TROUSERS = ((46, 52, 74), (58, 56, 54), (110, 98, 80), (34, 34, 36))
_SKIN = ((222, 180, 150), (178, 128, 96), (112, 78, 58))


def paint_pedestrian(canvas, view, offset, row, random):
    """Paints a pedestrian who stands at `offset` in `row`."""
    shirt, trousers, skin = _clothes(StreetClass.PEDESTRIAN, row - view.horizon, random)
    tall, center = view.pixels(random.between(165, 205), row), view.column(offset, row)
    half, hip, shoulder = max(tall // 6, 1), row - tall * 47 // 100, row - tall * 84 // 100
    canvas.shade_ellipse(row - 1, row + 1, center - half * 2, center + half * 2, 65)
    stride = random.between(0, half)
    leg = max(half * 7 // 10, 1)
    canvas.rectangle(hip, row, center - half - stride // 2, center - half - stride // 2 + leg, trousers)
    canvas.rectangle(hip, row, center + half + stride // 2 - leg, center + half + stride // 2, trousers)
    canvas.rectangle(shoulder, hip, center - half, center + half, shirt)
    if tall > 14:
        arm = max(half // 3, 1)
        canvas.rectangle(shoulder, hip, center - half - arm, center - half, shirt.scaled(80))
        canvas.rectangle(shoulder, hip, center + half, center + half + arm, shirt.scaled(80))
    _paint_head(canvas, shoulder, center, tall, skin)


def paint_rider(canvas, view, offset, row, random):
    """Paints a bicycle with a rider."""
    (seat, saddle), (_, bar) = paint_bicycle(canvas, view, offset, row, random)
    shirt, trousers, skin = _clothes(StreetClass.RIDER, row - view.horizon, random)
    tall = view.pixels(random.between(175, 205), row)
    half, shoulder = max(tall // 9, 1), seat - tall * 34 // 100
    lean = (bar - saddle) // 2
    knee = (seat + row) // 2
    canvas.line(seat, saddle, knee, saddle + lean, max(half * 8 // 10, 1), trousers)
    canvas.line(knee, saddle + lean, row - tall // 8, saddle + lean // 3, max(half * 6 // 10, 1), trousers)
    corners = [
        (seat, saddle - half),
        (shoulder, saddle + lean - half),
        (shoulder, saddle + lean + half),
        (seat, saddle + half),
    ]
    canvas.polygon(corners, shirt)
    canvas.line(shoulder + tall // 14, saddle + lean, seat - tall // 10, bar, max(half // 2, 1), shirt.scaled(80))
    _paint_head(canvas, shoulder, saddle + lean, tall, skin)


def _clothes(class_id, nearness, random):
    return tuple(
        Brush(random.color_near(random.one_of(colors), 14), class_id, nearness)
        for colors in (_SHIRTS, _TROUSERS, _SKIN)
    )


def _paint_head(canvas, shoulder, center, tall, skin):
    radius = max(tall // 12, 1)
    canvas.ellipse(shoulder - 2 * radius - 1, shoulder - 1, center - radius, center + radius, skin)
