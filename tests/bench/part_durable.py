"""Creates that are stored before they are answered: accepted, committed, placed, ordered, finished, published."""

import cloud as clouds
from measure import Sample
from world import swarm

CLIENTS, NODES = 64, 100
ROUNDS, SECONDS = 5, 4.0
# Of `create -n`: VMs of one request.
BATCH = 100
# Outcomes of all rounds are remembered: else the broker would refuse.
REQUESTS_KEPT = 10_000_000


def run(part):
    rounds, seconds = (1, 1) if part.quick else (ROUNDS, SECONDS)
    peaks, costs, batches, calm = Sample(), Sample(), Sample(), Sample()
    for _ in range(rounds):
        peak = measure(seconds, clients=CLIENTS, window=8)
        peaks.add(peak["per_second"])
        costs.add(peak["cpu_us"])
        batches.add(BATCH * measure(seconds, clients=4, window=2, count=BATCH)["per_second"])
        calm.add(measure(seconds, clients=CLIENTS, rate=peak["per_second"] / 2)["p99_us"] / 1000)
    part.table("per second", {f"creates of {CLIENTS} clients": peaks, f"VMs of `create -n {BATCH}`, 4 clients": batches})
    part.table("µs", {"CPU of the broker for each create": costs})
    part.table("ms", {"p99 at half the peak": calm})
    part.ratios([
        ("creates per second", peaks.median, "≥", 20_000, ""),
        ("p99 at half the peak", calm.median, "≤", 25, " ms"),
    ])  # fmt: skip


def measure(seconds, **load):
    """A new broker each time: what the one before has left would be in the way."""
    cloud = clouds.Cloud(requests_kept=REQUESTS_KEPT)
    try:
        at = {f"{side}_at": endpoint for side, endpoint in cloud.endpoints.items()}
        return swarm("durable", nodes=NODES, seconds=seconds, warm_up=min(1, seconds), pid=cloud.broker.popen.pid,
                     **at, **load)  # fmt: skip
    finally:
        cloud.close()
