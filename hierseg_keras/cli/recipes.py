"""List the papers' runs with their published results, or print one."""

from hierseg_keras.cli.option_error import reading_options
from hierseg_keras.messages.text_table import text_table
from hierseg_keras.training import recipes


def run(options):
    wanted = options.recipe or ""
    names = [name for name in recipes.available() if name.startswith(wanted)]
    if wanted in names or not names:
        with reading_options():
            print(recipes.text_of(wanted), end="")
    else:
        print(*text_table([(name, recipes.published(name)) for name in names], "ll"), sep="\n")
    return 0
