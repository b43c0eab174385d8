"""A real mcbroker on ipc endpoints in a directory of its own, for tests."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import zmq

from client import Client
from worker import Worker

BIN = pathlib.Path(os.environ.get("MC_BIN", "build/release/bin"))


class Cloud:
    def __init__(self, *options):
        self.options = list(options)
        # ipc paths have at most 107 bytes, so not below a long TMPDIR.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mc-", dir="/tmp"))
        self.clients, self.workers, self.events = (f"ipc://{self.folder}/{s}" for s in ("clients", "workers", "events"))
        self.context = zmq.Context()
        self.members, self.broker = [], None
        self.start()

    def start(self):
        arguments = [
            BIN / "mcbroker", "--clients", self.clients, "--workers", self.workers, "--events", self.events,
            "--state-dir", self.folder / "state", *self.options,
        ]  # fmt: skip
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MC_")}
        self.log = open(self.folder / "log", "ab")
        self.broker = subprocess.Popen(arguments, stdout=self.log, stderr=self.log, env=clean)
        probe = self.client()
        try:
            probe.hello(timeout=20)
        except TimeoutError:
            raise AssertionError(f"mcbroker does not answer; its log:\n{self.log_text()}") from None
        finally:
            probe.close()

    def log_text(self):
        return (self.folder / "log").read_text(errors="replace")

    def kill(self, number=signal.SIGKILL):
        self.broker.send_signal(number)
        code = self.broker.wait(20)
        self.log.close()
        return code

    def client(self):
        return Client(self.clients, self.context)

    def worker(self, name, node, **options):
        """A worker that has registered and reported, so that VMs can be placed on it."""
        worker = Worker(self.workers, name, node, **options)
        self.members.append(worker)
        worker.start()
        client = self.client()
        wait_for(lambda: any(n.name == name and n.state == 0 for n in client.nodes()), f"node {name} is ready")
        client.close()
        return worker

    def end(self):
        for worker in self.members:
            worker.end()
        if self.broker.poll() is None:
            self.kill(signal.SIGTERM)
        self.context.destroy(linger=0)
        shutil.rmtree(self.folder)


def wait_for(condition, what, timeout=15.0):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout} s: {what}")
