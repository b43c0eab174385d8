"""Jobs that do nothing, through the real broker, beside a forwarder that knows nothing and other job servers."""

import contextlib
import json
import os
import subprocess
import tempfile

import cloud as clouds
from loopback import free_address, free_endpoints
from measure import Sample
from world import BIN, Server, swarm

LOAD = {"clients": 4, "workers": 4, "window": 128, "bytes": 200}
CLOSED_LOOP = {"clients": 1, "workers": 1, "window": 1, "bytes": 200}
VMS = 20
ROUNDS, SECONDS = 5, 1.5
# list requests per second of the one that this broker came from, with 20 VMs.
ANCESTOR_LISTS_PER_SECOND = 20


class Pair:
    """A broker and a forwarder over one transport, each with what a swarm has to know to reach it."""

    def __init__(self, transport, stack):
        self.transport = transport
        directory = tempfile.TemporaryDirectory(prefix="mc-bench-")
        stack.enter_context(directory)
        ipc = transport == "ipc"
        endpoints = None if ipc else clouds.free_endpoints()
        options = {"plaintext": True} if transport == "tcp" else {}
        self.cloud = clouds.Cloud(endpoints=endpoints, **options)
        stack.callback(self.cloud.close)
        self.broker = {"clients_at": self.cloud.endpoints["clients"], "workers_at": self.cloud.endpoints["workers"],
                       "pid": self.cloud.broker.popen.pid}  # fmt: skip
        at = ([f"ipc://{directory.name}/{side}" for side in ("clients", "workers")] if ipc else
              free_endpoints(2))  # fmt: skip
        argv = [f"{BIN}/bench_forwarder", *at]
        keys = {}
        if transport == "CURVE":
            for number in range(1, LOAD["workers"] + 1):
                self.cloud.join_worker(f"node-{number}", clouds.Engine())
            keys = {"key": f"{self.cloud.dir}/broker/admin.context", "worker_keys": f"{self.cloud.dir}/worker-"}
            argv.append(f"{self.cloud.dir}/broker/broker.key")
        self.broker |= keys
        self.forwarder = {"clients_at": at[0], "workers_at": at[1], **keys}
        self.forwarder_argv = argv

    def measure(self, question, load, seconds, **more):
        if question != "bare":
            return swarm("dispatch", question=question, seconds=seconds, **load, **self.broker, **more)
        # A new one each time: it does not notice at once that workers have gone.
        with Server(self.forwarder_argv, ready="ready") as forwarder:
            return swarm("dispatch", question=question, seconds=seconds, pid=forwarder.pid, **load, **self.forwarder)


def run(part):
    rounds, seconds = (1, 1) if part.quick else (ROUNDS, SECONDS)
    transports = ("ipc",) if part.quick else ("tcp", "ipc", "CURVE")
    with contextlib.ExitStack() as stack:
        pairs = [Pair(transport, stack) for transport in transports]
        peers = {} if part.quick else start_peers(stack)
        rates, costs, latencies = {}, {}, {}
        for _ in range(rounds):
            for pair in pairs:
                for question, name in (("bare", "forwarder"), ("images", "mcbroker, job"), ("relay", "mcbroker, relay")):
                    one = pair.measure(question, LOAD, seconds)
                    rates.setdefault(f"{name}, {pair.transport}", Sample()).add(one["per_second"])
                    costs.setdefault(f"{name}, {pair.transport}", Sample()).add(one["cpu_us"])
                    one = pair.measure(question, CLOSED_LOOP, seconds / 2)
                    latencies.setdefault(f"{name}, {pair.transport}", Sample()).add(one["p50_us"])
            one = pairs[-1].measure("list", LOAD, seconds, vms=VMS)
            rates.setdefault(f"mcbroker, list of {VMS} VMs, {pairs[-1].transport}", Sample()).add(one["per_second"])
            for name, measure in peers.items():
                rates.setdefault(name, Sample()).add(measure(LOAD, seconds)["per_second"])
                if p50 := measure(CLOSED_LOOP, seconds / 2).get("p50_us"):
                    latencies.setdefault(name, Sample()).add(p50)
    part.text("Per second, 4 clients with 128 under way each, 4 workers:")
    part.table("per second", rates)
    part.text("CPU time of the broker's or the forwarder's process for each:")
    part.table("µs", costs)
    part.text("One client with one under way:")
    part.table("µs until the answer", latencies)
    part.ratios(list(ratios(transports, rates, costs, latencies)))
    part.bars("Dispatch", "per second", {name: sample.median for name, sample in rates.items() if "list" not in name})


def ratios(transports, rates, costs, latencies):
    def by(samples, ours, theirs):
        return samples[ours].median / samples[theirs].median

    for transport in transports:
        ours, bare = f"mcbroker, job, {transport}", f"forwarder, {transport}"
        yield f"jobs / forwarder's, {transport}", by(rates, ours, bare), "≥", 0.7, ""
        yield f"CPU of a job / forwarder's, {transport}", by(costs, ours, bare), "≤", 1.7, ""
        relay = f"mcbroker, relay, {transport}"
        yield f"relayed messages / forwarder's, {transport}", by(rates, relay, bare), "", None, ""
        yield f"CPU of a relayed message / forwarder's, {transport}", by(costs, relay, bare), "", None, ""
    lists = next(name for name in rates if "list" in name)
    yield f"lists / the ancestor's {ANCESTOR_LISTS_PER_SECOND} per second", (
        rates[lists].median / ANCESTOR_LISTS_PER_SECOND), "≥", 200, ""
    if "gearmand" in rates:
        yield "jobs, tcp / gearmand's", by(rates, "mcbroker, job, tcp", "gearmand"), "≥", 6, ""
        yield "jobs, tcp / NATS request-replies", by(rates, "mcbroker, job, tcp", "NATS"), "≥", 1, ""
        yield "closed loop, tcp: job / NATS", by(latencies, "mcbroker, job, tcp", "NATS"), "≤", 1, ""


def start_peers(stack):
    """name → function of a load and seconds."""
    found = {}

    def program(name, address):
        def measure(load, seconds):
            argv = [f"{BIN}/{name}", address, *(str(load[key]) for key in ("clients", "workers", "window", "bytes")),
                    str(seconds)]  # fmt: skip
            return json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)

        return measure

    if os.path.exists(f"{BIN}/bench_gearman_load"):
        host, port = address = free_address()
        stack.enter_context(Server(["gearmand", "-p", str(port), "-L", host, "-l", "stderr"], address=address))
        found["gearmand"] = program("bench_gearman_load", f"{host}:{port}")
    if os.path.exists(f"{BIN}/bench_nats_load"):
        host, port = address = free_address()
        stack.enter_context(Server(["nats-server", "-a", host, "-p", str(port)], address=address))
        found["NATS"] = program("bench_nats_load", f"nats://{host}:{port}")
    return found
