"""The value of padded pixels of an image. Their label is `ignore_class`."""

# Mid-gray. It becomes 0 in networks that scale 0 .. 255 to [-1, 1].
PADDING_COLOR = 127.5
