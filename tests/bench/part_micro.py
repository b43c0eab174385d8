"""The broker's core and the codec alone, by Google Benchmark."""

import json
import subprocess

from measure import Sample
from world import BIN

REPEATS = 5
SECONDS = 0.1


def measure(pattern, quick):
    """name → Sample of nanoseconds."""
    argv = [f"{BIN}/bench_micro", f"--benchmark_filter={pattern}", "--benchmark_format=json",
            f"--benchmark_min_time={0.001 if quick else SECONDS}",
            f"--benchmark_repetitions={1 if quick else REPEATS}"]  # fmt: skip
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    samples = {}
    for one in json.loads(done.stdout)["benchmarks"]:
        if one["run_type"] == "iteration":
            samples.setdefault(one["name"], Sample()).add(one["cpu_time"])
    return samples


def run(part):
    samples = measure("header|encoding|decoding", part.quick)
    part.table("ns", samples)
    samples = measure("round_robin|least_loaded|spread|pack", part.quick)
    part.text("One VM placed, among so many nodes:")
    part.table("ns", samples)
    part.ratios([
        (f"a placement by {policy} among 10,000 nodes / among 10",
         samples[f"{policy}/10000"].median / samples[f"{policy}/10"].median, "≤", 1.3, "")
        for policy in ("round_robin", "least_loaded", "spread", "pack")
    ])  # fmt: skip
    part.lines("A placement by the number of nodes", "nodes", "ns",
               {policy: [(n, samples[f"{policy}/{n}"].median) for n in (10, 100, 1000, 10000)]
                for policy in ("round_robin", "least_loaded", "spread", "pack")}, "set logscale xy")  # fmt: skip
    if not part.quick:
        samples = measure("tick", part.quick)
        part.text("What is done once a second, with so many VMs:")
        part.table("ns", samples)
