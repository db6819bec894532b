"""Reads masks of the formats that annotation programs and data sets have, as class ids."""

from tfds_builders.reading.masks.coded_mask import BACKGROUND
from tfds_builders.reading.masks.count_masks import count_masks
from tfds_builders.reading.masks.find_masks import FORMATS, described_in, find_masks
from tfds_builders.reading.masks.found_masks import FoundMasks
from tfds_builders.reading.masks.read_mask import read_mask

__all__ = ["BACKGROUND", "FORMATS", "FoundMasks", "count_masks", "described_in", "find_masks", "read_mask"]
