"""What the parts have in common: where programs are, and workers without an engine."""

import json
import os
import pathlib
import socket
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("MC_BIN", str(TESTS.parent / "build/release/bin"))
sys.path.insert(1, str(TESTS / "e2e"))

import cloud as clouds  # noqa: E402

BIN = clouds.BIN


def fake_worker(cloud, name, slots=64):
    """A node whose VMs are in memory only, ready for creates. It asks for no key: of a cloud over ipc. end() ends it."""
    import worker as workers

    worker = workers.Worker(cloud.endpoints["workers"], name, node=len(name) + 1, slots=slots)
    worker.start()
    cloud.wait_node(name, "ready")
    return worker


class Server:
    """A program that serves until it is told to end: `with Server(argv, …) as process`."""

    def __init__(self, argv, ready=None, address=None):
        """It serves when it has printed `ready`, or when it takes connections at `address`, a host and port."""
        self.argv, self.ready, self.address = argv, ready, address

    def __enter__(self):
        self.popen = subprocess.Popen(self.argv, stdout=subprocess.PIPE if self.ready else subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL, text=True)  # fmt: skip
        if self.ready and self.popen.stdout.readline().strip() != self.ready:
            raise RuntimeError(f"{self.argv[0]} did not start")
        if self.address:
            clouds.wait_until(f"{self.argv[0]} serves", self._listens)
        return self.popen

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(self.address) == 0

    def __exit__(self, *_):
        self.popen.terminate()
        self.popen.wait(10)


def swarm(mode, **settings):
    """What one run of the load generator prints."""
    argv = [f"{BIN}/bench_swarm", mode, *(f"{name}={value}" for name, value in settings.items())]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return json.loads(done.stdout)
