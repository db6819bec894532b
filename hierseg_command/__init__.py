"""The command `hierseg` up to where it needs TensorFlow: help, versions and refused options take no time.

It imports the standard library alone. `hierseg_keras.cli` does what a command says.
"""
