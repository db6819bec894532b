"""The class ids in the label maps."""

import enum


class StreetClass(enum.IntEnum):
    """The leaf indices of the tree `street_blocks`, and one more id for "no label"."""

    ASPHALT = 0
    SKY = 1
    HOUSE = 2
    SEDAN = 3
    TRAFFIC_LIGHT = 4
    SIDEWALK = 5
    VEGETATION = 6
    FENCE = 7
    BICYCLE = 8
    LANE_MARKING = 9
    POLE = 10
    VAN = 11
    TOWER = 12
    PEDESTRIAN = 13
    TRAFFIC_SIGN = 14
    BUS = 15
    RIDER = 16
    UNLABELED = 17
