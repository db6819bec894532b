"""The first part of the program `hierseg`, which prints help, the version and errors about options.

It imports only the standard library, so that these are printed without waiting for TensorFlow. `hierseg_keras.cli`
runs the commands.
"""
