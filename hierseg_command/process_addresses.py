"""Where the processes of a training find each other, from options or from the environment of a cluster."""

import os
import re

COORDINATOR, PROCESSES, PROCESS_ID = "HIERSEG_COORDINATOR", "HIERSEG_PROCESSES", "HIERSEG_PROCESS_ID"
# In SLURM, and in an indexed job of Kubernetes. Those of the step are set by `srun`.
_COUNTS = (PROCESSES, "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")
_NUMBERS = (PROCESS_ID, "SLURM_PROCID", "JOB_COMPLETION_INDEX")
_NODES = ("SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST")
_JOB = "SLURM_JOB_ID"
# The first entry of a list of nodes, whose commas may be in brackets, and a range in brackets with its first number.
_FIRST, _RANGE = re.compile(r"(?:[^,\[]|\[[^\]]*\])*"), re.compile(r"\[([^\],-]*)[^\]]*\]")
# The highest ports, of which a job uses one that depends on its number.
_NUM_PORTS, _MAX_PORT = 4096, 65535


def wants_jax(arguments):
    """Returns whether a command line asks for several processes, or for several devices of one network."""
    options = [argument.partition("=")[0] for argument in arguments]
    return arguments[:1] == ["train"] and not {"--coordinator", "--model-devices"}.isdisjoint(options)


def addressed(coordinator, processes=None, process_id=None, environment=os.environ):
    """Completes the address of a training from the environment.

    Args:
        coordinator: String, `"host:port"`, or `"auto"`.
        processes: Integer, number of processes. Defaults to the environment's.
        process_id: Integer, number of this process, from 0. Defaults to the environment's.
        environment: Dict of the environment's variables.

    Returns:
        A triple: `"host:port"`, number of processes, and number of this process.

    Raises:
        ValueError: If the environment lacks a value, or a value is not a number or an address.
    """
    if coordinator == "auto":
        coordinator = environment.get(COORDINATOR) or _of_slurm(environment)
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= _MAX_PORT:
        raise ValueError(
            f"--coordinator expects HOST:PORT, such as 10.0.0.1:12345, or auto. Received: {coordinator!r}."
        )
    processes = _number("--processes", processes, _COUNTS, environment)
    process_id = _number("--process-id", process_id, _NUMBERS, environment)
    if not 0 <= process_id < processes:
        raise ValueError(
            f"--process-id expects a number from 0 to {processes - 1}, as there are {processes} processes. Received: "
            f"{process_id}."
        )
    return coordinator, processes, process_id


def first_host(nodes):
    """Returns the first host of a SLURM list of nodes, such as `gpu[07-09,12],login1`."""
    first = _FIRST.match(nodes)[0]
    return _RANGE.sub(r"\1", first)


def _of_slurm(environment):
    nodes = next((environment[name] for name in _NODES if environment.get(name)), None)
    job = environment.get(_JOB, "")
    if nodes is None or not job.isdecimal():
        raise ValueError(
            f"--coordinator auto expects {COORDINATOR}, or SLURM's {', '.join(_NODES)} and {_JOB}, in the environment. "
            "Received: neither. Pass --coordinator HOST:PORT."
        )
    return f"{first_host(nodes)}:{_MAX_PORT - int(job) % _NUM_PORTS}"


def _number(option, given, names, environment):
    if given is not None:
        return given
    name = next((name for name in names if environment.get(name)), None)
    if name is None:
        raise ValueError(f"{option} expects a number, as the environment has none of {', '.join(names)}. Pass it.")
    if not environment[name].isdecimal():
        raise ValueError(f"{option} expects a number. Received: {name}={environment[name]!r} in the environment.")
    return int(environment[name])
