"""What an image holds where it is padded; its labels hold `ignore_class` there."""

# Mid-gray, which networks that scale 0 .. 255 to [-1, 1] see as 0.
PADDING_COLOR = 127.5
