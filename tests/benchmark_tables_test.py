import pathlib

import pytest

from benchmarks import hs3, hssn, rows
from benchmarks.paired import paired_table

ROOT = pathlib.Path(__file__).parents[1]
CSV = ROOT / "benchmarks" / "results" / "hssn_camvid.csv"
PAGE = ROOT / "docs" / "photographs.md"
VARIANTS_PAGE = ROOT / "docs" / "photographs_variants.md"


class PairedTableTest:
    def test_differences_are_paired_by_seed_and_those_beyond_their_interval_are_bold(self):
        values = {("flat", "0"): 0.1, ("flat", "1"): 0.5, ("tree", "1"): 0.6, ("tree", "0"): 0.22, ("lone", "0"): 0.9}
        rows = [
            {
                "way": way,
                "seed": seed,
                "miou_1": str(value),
                "miou_mean": "0",
                "iou_Sky": str(1 - value),
                "minutes": "7",
            }
            for (way, seed), value in values.items()
        ]
        table = paired_table(rows[::-1], "way", "flat")
        # Half of the interval is 12.706 (Student's t for two values) * 0.014142 / sqrt(2).
        assert table.splitlines() == [
            "| | flat | lone | tree |",
            "| --- | --- | --- | --- |",
            "| seeds | 2 | 1 | 2 |",
            "| mIoU, level 1 | 0.300 | 0.900 | 0.410 (+0.110 +- 0.127) |",
            "| IoU of Sky | 0.700 | 0.100 | 0.590 (-0.110 +- 0.127) |",
        ]
        rows[3]["miou_1"] = "0.2001"
        assert "| 0.400 (**+0.100 +- 0.001**) |" in paired_table(rows, "way", "flat")


class StreetBlocksTablesTest:
    def lines(self, *columns):
        """The table of columns, whose differences are to the first, without the rows of one class and others."""
        found = [
            {**row, "column": "/".join(column)}
            for column in columns
            for row in rows.read(CSV.with_name("hssn_street_blocks.csv"), dict(zip(("labels", "objective"), column)))
            if hssn.is_reported(row)
        ]
        return paired_table(found, "column", "/".join(columns[0])).splitlines()

    def test_all_images_labeled_by_class(self):
        table = (ROOT / "docs" / "benchmarks.md").read_text("utf-8").split("| flat, 400 images |")[1].split("\n\n")[0]
        written = [line for line in table.splitlines() if line.startswith("| m") or line.startswith("| a")]
        assert len(written) == 7 and set(written) <= set(
            self.lines(("full", "flat"), ("full", "hierarchical"), ("coarse", "hierarchical"))
        )


class SupervisedStagesTest:
    @pytest.mark.parametrize("split", ["test", "validation"])
    def test_tables_are_those_of_the_rows(self, split):
        page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8").split("## Supervised stages\n")[1].split("\n## ")[0]
        found = hs3.table(CSV.with_name("hs3.csv"), split, hs3.METHODS).splitlines()
        shown = [line for line in found if line.startswith(("| seeds", "| m", "| accuracy"))]
        assert len(shown) == 6 and all(line in page for line in [found[0], *shown])

    def test_table_of_angles_is_that_of_the_rows(self):
        page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8").split("## Supervised stages\n")[1]
        found = hs3.table(CSV.with_name("hs3.csv"), "test", hs3.ANGLES).splitlines()
        assert all(line in page for line in found if line.startswith(("| |", "| mIoU")))


class PhotographsPageTest:
    @pytest.mark.parametrize("split", ["test", "validation"])
    @pytest.mark.parametrize("labels", hssn.LABELS)
    def test_tables_are_those_of_the_rows(self, labels, split):
        assert hssn.table(CSV, labels, split, hssn.MAIN) in PAGE.read_text("utf-8")

    @pytest.mark.parametrize("split", ["test", "validation"])
    @pytest.mark.parametrize("what", hssn.TRIED)
    def test_tables_of_what_was_tried_are_those_of_the_rows(self, what, split):
        assert hssn.table(CSV, "coarse", split, hssn.TRIED[what]) in VARIANTS_PAGE.read_text("utf-8")
