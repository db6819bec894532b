"""Describes whether a run in a folder is finished, was stopped, or is still running."""

import warnings

from hierseg_keras.files.written_beside import delete_unfinished
from hierseg_keras.messages.quoted import quoted
from hierseg_keras.training.config.files import config_file
from hierseg_keras.training.folder_claim import LOCK, is_claimed
from hierseg_keras.training.manifest import MANIFEST, WEIGHTS, is_finished, saved_epoch

_MOST_NAMED = 5
_RESUME = "Resume it (`hierseg train --resume {}`)"


def check_new(folder):
    """Checks that a folder is empty, apart from its lock file. Unfinished files of a killed process are deleted.

    Args:
        folder: `pathlib.Path` of a folder that this process has locked.

    Raises:
        FileExistsError: If the folder contains anything else. The error says whether it is a run.
    """
    delete_unfinished(folder)
    if all(path.name == LOCK for path in folder.iterdir()):
        return
    content, advice = "is not empty", "Choose another one."
    if _is_run(folder):
        has_weights = (folder / WEIGHTS).is_file()
        is_whole = has_weights and is_finished(folder)
        content = f"contains {'a finished' if is_whole else 'an unfinished'} run"
        init = f", which may start from its weights with `init={folder}`" if has_weights else ""
        go_on = "" if is_whole else f"Resume this run with `resume` (`hierseg train --resume {quoted(folder)}`). Or c"
        advice = f"{go_on or 'C'}hoose another one{init}."
    raise FileExistsError(f"expected a new or empty folder for the run. Received: {folder}, which {content}. {advice}")


def warn_if_unfinished(folder):
    """Warns if the training of a run was stopped before its end, or is still running.

    Args:
        folder: `pathlib.Path` of a run that has weights.
    """
    if is_finished(folder):
        return
    epoch = saved_epoch(folder)
    weights = "" if epoch is None else f" Its weights are those of epoch {epoch}."
    advice = "Wait for its end" if is_claimed(folder) else _RESUME.format(quoted(folder))
    warnings.warn(
        f"{folder} is an unfinished run: {_cause(folder)}.{weights} {advice} for the weights of the whole training.",
        stacklevel=3,
    )


def refuse_without(folder, missing):
    """Raises the error about a folder that lacks files of a run.

    Args:
        folder: `pathlib.Path`.
        missing: List of the names of the files.

    Raises:
        FileNotFoundError: Always. It says whether the run is unfinished, and what can be done.
    """
    expected = f"expected the folder of a training run. Received: {folder}, which"
    if not folder.is_dir():
        raise FileNotFoundError(f"{expected} is {'a file' if folder.exists() else 'not there'}. Correct the path.")
    runs = sorted(str(path.parent) for path in folder.glob(f"*/{WEIGHTS}"))
    if runs:
        more = f" and {len(runs) - _MOST_NAMED} more" if len(runs) > _MOST_NAMED else ""
        raise FileNotFoundError(
            f"{expected} lacks {', '.join(missing)}, but contains runs: {', '.join(runs[:_MOST_NAMED])}{more}. Pass "
            "one of them."
        )
    if WEIGHTS in missing and _is_run(folder):
        is_running = is_claimed(folder)
        advice = "Wait for the end of its first epoch" if is_running else _RESUME.format(quoted(folder))
        raise FileNotFoundError(
            f"{expected} is an unfinished run without weights: {_cause(folder)}, and weights are saved at the end of "
            f"each epoch. {advice}."
        )
    raise FileNotFoundError(f"{expected} lacks {', '.join(missing)}.")


def _is_run(folder):
    return config_file(folder).is_file() or (folder / MANIFEST).is_file()


def _cause(folder):
    return "it is being trained by another process" if is_claimed(folder) else "its training was stopped before the end"
