"""Nodes that are machines of their own to the network, for tests run by scripts/lib/private.sh.

Each has a network namespace with an address, and an engine in it. All hang on one bridge, on which the broker
listens. Nothing here is taken away at the end: the private namespaces go, and everything with them.
"""

import os
import subprocess

from cloud import BRIDGE, Cloud, OwnEngine

PRIVATE_DIR = os.environ.get("MC_PRIVATE_DIR", "")
CGROUP = os.environ.get("MC_PRIVATE_CGROUP", "")
BROKER_ADDRESS = "10.232.0.1"
ENDPOINTS = {
    name: f"tcp://{BROKER_ADDRESS}:{port}" for name, port in (("clients", 7710), ("workers", 7711), ("events", 7712))
}


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def make_network():
    if not PRIVATE_DIR:
        raise SystemExit("this changes the network: start it with its script in scripts/, which gives it one of its own")
    run("ip", "link", "add", "cloud", *BRIDGE)
    run("ip", "addr", "add", f"{BROKER_ADDRESS}/24", "dev", "cloud")
    run("ip", "link", "set", "cloud", "up")


class Node(OwnEngine):
    """A machine with an engine, as `Cloud.start_worker` wants it. `number` makes its address."""

    def __init__(self, name, number):
        self.name, self.dir = name, f"{PRIVATE_DIR}/{name}"
        self.endpoint = f"unix://{self.dir}/docker.sock"
        self.bridge = "docker0"
        self.advertise = f"10.232.0.{10 + number}"
        self.inside = ["nsenter", f"--net=/run/netns/{name}"]
        self.process = None
        os.makedirs(self.dir)
        self.connect()

    def connect(self):
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", f"to-{self.name}", "type", "veth", "peer", "name", "eth0", "netns", self.name)
        run("ip", "link", "set", f"to-{self.name}", "master", "cloud", "up")
        run(*self.inside, "ip", "link", "add", self.bridge, *BRIDGE)
        run(*self.inside, "ip", "addr", "add", "172.17.0.1/16", "dev", self.bridge)
        run(*self.inside, "ip", "addr", "add", f"{self.advertise}/24", "dev", "eth0")
        for device in ("lo", "eth0", self.bridge):
            run(*self.inside, "ip", "link", "set", device, "up")

    def start(self, *options, wait=True):
        super().start("--cgroup-parent", f"/{CGROUP}", *options, wait=wait)


def new_cloud(**broker_options):
    """A broker on the bridge; the workers come with start_worker(name, Node(...))."""
    directory = f"{PRIVATE_DIR}/cloud"
    os.makedirs(directory, exist_ok=True)
    return Cloud(directory, ENDPOINTS, **broker_options)
