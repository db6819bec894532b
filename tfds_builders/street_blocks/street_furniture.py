"""Paints lamp posts, traffic signs and traffic lights."""

from tfds_builders.street_blocks.canvas import Brush
from tfds_builders.street_blocks.street_class import StreetClass

_METAL = ((70, 74, 84), (54, 58, 68), (46, 48, 54))
_RIMS = ((214, 28, 32), (24, 70, 200), (236, 190, 20))
_FIELDS = (*_RIMS, (240, 240, 236))
_HOUSINGS = ((30, 32, 34), (40, 44, 40), (58, 54, 40))
_LAMPS = ((240, 40, 34), (250, 180, 30), (40, 220, 110))


def paint_lamp_post(canvas, view, offset, row, random):
    """Paints a tall pole, in most cases with an arm over the road."""
    brush = _metal(view, row, random)
    height = view.pixels(random.between(430, 680), row)
    center = _paint_pole(canvas, view, offset, row, height, brush)
    if random.chance(70):
        reach = view.pixels(random.between(60, 140), row) * (-1 if offset > 0 else 1)
        left, right = sorted((center, center + reach))
        canvas.rectangle(row - height, row - height + view.pixels(20, row) - 1, left, right, brush)


def paint_traffic_sign(canvas, view, offset, row, random):
    """Paints a short pole with a disc, a square or a triangle."""
    height = view.pixels(random.between(190, 280), row)
    center = _paint_pole(canvas, view, offset, row, height, _metal(view, row, random))
    radius = view.pixels(random.between(54, 82), row)
    rim = Brush(random.color_near(random.one_of(_RIMS), 12), StreetClass.TRAFFIC_SIGN, row - view.horizon)
    field = rim.of(random.color_near(random.one_of(_FIELDS), 12))
    middle = row - height
    shape = random.one_of((canvas.ellipse, canvas.rectangle, _triangle(canvas)))
    shape(middle - radius, middle + radius, center - radius, center + radius, rim)
    inner = radius * 6 // 10
    shape(middle - inner, middle + inner, center - inner, center + inner, field)


def paint_traffic_light(canvas, view, offset, row, random):
    """Paints a pole with a box of three lamps, one of them lit."""
    height = view.pixels(random.between(230, 330), row)
    center = _paint_pole(canvas, view, offset, row, height, _metal(view, row, random))
    housing = Brush(random.color_near(random.one_of(_HOUSINGS), 12), StreetClass.TRAFFIC_LIGHT, row - view.horizon)
    half, tall = view.pixels(random.between(40, 54), row), view.pixels(random.between(170, 225), row)
    top = row - height - tall // 3
    canvas.rectangle(top, top + tall, center - half, center + half, housing)
    lit = random.between(0, 2)
    radius = half * 7 // 10
    for place in range(3):
        middle = top + tall * (2 * place + 1) // 6
        lamp = housing.of(_LAMPS[place]).scaled(100 if place == lit else 50)
        canvas.ellipse(middle - radius, middle + radius, center - radius, center + radius, lamp)


def _metal(view, row, random):
    return Brush(random.color_near(random.one_of(_METAL), 12), StreetClass.POLE, row - view.horizon)


def _paint_pole(canvas, view, offset, row, height, brush):
    center, width = view.column(offset, row), view.pixels(30, row)
    left = center - width // 2
    canvas.rectangle(row - height, row, left, left + width - 1, brush)
    return center


def _triangle(canvas):
    def paint(top, bottom, left, right, brush):
        canvas.polygon([(top, (left + right) // 2), (bottom, right), (bottom, left)], brush)

    return paint
