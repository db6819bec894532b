import pathlib
import re
import shlex

import pytest

pytest.importorskip("tensorflow")

from hierseg_keras.cli.config_options import config_of  # noqa: E402
from hierseg_keras.cli.main import parser  # noqa: E402
from hierseg_keras.training import recipes  # noqa: E402

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "papers.md").read_text(encoding="utf-8")
SHORTHANDS = dict(re.findall(r"`(FLAT|W48)` (?:stands )?for\s+`([^`]+)`", PAGE))
RECIPE_AND_OPTIONS = rf"`((?:{'|'.join(recipes.available())})[^`]*)`"
# What stands for a value of the user's, and a value for it.
PLACES = {"RUN_OF_1": "runs/first", "C/2": "48", "C": "96"}


def command_of(row):
    """The arguments of a row of the page's tables, a recipe and options, in full."""
    words = (PLACES.get(word, word) for word in row.split())
    return ["train", "--recipe", *shlex.split(" ".join(SHORTHANDS.get(word, word) for word in words))]


def rows_of(pattern):
    return sorted({row for line in PAGE.splitlines() if line.startswith("|") for row in re.findall(pattern, line)})


class PapersPageTest:
    def test_every_recipe_has_a_row(self):
        assert {row.split()[0] for row in rows_of(RECIPE_AND_OPTIONS)} == set(recipes.available())

    @pytest.mark.parametrize("row", rows_of(RECIPE_AND_OPTIONS))
    def test_recipes_and_options_are_a_configuration(self, row):
        config_of(parser().parse_args(command_of(row)))

    @pytest.mark.parametrize("options", rows_of(r"`((?:FLAT|--(?:loss|method)\.)[^`]*)`"))
    def test_options_alone_are_of_the_recipes_of_their_tables(self, options):
        """Those of HSSN's ablations, and of HS3's rows that any recipe has."""
        name = "hssn_cityscapes_deeplabv3plus_r101"
        if options.startswith(("--method.filters", "--method.ratio", "--method.clusters")):
            name = "hs3_cityscapes_ocr_hrnet_w18_fuse"
        if options.startswith("--method.theta"):
            name = "hs3_nyu_depth_v2_ocr_hrnet_w18"
        recipe = config_of(parser().parse_args(["train", "--recipe", name]))
        assert config_of(parser().parse_args(command_of(f"{name} {options}"))) != recipe
