"""List the papers' runs with their published results, or print one."""

from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.training import recipes
from hierseg_keras.tree.text_table import text_table


def run(options):
    if options.recipe is not None:
        with reading_options():
            print(recipes.text_of(options.recipe), end="")
        return 0
    print(*text_table([(name, recipes.published(name) or "-") for name in recipes.available()], "ll"), sep="\n")
    return 0
