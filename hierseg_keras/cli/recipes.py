"""List the papers' runs with their published results, or print one."""

from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.training import recipes


def run(options):
    if options.recipe is not None:
        with reading_options():
            print(recipes.text_of(options.recipe), end="")
        return 0
    names = recipes.available()
    width = max(map(len, names))
    for name in names:
        print(f"{name:{width}s}  {recipes.published(name)}")
    return 0
