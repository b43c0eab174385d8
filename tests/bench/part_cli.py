"""Whole processes, as a person or a script starts them."""

import cloud as clouds
from measure import in_turn, of_process
from world import BIN, fake_worker

VMS = 20
ROUNDS, ROUNDS_QUICK = 100, 3


def run(part):
    rounds = ROUNDS_QUICK if part.quick else ROUNDS
    samples = measure(rounds, with_engine=not part.quick)
    part.table("ms", samples)
    at = {name: sample.median for name, sample in samples.items()}
    ratios = [
        ("`mccli list` over ipc / bare ping over ipc", at["mccli list, ipc"] / at["bare ping, ipc"], "≤", 1.3, ""),
        ("`mccli list` with CURVE / bare ping with CURVE", at["mccli list, CURVE"] / at["bare ping, CURVE"], "", None, ""),
        ("`mccli --version`", at["mccli --version"], "≤", 3.0, " ms"),
    ]
    if not part.quick:
        ratios += [
            ("`mccli list` with CURVE / `docker ps`", at["mccli list, CURVE"] / at["docker ps"], "≤", 1 / 3, ""),
            ("`mccli exec` / `docker exec`", at["mccli exec VM true, CURVE"] / at["docker exec VM true"], "≤", 1.1, ""),
        ]  # fmt: skip
    part.ratios(ratios)
    part.bars("Whole processes", "ms", at)


def measure(rounds, with_engine):
    """Two clouds of as many VMs: of one the VMs are containers, of the other only a list."""
    mccli = f"{BIN}/mccli"
    listed = clouds.Cloud()
    curve = clouds.Cloud(endpoints=clouds.free_endpoints())
    worker = fake_worker(listed, "list")
    try:
        listed.mccli("create", "-n", str(VMS))
        short = {
            "bare ping, ipc": of_process([f"{BIN}/bench_ping", listed.endpoints["clients"]]),
            "mccli list, ipc": of_process([mccli, "list"], listed.env),
            "bare ping, CURVE": of_process(
                [f"{BIN}/bench_ping", curve.endpoints["clients"], f"{curve.dir}/broker/admin.context"]),
            "mccli list, CURVE": of_process([mccli, "list", "-q"], curve.env),
            "mccli --version": of_process([mccli, "--version"], listed.env),
        }  # fmt: skip
        if not with_engine:
            return in_turn(short, rounds)
        short["mccli list, CURVE"] = of_process([mccli, "list"], curve.env)
        curve.start_worker("a", slots=VMS)
        curve.mccli("create", "-n", str(VMS))
        vm = next(iter(curve.vms()))
        label = f"label=minicloud.cloud={curve.cloud_id()}"
        container = curve.containers()[0]
        # The filter leaves out what else runs on this machine.
        short["docker ps"] = of_process(["docker", "ps", "--filter", label])
        long = {
            "mccli exec VM true, CURVE": of_process([mccli, "exec", vm, "true"], curve.env),
            "docker exec VM true": of_process(["docker", "exec", container, "true"]),
        }
        return {**in_turn(short, rounds, warm_up=2), **in_turn(long, rounds // 3)}
    finally:
        worker.end()
        listed.close()
        curve.close()
