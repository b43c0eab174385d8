"""What must hold at every moment, faults or not: looked at all the time, at the engines themselves and in the watchers' lines."""

import collections
import json
import threading

LOOK_EVERY_S = 1.0
# An engine that is stopped or being started does not answer; the look is then left out.
LOOK_S = 5


class EngineWitness(threading.Thread):
    """Lists both engines' containers, every second."""

    def __init__(self, world, ledger, journal):
        super().__init__(daemon=True, name="witness")
        self.world, self.ledger, self.journal = world, ledger, journal
        self.done = threading.Event()
        self.seen_running = set()  # of deleted VMs, at the look before

    def run(self):
        while not self.done.wait(LOOK_EVERY_S):
            try:
                self.look()
            except Exception as error:
                self.journal.violation("the harness itself works", f"witness: {error!r}")

    def stop(self):
        self.done.set()
        self.join()

    def look(self):
        _, deleted = self.ledger.snapshot()
        seen = [(machine.name, self.world.containers(machine, LOOK_S)) for machine in self.world.machines]
        found = []
        for name, containers in seen:
            self.journal.count("looks at an engine", f"{name}: {'answered' if containers is not None else 'no answer'}")
            found += containers or []
        twice = doubles(found)
        if twice:
            # Two engines are not listed at one moment: only what is still there after another look is a double.
            again = [c for machine in self.world.machines for c in self.world.containers(machine, LOOK_S) or []]
            twice = {vm: ids for vm, ids in doubles(again).items() if ids == twice.get(vm)}
        self.journal.check("at most one container of a VM", not twice, lambda: f"{twice}")
        # Deleted before the engines were asked. Its container is removed behind that (docs/adr/0039), and until the engine
        # has noticed that it has ended, it lists it as running: so not at one look alone.
        running = {c["id"] for c in found if c["vm"] in deleted and c["state"] == "running"}
        back = running & self.seen_running
        self.seen_running = running
        self.journal.check("a deleted VM never returns", not back, lambda: f"at an engine: {back}")


def doubles(containers):
    ids = collections.defaultdict(set)
    for container in containers:
        ids[container["vm"]].add(container["id"])
    return {vm: found for vm, found in ids.items() if len(found) > 1}


class WatchWitness:
    """Reads what a `mccli watch -o json` printed, from where it stopped reading the last time."""

    # What may be said of a VM after it is gone: that a container of it which turned up is removed.
    AFTER_THE_END = {"vm.cleanup", "vm.deleted", "vm.replaced"}
    END = {"vm.deleted", "vm.replaced"}

    def __init__(self, watch, journal):
        self.watch, self.journal = watch, journal
        self.offset, self.last, self.events, self.gaps, self.ends = 0, 0, [], 0, {}

    def read_on(self):
        with open(self.watch.events_path, "rb") as file:
            file.seek(self.offset)
            whole = file.read().rpartition(b"\n")
        self.offset += len(whole[0]) + len(whole[1])
        for line in whole[0].splitlines():
            self.take(json.loads(line))

    def take(self, line):
        if "gap" in line:
            self.gaps += 1
            first, self.last = line["gap"]["first"], line["gap"]["last"]
            self.journal.violation("nothing that is kept is a gap", f"{first} to {self.last} of few events")
            return
        if "seq" not in line:
            self.journal.violation("a watcher stays with its cloud", f"{line}")
            return
        self.journal.check("every watcher sees each event once, in order", line["seq"] == self.last + 1,
                           lambda: f"{self.watch.events_path}: {line['seq']} after {self.last}")  # fmt: skip
        self.last = line["seq"]
        self.events.append(line)
        if line["vm"] in self.ends and line["kind"] not in self.AFTER_THE_END:
            self.journal.violation("a deleted VM never returns", f"in the events: {line}")
        if line["kind"] in self.END:
            self.ends.setdefault(line["vm"], line)
