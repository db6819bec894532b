"""Paints cars, buses and bicycles, seen along the street or from the side."""

import dataclasses

from tfds_builders.street_blocks.canvas import Brush
from tfds_builders.street_blocks.street_class import StreetClass

# All vehicles have the same palette, so that only shape and size distinguish them.
_PAINT = ((164, 40, 40), (46, 70, 132), (198, 198, 196), (50, 52, 56), (128, 132, 136), (190, 158, 58), (56, 100, 84))
_GLASS = ((52, 60, 72), (90, 106, 124), (38, 42, 48))
_TIRE = (30, 30, 32)
_RIM = (130, 130, 132)
_FRAMES = ((44, 46, 50), (150, 44, 44), (48, 92, 150), (150, 150, 148))


@dataclasses.dataclass(frozen=True)
class _Body:
    """The shape of a vehicle.

    Attributes:
        class_id: Class.
        width, height, length: Integers, in centimeters.
        deck: Integer, share of the height below the windows, in percent.
        inset: Integer, how much narrower the roof is on each side, in percent of the width.
        wheels: Tuple of integers, positions of the wheels in percent of the length.
    """

    class_id: StreetClass
    width: int
    height: int
    length: int
    deck: int
    inset: int
    wheels: tuple


_BODIES = {
    StreetClass.SEDAN: _Body(StreetClass.SEDAN, 178, 146, 430, 56, 14, (20, 80)),
    StreetClass.VAN: _Body(StreetClass.VAN, 192, 205, 480, 52, 4, (18, 80)),
    StreetClass.BUS: _Body(StreetClass.BUS, 250, 300, 1050, 44, 1, (16, 72, 84)),
}


