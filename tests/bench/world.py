"""What the parts have in common: where programs are, and workers without an engine."""

import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / "e2e"), str(TESTS / "conformance")]

import cloud as clouds  # noqa: E402

BIN = clouds.BIN


def fake_worker(cloud, name, slots=64):
    """A node whose VMs are in memory only, ready for creates. It asks for no key: of a cloud over ipc. end() ends it."""
    import worker as workers

    worker = workers.Worker(cloud.endpoints["workers"], name, node=len(name) + 1, slots=slots)
    worker.start()
    cloud.wait_node(name, "ready")
    return worker
