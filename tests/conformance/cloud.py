"""A real mcbroker in a directory of its own, for tests: on ipc endpoints, or with keys on tcp ones."""

import base64
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import msgpack
import zmq
import zmq.utils.z85

import minicloud_wire as wire
from client import Client
from curve_keys import Keys
from loopback import free_endpoints
from worker import Worker

BIN = pathlib.Path(os.environ.get("MC_BIN", "build/release/bin"))
# "address" or "thread" if mcbroker is built with one: it is slower, and keeps what it freed.
SANITIZER = os.environ.get("MC_SANITIZER", "")
# Times all bounds on time, which are those of the program as people get it.
SLOWNESS = 4 if SANITIZER else 1


class Cloud:
    """`with_keys`: on tcp; self.admin has the keys that the broker made for its first admin."""

    def __init__(self, *options, with_keys=False):
        self.options = list(options)
        # ipc paths have at most 107 bytes, so not below a long TMPDIR.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mc-", dir="/tmp"))
        self.clients, self.workers, self.events = (f"ipc://{self.folder}/{s}" for s in ("clients", "workers", "events"))
        self.admin = None
        if with_keys:
            self.clients, self.workers, self.events = free_endpoints(3)
        self.with_keys = with_keys
        self.context = zmq.Context()
        self.members, self.broker = [], None
        self.start()

    def start(self):
        arguments = [
            BIN / "mcbroker", "--clients", self.clients, "--workers", self.workers, "--events", self.events,
            "--state-dir", self.folder / "state", *self.options,
        ]  # fmt: skip
        self.log = open(self.folder / "log", "ab")
        served = self.log_text().count("serving clients")
        self.broker = subprocess.Popen(arguments, stdout=self.log, stderr=self.log, env=self.env())
        if self.with_keys:
            wait_for(lambda: self.log_text().count("serving clients") > served or self.broker.poll(), "the broker serves")
            assert self.broker.returncode is None, self.log_text()
            self.admin = Keys.of_context(self.admin_file)
        probe = self.client()
        try:
            probe.hello(timeout=20 * SLOWNESS)
        except TimeoutError:
            raise AssertionError(f"mcbroker does not answer; its log:\n{self.log_text()}") from None
        finally:
            probe.close()

    @property
    def admin_file(self):
        return self.folder / "state" / "admin.context"

    def env(self):
        """For programs: nothing of minicloud's but what is this cloud's own."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MC_") and k != "STATE_DIRECTORY"}
        clean["MC_CONNECT_TIMEOUT"] = "30s"  # a machine that stands still for the usual 3 s is no finding
        return {**clean, "XDG_CONFIG_HOME": str(self.folder / "config"), "XDG_STATE_HOME": str(self.folder / "home")}

    def log_text(self):
        return (self.folder / "log").read_text(errors="replace")

    def token(self, role, name="", **fields):
        """The key pair of a new token."""
        token, admin = Keys(self.admin.broker), self.client()
        request = wire.new("TokenCreateRequest", key=token.bytes, role=role, name=name, **fields)
        reply = admin.call("token_create", "TokenCreateRequest", request)[1]
        admin.close()
        assert reply.items[0].code == wire.OK, reply
        return token

    def token_text(self, token, endpoint=None):
        """As people hand it over: docs/protocol.md under token_create."""
        decode = zmq.utils.z85.decode
        packed = msgpack.packb([endpoint or self.clients, decode(token.broker), decode(token.secret)])
        return "mc1-" + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()

    def keys(self, name, role):
        """A new key pair that was admitted under that name."""
        own, joiner = Keys(self.admin.broker), self.client(self.token(role, name))
        joiner.call("join", "JoinRequest", wire.new("JoinRequest", key=own.bytes, name=name))
        joiner.close()
        return own

    def kill(self, number=signal.SIGKILL):
        self.broker.send_signal(number)
        code = self.broker.wait(20 * SLOWNESS)
        self.log.close()
        return code

    def client(self, keys=None):
        return Client(self.clients, self.context, keys or self.admin)

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


class KeyedCloudTest(unittest.TestCase):
    """A cloud with keys for each test, and its first admin connected."""

    def setUp(self):
        self.cloud = Cloud(with_keys=True)
        self.addCleanup(self.cloud.end)
        self.admin = self.cloud.client()
        self.addCleanup(self.admin.close)


def wait_for(condition, what, timeout=15.0):
    timeout *= SLOWNESS
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout} s: {what}")
