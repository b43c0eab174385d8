"""Many who watch all that happens, one of whom stops reading: who is late, who misses what, and what asking takes."""

import contextlib
import json
import signal
import subprocess

import cloud as clouds
from measure import Sample
from report import number
from world import BIN, Server, swarm

WATCHERS, EVENTS_PER_SECOND = 1000, 1000
# One viewer may have 64, and those of the run before may not have been missed yet.
WATCHERS_PER_KEY = 25
OWNERS, NODES = 10, 4
LISTS_PER_SECOND = 50
ROUNDS, SECONDS = 3, 10.0
# So few that a watcher that stood still for some seconds has missed some for good.
EVENTS_KEPT = 2000
SLOW = "one stopped"
# "Nobody else is late": as late as without it, but for what two runs of the same differ by.
LATER_MAX = 1.2


class Fanout:
    """A cloud over one transport in which VMs come and go, with what a swarm has to know to reach it."""

    def __init__(self, transport, size, stack):
        self.transport, self.watchers, self.events = transport, *size
        endpoints = None if transport == "ipc" else clouds.free_endpoints()
        options = {"plaintext": True} if transport == "tcp" else {}
        self.cloud = clouds.Cloud(endpoints=endpoints, events_kept=EVENTS_KEPT, **options)
        stack.callback(self.cloud.close)
        self.at = {f"{side}_at": endpoint for side, endpoint in self.cloud.endpoints.items()}
        self.keys = {"lists": {}, "churn": {}, "watchers": {}}
        if transport == "CURVE":
            self.join()
        stack.enter_context(self.swarm("churn", "clients", "workers", owners=OWNERS, nodes=NODES, events=self.events))

    def join(self):
        for number in range(1, NODES + 1):
            self.cloud.join_worker(f"node-{number}", clouds.Engine())
        for role, prefix, count in (("user", "owner", OWNERS), ("viewer", "viewer", -(-self.watchers // WATCHERS_PER_KEY))):
            token = self.cloud.mccli("token", "create", "-r", role, "-n", str(count), "-q").stdout
            for number in range(1, count + 1):
                name = f"{prefix}-{number}"
                self.cloud.mccli("join", "-", "--name", name, "--as", name, stdin=token)
        contexts = f"{self.cloud.dir}/config/minicloud/contexts"
        self.keys = {
            "lists": {"key": f"{self.cloud.dir}/broker/admin.context"},
            "churn": {"keys": f"{contexts}/owner-", "worker_keys": f"{self.cloud.dir}/worker-"},
            "watchers": {"keys": f"{contexts}/viewer-"},
        }

    def swarm(self, mode, *sides, **settings):
        settings |= self.keys[mode] | {f"{side}_at": self.at[f"{side}_at"] for side in sides}
        return Server([f"{BIN}/bench_swarm", mode, *(f"{name}={value}" for name, value in settings.items())], ready="ready")

    def measure(self, seconds, warm_up, slow):
        """What the watchers saw and the lists took, and what was reported to the slow one."""
        settings = {"watchers": self.watchers, "per_key": WATCHERS_PER_KEY, "seconds": seconds,
                    "warm_up": warm_up}  # fmt: skip
        with self.swarm("watchers", "events", **settings) as watchers:
            watch = self.begin_to_watch() if slow else None
            if watch:
                watch.send_signal(signal.SIGSTOP)
            lists = swarm("lists", rate=LISTS_PER_SECOND, seconds=warm_up + seconds, pid=self.cloud.broker.popen.pid,
                          clients_at=self.at["clients_at"], **self.keys["lists"])  # fmt: skip
            seen = json.loads(watchers.stdout.read())
        slow_one = self.end_to_watch(watch) if watch else None
        return seen | {"seconds": seconds, "lists": lists, "slow": slow_one}

    def begin_to_watch(self):
        watch = self.cloud.watch()
        clouds.wait_until("the watcher hears events", lambda: self.cloud.events(watch))
        return watch

    def end_to_watch(self, watch):
        """It reads again: (events that it missed, events that it was told it missed)."""
        # What was published until now it has to be told of, or of its loss.
        last = self.cloud.json("version")["last_event"]
        watch.send_signal(signal.SIGCONT)
        clouds.wait_until("the watcher has caught up", lambda: reached(self.cloud.events(watch)) >= last)
        watch.send_signal(signal.SIGINT)
        watch.wait(10)
        lines = self.cloud.events(watch)
        numbers = [line["seq"] for line in lines if "seq" in line]
        told = sum(line["gap"]["last"] - line["gap"]["first"] + 1 for line in lines if "gap" in line)
        return numbers[-1] - numbers[0] + 1 - len(set(numbers)), told


def reached(lines):
    return lines[-1].get("seq", 0) if lines else 0


def run(part):
    rounds, seconds, warm_up = (1, 1, 0.2) if part.quick else (ROUNDS, SECONDS, 1.0)
    size = (100, 200) if part.quick else (WATCHERS, EVENTS_PER_SECOND)
    found = {}
    for transport in ("ipc",) if part.quick else ("tcp", "ipc", "CURVE"):
        with contextlib.ExitStack() as stack:
            fanout = Fanout(transport, size, stack)
            for _ in range(rounds):
                for name in (transport, f"{transport}, {SLOW}"):
                    found.setdefault(name, []).append(fanout.measure(seconds, warm_up, slow=name != transport))
                    print(name, found[name][-1], flush=True)
    show(part, found)


def show(part, found):
    """`found`: name → what each round has measured."""
    columns = {
        "p50, ms": lambda one: one["p50_ms"],
        "p99, ms": lambda one: one["p99_ms"],
        "worst, ms": lambda one: one["worst_ms"],
        "`list` p50, ms": lambda one: one["lists"]["p50_ms"],
        "`list` p99, ms": lambda one: one["lists"]["p99_ms"],
        "broker, share of a core": lambda one: one["lists"]["cpu_share"],
        "events per second": lambda one: one["events"] / one["seconds"],
    }
    medians = {name: [Sample(map(of, rounds)).median for of in columns.values()] for name, rounds in found.items()}
    lines = [f"| | {' | '.join(columns)} |", "|---|" + "--:|" * len(columns)]
    lines += [f"| {name} | {' | '.join(map(number, values))} |" for name, values in medians.items()]
    part.text("\n".join(lines))
    part.ratios(list(ratios(found)))
    part.bars("Fan-out, until an event has come", "ms (p99)", {name: values[1] for name, values in medians.items()})


def ratios(found):
    def median(name, of):
        return Sample(map(of, found[name])).median

    for name in [name for name in found if SLOW not in name]:
        slow = f"{name}, {SLOW}"
        late = median(slow, lambda one: one["p99_ms"]) / median(name, lambda one: one["p99_ms"])
        yield f"{name}: p99 with one stopped / without", late, "≤", LATER_MAX, ""
    everything = [one for rounds in found.values() for one in rounds]
    yield "events that did not come to watchers that read", sum(one["missing"] for one in everything), "≤", 0, ""
    reports = [one["slow"] for one in everything if one["slow"]]
    missed, told = (sum(counts) for counts in zip(*reports))
    yield "events that those that were stopped missed", missed, "", None, ""
    yield "of them not told of, or told of and not missed", abs(missed - told), "≤", 0, ""
    worst = max(median(name, lambda one: one["lists"]["p99_ms"]) for name in found)
    yield "`list` p99 meanwhile, the worst of these", worst, "≤", 10, " ms"
