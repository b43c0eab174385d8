"""From a person's wish to a VM that can be logged in to, and away with it again."""

import subprocess
import threading
import time

import cloud as clouds
from engine_api import Api, wait_for_sshd
from measure import Sample, in_turn, process_ms
from world import BIN

ROUNDS = 20
# VMs of one batch, and how many of them the raw API makes at once.
BATCH = 12
AT_ONCE = (1, 2, 4)
BATCH_ROUNDS = 6
POOL = 4
# From a spare that has started to a broker that gives it away.
INVENTORY_S = 0.5


class Bench:
    def __init__(self):
        self.cloud = clouds.Cloud(endpoints=clouds.free_endpoints())
        self.cloud.start_worker("cold", slots=64)
        self.cloud.start_worker("warm", slots=64, options=("--pool", str(POOL)))
        self.engine = clouds.DEFAULT_ENGINE
        self.api = Api(self.engine)
        self.deletes = {name: Sample() for name in ("mccli delete", "docker rm -f", "raw API: remove")}
        self.others = []  # containers that are no VMs

    def close(self):
        for container in self.others:
            subprocess.run(["docker", "rm", "-f", container], capture_output=True)
        self.api.close()
        self.cloud.close()

    def timed(self, function):
        began = time.perf_counter()
        value = function()
        return (time.perf_counter() - began) * 1000, value

    # One of each: made, timed, and removed again.

    def mccli(self, node):
        self.wait_for_spares()
        took = process_ms([f"{BIN}/mccli", "create", "--node", node, "bench"], self.cloud.env)
        self.deletes["mccli delete"].add(process_ms([f"{BIN}/mccli", "delete", "-y", "bench"], self.cloud.env))
        return took

    def wait_for_spares(self):
        """Until the pool is full, the broker knows of it, and there is nothing else: what is left of the one before must
        not work on in another's turn. Everyone waits: after a pause an engine is slower."""
        clouds.wait_until("the pool is full", lambda: len(self.cloud.containers()) == POOL, 60, 0.02)
        # An inventory tells the broker, soon after a change of its containers.
        time.sleep(INVENTORY_S)

    def docker_run(self):
        self.wait_for_spares()
        took = process_ms(["docker", "run", "-d", "-p", "22", "--name", "mc-bench-run", clouds.IMAGE])
        self.deletes["docker rm -f"].add(process_ms(["docker", "rm", "-f", "mc-bench-run"]))
        return took

    def raw(self, answering=False):
        def made():
            container, port = self.api.create(clouds.IMAGE)
            self.others.append(container)
            if answering:
                wait_for_sshd(port)
            return container

        self.wait_for_spares()
        took, container = self.timed(made)
        self.deletes["raw API: remove"].add(self.timed(lambda: self.api.remove(container))[0])
        self.others.remove(container)
        return took

    # Batches

    def raw_batch_per_second(self, at_once, answering=False):
        made, lock = [], threading.Lock()
        left = iter(range(BATCH))

        def some():
            api = Api(self.engine)
            while True:
                with lock:
                    if next(left, None) is None:
                        break
                container, port = api.create(clouds.IMAGE)
                with lock:
                    made.append(container)
                if answering:
                    wait_for_sshd(port)
            api.close()

        threads = [threading.Thread(target=some) for _ in range(at_once)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - began
        subprocess.run(["docker", "rm", "-f", *made], check=True, capture_output=True)
        return BATCH / took

    def mccli_batch_per_second(self):
        took = process_ms([f"{BIN}/mccli", "create", "--node", "cold", "-n", str(BATCH)], self.cloud.env)
        self.cloud.mccli("delete", "--all", "-y")
        self.wait_for_spares()
        return BATCH / took * 1000


def run(part):
    if part.quick:
        return part.text("(needs an engine)")
    bench = Bench()
    try:
        single(part, bench)
        batches(part, bench)
    finally:
        bench.close()


def single(part, bench):
    samples = in_turn({
        "mccli create, warm": lambda: bench.mccli("warm"),
        "mccli create, cold": lambda: bench.mccli("cold"),
        "docker run -d -p 22": bench.docker_run,
        "raw API: create, start, inspect": bench.raw,
        "raw API, until sshd answers": lambda: bench.raw(answering=True),
    }, ROUNDS)  # fmt: skip
    part.table("ms", samples)
    part.table("ms", bench.deletes)
    at = {name: sample.median for name, sample in (samples | bench.deletes).items()}
    part.ratios([
        ("create, warm / `docker run`", at["mccli create, warm"] / at["docker run -d -p 22"], "≤", 0.1, ""),
        ("create, warm: p99 / p50",
         samples["mccli create, warm"].quantile(0.99) / at["mccli create, warm"], "≤", 3, ""),
        ("create, cold / raw API", at["mccli create, cold"] / at["raw API: create, start, inspect"], "≤", 1.05, ""),
        ("create, cold / raw API until sshd answers",
         at["mccli create, cold"] / at["raw API, until sshd answers"], "", None, ""),
        ("create, cold / `docker run`", at["mccli create, cold"] / at["docker run -d -p 22"], "", None, ""),
        ("`mccli delete` / `docker rm -f`", at["mccli delete"] / at["docker rm -f"], "≤", 0.2, ""),
    ])  # fmt: skip
    part.bars("Create and delete", "ms", at)


def batches(part, bench):
    things = {f"raw API, {n} at once": lambda n=n: bench.raw_batch_per_second(n) for n in AT_ONCE}
    answering = f"raw API, {AT_ONCE[-1]} at once, until sshd answers"
    things[answering] = lambda: bench.raw_batch_per_second(AT_ONCE[-1], answering=True)
    things[f"mccli create -n {BATCH}"] = bench.mccli_batch_per_second
    bench.wait_for_spares()
    samples = in_turn(things, BATCH_ROUNDS, warm_up=0)
    part.table("VMs per second", samples)
    best = max(samples[f"raw API, {n} at once"].median for n in AT_ONCE)
    ours = samples[f"mccli create -n {BATCH}"].median
    part.ratios([
        ("VMs per second / the raw API's best", ours / best, "≥", 1.0, ""),
        ("VMs per second / the raw API's until sshd answers", ours / samples[answering].median, "", None, ""),
    ])  # fmt: skip
