"""Draws the pictures of the README and of the documentation, from `street_blocks`.

    python docs/pictures/make.py [--data-dir FOLDER]

Nothing is trained and nothing is downloaded: the scenes are generated, and the pictures show their true labels.
"""

import argparse
import pathlib

import hierseg_keras as hs

FOLDER = pathlib.Path(__file__).parent
DATA_SET = "street_blocks"
# Numbers of validation images that show many classes clearly. The first one is at the top of the README.
SHOWN = (50, 54, 55)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", help="folder of prepared data sets")
    options = parser.parse_args()
    tree = hs.ClassTree.load(DATA_SET)
    examples = shown_examples(tree, options.data_dir)
    image, label = examples[0]
    hs.visualization.draw_levels(tree, image, {"labels": label}, FOLDER / "street_levels.png")
    hs.visualization.draw_contact_sheet(tree, examples, FOLDER / "street_sheet.png")
    hs.visualization.draw_tree(tree, FOLDER / "street_tree.png")


def shown_examples(tree, data_dir):
    """The images of `SHOWN` and their label maps."""
    batches = hs.data.load(DATA_SET, "validation", tree=tree, batch_size=1, data_dir=data_dir)
    examples = [(image[0], label[0]) for image, label in batches.as_numpy_iterator()]
    return [examples[number] for number in SHOWN]


if __name__ == "__main__":
    main()
