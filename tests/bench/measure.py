"""Measuring side by side: one of each in turn, so that what else the machine does falls on all alike."""

import math
import os
import random
import time

DEV_NULL = ((os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0))
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Sample:
    """Values of one thing that was measured several times."""

    def __init__(self, values=()):
        self.values = list(values)

    def add(self, value):
        self.values.append(value)

    def quantile(self, part):
        """The nearest rank: always a value that was measured."""
        ordered = sorted(self.values)
        return ordered[max(0, math.ceil(part * len(ordered)) - 1)]

    @property
    def median(self):
        return self.quantile(0.5)

    @property
    def low(self):
        return self.quantile(0.25)

    @property
    def high(self):
        return self.quantile(0.75)

    def __len__(self):
        return len(self.values)


def in_turn(things, rounds, warm_up=1):
    """`things`: name → function that returns one value. A Sample of each, one of each per round, in a new order each time:
    who always came after the same one would pay for what that one leaves of the caches."""
    samples, draw = {name: Sample() for name in things}, random.Random("in turn")
    for number in range(rounds + warm_up):
        for name in draw.sample(list(things), len(things)):
            value = things[name]()
            if number >= warm_up:
                samples[name].add(value)
    return samples


def process_ms(argv, env=None):
    """How long the program takes from its start to its end, in ms. Fails when its exit code is not 0."""
    env = env if env is not None else os.environ
    began = time.perf_counter()
    pid = os.posix_spawnp(argv[0], argv, env, file_actions=DEV_NULL)
    _, status = os.waitpid(pid, 0)
    took = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit code {code}")
    return took * 1000


def of_process(argv, env=None):
    return lambda: process_ms(argv, env)


def cpu_seconds(pid):
    """User and system time that the process has used so far."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def resident_bytes(pid):
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024
