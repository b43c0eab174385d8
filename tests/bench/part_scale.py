"""Clouds from small to as large as they may be: what they cost while nothing happens, and what it costs to ask."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time

from measure import resident_bytes
from report import number
from world import BIN, Server, swarm

# Nodes and VMs. An owner has 50.
SIZES = ((10, 1_000), (100, 10_000), (1_000, 100_000), (10_000, 1_000_000))
SIZES_QUICK = ((10, 1_000),)
OWNERS_VMS = 50
REQUESTS, EVENTS = 1_000, 10_000
START_MAX_S = 120
# Until all nodes have registered and have said what they have.
SETTLE_S, SETTLE_S_OF_NODE = 5, 0.002
# One process of the load has two descriptors for each node, and 20,000 at most on many machines.
NODES_OF_PROCESS = 6_000


def run(part):
    results = {}
    for nodes, vms in SIZES_QUICK if part.quick else SIZES:
        results[vms] = measure(nodes, vms, part.quick)
        print(nodes, vms, results[vms], flush=True)
    rows = {
        "restart to serving, s": "start_s",
        "memory for each VM, bytes": "bytes_per_vm",
        "idle, share of a core": "idle_core",
        "one user's 50 VMs, µs (p50)": "page_p50_us",
        "one user's 50 VMs, µs (p99)": "page_p99_us",
        "a list of all, s": "list_all_s",
        "VMs known to run then": "vms_running",
    }
    head = " | ".join(f"{vms:,} VMs" for vms in results)
    lines = [f"| | {head} |", "|---|" + "--:|" * len(results)]
    for title, key in rows.items():
        lines.append(f"| {title} | " + " | ".join(number(one[key]) for one in results.values()) + " |")
    part.text("\n".join(lines))
    most = results[max(results)]
    part.ratios([
        ("idle, share of a core", most["idle_core"], "≤", 0.1, ""),
        ("one user's 50 VMs", most["page_p50_us"] / 1000, "≤", 5, " ms"),
        ("memory for each VM", most["bytes_per_vm"], "≤", 1200, " bytes"),
        ("restart to serving", most["start_s"], "≤", 10, " s"),
    ])  # fmt: skip
    if len(results) > 1:
        for title, unit, key in (("Idle", "share of a core", "idle_core"), ("Restart", "s", "start_s"),
                                 ("A list of one user", "µs", "page_p50_us")):  # fmt: skip
            part.lines(f"{title} by the number of VMs", "VMs", unit,
                       {title: [(vms, one[key]) for vms, one in results.items()]}, "set logscale xy")  # fmt: skip


def measure(nodes, vms, quick):
    directory = tempfile.mkdtemp(prefix="mc-bench-")
    os.mkdir(f"{directory}/broker", 0o700)
    at = {side: f"ipc://{directory}/{side}" for side in ("clients", "workers", "events")}
    argv = [f"{BIN}/mcbroker", "--state-dir", f"{directory}/broker", "--log-level", "warn"]
    for side, endpoint in at.items():
        argv += [f"--{side}", endpoint]
    fill = [f"{BIN}/fill_store", f"{directory}/broker/broker.db", *map(str, (vms, REQUESTS, EVENTS, nodes, OWNERS_VMS))]
    broker = None
    try:
        subprocess.run(fill, check=True)
        with contextlib.ExitStack() as swarms:
            # Before the broker: with nodes that come late it would have to write down that nobody knows what their VMs do.
            for first in range(1, nodes + 1, NODES_OF_PROCESS):
                settings = {"nodes": min(NODES_OF_PROCESS, nodes - first + 1), "first_node": first, "nodes_all": nodes,
                            "vms": vms, "workers_at": at["workers"]}  # fmt: skip
                words = [f"{name}={value}" for name, value in settings.items()]
                swarms.enter_context(Server([f"{BIN}/bench_swarm", "nodes", *words], ready="ready"))
            began = time.perf_counter()
            with open(f"{directory}/log", "w") as log:
                broker = subprocess.Popen(argv, stderr=log)
            wait_for(broker, at)
            start_s = time.perf_counter() - began
            settle = SETTLE_S + nodes * SETTLE_S_OF_NODE
            found = swarm("scale", pid=broker.pid, clients_at=at["clients"], after="user-7/", limit=OWNERS_VMS,
                          seconds=1 if quick else 10, settle=1 if quick else settle)  # fmt: skip
            if found["vms_running"] != vms and not quick:
                print(f"of {vms} VMs {found['vms_running']} run: the broker did not come to rest", flush=True)
            return found | {"start_s": start_s, "bytes_per_vm": resident_bytes(broker.pid) / vms}
    finally:
        if broker:
            broker.kill()
            broker.wait()
        shutil.rmtree(directory, ignore_errors=True)


def wait_for(broker, at):
    end = time.monotonic() + START_MAX_S
    while subprocess.run([f"{BIN}/bench_ping", at["clients"]], capture_output=True).returncode != 0:
        if broker.poll() is not None or time.monotonic() > end:
            raise RuntimeError("the broker does not serve")