def paint_vehicle_along(canvas, view, offset, row, class_id, random):
    """Paints a sedan, van or bus seen from behind or from the front, with its visible flank."""
    body = _BODIES[class_id]
    paint = Brush(random.color_near(random.one_of(_PAINT), 14), class_id, row - view.horizon)
    glass, tyre = paint.of(random.one_of(_GLASS)), paint.of(_TIRE)
    center, half = view.column(offset, row), max(view.pixels(body.width, row) // 2, 1)
    tall = view.pixels(body.height * random.between(92, 108) // 100, row)
    left, right, deck = center - half, center + half, row - tall * body.deck // 100
    canvas.shade_ellipse(row - max(tall // 8, 1), row + max(tall // 8, 1), left - half // 3, right + half // 3, 55)
    _paint_flank(canvas, view, offset, row, body, tall, paint, glass)
    clearance, tread = max(tall // 9, 1), max(half // 3, 1)
    canvas.rectangle(row - clearance, row, left, left + tread, tyre)
    canvas.rectangle(row - clearance, row, right - tread, right, tyre)
    canvas.rectangle(deck, row - clearance, left, right, paint)
    inset = 2 * half * body.inset // 100
    canvas.polygon([(row - tall, left + inset), (row - tall, right - inset), (deck, right), (deck, left)], paint)
    edge = max(half // 6, 1)
    window_top, window_bottom = row - tall + max(tall // 12, 1), deck - max(tall // 14, 1)
    corners = [
        (window_top, left + inset + edge),
        (window_top, right - inset - edge),
        (window_bottom, right - edge),
        (window_bottom, left + edge),
    ]
    canvas.polygon(corners, glass)
    lamp = paint.of(random.one_of(((196, 44, 40), (232, 226, 196))))
    size = max(half // 5, 1)
    for side in (left, right - size):
        canvas.rectangle(deck + tall // 10, deck + tall // 10 + size, side, side + size, lamp)
    if class_id == StreetClass.BUS:
        canvas.rectangle(row - tall, row - tall + max(tall // 10, 1), left + half // 2, right - half // 2, lamp)


def _paint_flank(canvas, view, offset, row, body, tall, paint, glass):
    """Paints the side towards the vanishing column, over the length of the vehicle."""
    # This approximation of the perspective holds for short bodies only; a bus would extend beyond the horizon.
    far = max(row - view.rows_back(body.length, row), view.horizon + 1 + (row - view.horizon) // 2)
    inner = offset - body.width // 2 if offset > 0 else offset + body.width // 2
    if (inner > 0) != (offset > 0):
        return
    far_tall = tall * (far - view.horizon) // (row - view.horizon)
    near_column, far_column = view.column(inner, row), view.column(inner, far)
    clear, far_clear = tall // 9, far_tall // 9

    # The roof is narrower than the deck, so the windows of the flank lean in with it.
    lean = view.pixels(body.width, row) * body.inset // 100 * (1 if offset > 0 else -1)

    def band(low, high, near_lean, brush):
        far_lean = near_lean * (far - view.horizon) // (row - view.horizon)
        corners = [
            (row - tall * high // 100, near_column + near_lean),
            (far - far_tall * high // 100, far_column + far_lean),
            (far - far_clear - far_tall * low // 100, far_column),
            (row - clear - tall * low // 100, near_column),
        ]
        canvas.polygon(corners, brush)

    band(0, body.deck, 0, paint.scaled(76))
    band(body.deck - 10, 100, lean, paint.scaled(76))
    band(body.deck - 4, 90, lean * 8 // 10, glass.scaled(90))


def paint_vehicle_across(canvas, view, offset, row, class_id, random):
    """Paints a sedan, van or bus from the side."""
    body = _BODIES[class_id]
    paint = Brush(random.color_near(random.one_of(_PAINT), 14), class_id, row - view.horizon)
    glass, tyre = paint.of(random.one_of(_GLASS)), paint.of(_TIRE)
    long, tall = view.pixels(body.length, row), view.pixels(body.height, row)
    left = view.column(offset, row) - long // 2
    forward = random.one_of((True, False))

    def column(percent):
        return left + long * (percent if forward else 100 - percent) // 100

    deck, clearance = row - tall * body.deck // 100, max(tall // 8, 1)
    canvas.shade_ellipse(row - clearance, row + clearance, left - 2, left + long + 2, 55)
    canvas.rectangle(deck, row - clearance, left, left + long, paint)
    roof, slope = {
        StreetClass.SEDAN: ((28, 72), (14, 86)),
        StreetClass.VAN: ((0, 80), (0, 92)),
        StreetClass.BUS: ((0, 99), (0, 100)),
    }[class_id]
    top = row - tall
    corners = [(top, column(roof[0])), (top, column(roof[1])), (deck, column(slope[1])), (deck, column(slope[0]))]
    canvas.polygon(corners, paint)
    window_top, window_bottom = top + max(tall // 10, 1), deck - max(tall // 16, 1)
    panes = {
        StreetClass.SEDAN: ((28, 48), (52, 74)),
        StreetClass.VAN: ((56, 84),),
        StreetClass.BUS: tuple((start, start + 9) for start in range(4, 94, 12)),
    }[class_id]
    for start, end in panes:
        near, far = sorted((column(start), column(end)))
        canvas.rectangle(window_top, window_bottom, near, far, glass)
    radius = max(view.pixels(34 if class_id != StreetClass.BUS else 46, row), 1)
    for place in body.wheels:
        hub = column(place)
        canvas.ellipse(row - 2 * radius, row, hub - radius, hub + radius, tyre)
        if radius > 2:
            inner = radius // 2
            canvas.ellipse(row - radius - inner, row - radius + inner, hub - inner, hub + inner, tyre.of(_RIM))


def paint_bicycle(canvas, view, offset, row, random):
    """Paints a bicycle from the side, and returns the rows and columns of its saddle and handlebar."""
    frame = Brush(random.color_near(random.one_of(_FRAMES), 14), StreetClass.BICYCLE, row - view.horizon)
    radius, center = max(view.pixels(48, row), 2), view.column(offset, row)
    reach, thickness = max(view.pixels(64, row), 3), 1 + (radius > 3) + (radius > 8)
    facing = random.one_of((-1, 1))
    rear, front, axle = center - facing * reach, center + facing * reach, row - radius
    for hub in (rear, front):
        canvas.ring(row - 2 * radius, row, hub - radius, hub + radius, thickness, frame.of(_TIRE))
    saddle = (row - view.pixels(104, row), center - facing * reach // 3)
    bar = (row - view.pixels(116, row), center + facing * reach * 2 // 3)
    pedals, rear_hub, front_hub = (axle, center), (axle, rear), (axle, front)
    for start, end in ((saddle, rear_hub), (saddle, pedals), (bar, pedals), (bar, front_hub), (saddle, bar)):
        canvas.line(*start, *end, thickness, frame)
    return saddle, bar
