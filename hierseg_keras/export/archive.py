"""A Keras `ExportArchive` with the signatures of a network."""

import keras


def make_archive(answers, signatures):
    """Makes an `ExportArchive`. Nothing is written yet.

    Args:
        answers: `Answers` of the network.
        signatures: Dict as returned by `signature_functions`, or a part of it.

    Returns:
        `keras.export.ExportArchive`.
    """
    archive = keras.export.ExportArchive()
    archive.track(answers.model)
    for name, (function, inputs) in signatures.items():
        archive.add_endpoint(name, function, input_signature=inputs)
    return archive
