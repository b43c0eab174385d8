"""Real programs, real engines, random faults. Run by scripts/chaos, see its --help."""

import argparse
import glob
import json
import os
import shutil
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
import node
from calm import REST_S, SETTLE_S, Calm
from journal import Journal
from ledger import Ledger
from nemesis import Nemesis
from people import Person
from repeater import Repeater
from witness import EngineWitness
from world import World

PEOPLE, REPEATERS = 5, 2
# Faults for that long, then calm.
RAGE_S = 60
# About what a calm phase takes; the last one begins that long before the end.
CALM_S = 25
# In a run this long every kind of fault must have fired.
ALL_FAULTS_MINUTES = 4
# A nemesis that is mostly idle proves little: at least so many faults in a minute of them.
FAULTS_PER_MINUTE_MIN = 8
# All that waits is bounded; should one of the bounds be wrong, the run ends by this one.
OVERTIME_S = REST_S + SETTLE_S + 120


class Chaos:
    def __init__(self, options):
        self.options, self.journal, self.raged_s = options, Journal(options.output), 0.0
        self.world = World(self.journal)
        self.ledger = Ledger()
        self.nemesis = Nemesis(self.world, self.ledger, self.journal, options.seed)
        self.witness = EngineWitness(self.world, self.ledger, self.journal)
        shared = (self.world, self.ledger, self.journal, options.seed)
        self.people = [Person(number, *shared) for number in range(PEOPLE)]
        self.people += [Repeater(PEOPLE + number, *shared) for number in range(REPEATERS)]
        self.calm = Calm(self.world, self.people, self.ledger, self.journal, options.seed)

    def run(self):
        end = self.options.minutes * 60
        self.witness.start()
        for person in self.people:
            person.may_work.set()
            person.start()
        rounds = 0
        while rounds == 0 or self.journal.now() < end - CALM_S - RAGE_S / 2:
            rounds += 1
            seconds = max(10.0, min(RAGE_S, end - CALM_S - self.journal.now()))
            self.journal.say(f"round {rounds}: faults for {seconds:.0f} s")
            self.nemesis.rage(seconds)
            self.raged_s += seconds
            self.journal.say(f"round {rounds}: calm")
            self.calm.hold(time.monotonic())
        self.calm.clear_away()
        self.witness.stop()
        self.world.stop_supervision()

    def report(self):
        counts = self.journal.counts
        for group in ("faults", "operations", "outcomes found later", "looks at an engine", "checks", "remarks"):
            print(f"\n{group}:")
            for name, number in sorted(counts[group].items()):
                print(f"  {number:6d}  {name}")
        print("\ngreatest:")
        for name, value in sorted(self.journal.greatest.items()):
            print(f"  {value:8.1f}  {name}")
        print(f"\nevents seen by each watcher: {self.calm.witnesses[0].last}")
        faults = sum(counts["faults"].values())
        if faults < FAULTS_PER_MINUTE_MIN * self.raged_s / 60:
            self.journal.violation("the nemesis is busy", f"{faults} faults in {self.raged_s:.0f} s")
        idle = sorted(set(self.nemesis.kinds) - set(counts["faults"]))
        if idle and self.options.minutes >= ALL_FAULTS_MINUTES:
            self.journal.violation("every kind of fault fires", ", ".join(idle))


def keep_evidence(output):
    """All programs' logs, the watchers' lines and the stores, beside the transcript."""
    for folder in ("cloud", *[f"n{number}" for number in (1, 2)]):
        source = f"{node.PRIVATE_DIR}/{folder}"
        for name in os.listdir(source) if os.path.isdir(source) else []:
            if name.endswith((".log", ".jsonl", ".err")) or name == "log":
                shutil.copy(f"{source}/{name}", f"{output}/{folder}-{name}")
        for path in glob.glob(f"{source}/exec/goroutine-stacks-*.log"):
            shutil.copy(path, f"{output}/{folder}-{os.path.basename(path)}")
    broker = f"{node.PRIVATE_DIR}/cloud/broker"
    for name in os.listdir(broker) if os.path.isdir(broker) else []:
        if name.startswith("broker.db"):
            shutil.copy(f"{broker}/{name}", f"{output}/{name}")


def watchdog(seconds, output):
    def bark():
        print(f"chaos failed: did not end within {seconds:.0f} s", flush=True)
        keep_evidence(output)
        # The private namespaces end with process 1, and everything with them.
        os._exit(1)

    timer = threading.Timer(seconds, bark)
    timer.daemon = True
    timer.start()


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/chaos", add_help=False)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--output", required=True)
    return parser.parse_args()


def main():
    options = arguments()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("chaos: ended before its time"))
    print(f"chaos of {options.minutes:g} minutes, seed {options.seed}; transcript in {options.output}", flush=True)
    watchdog(options.minutes * 60 + OVERTIME_S, options.output)
    try:
        chaos = Chaos(options)
        chaos.run()
    except BaseException:
        keep_evidence(options.output)
        raise
    chaos.report()
    violations = chaos.journal.violations
    if violations:
        keep_evidence(options.output)
        print(f"\n{len(violations)} violations; transcript and logs of all programs are in {options.output}")
        for violation in violations[:40]:
            print(f"  {violation}")
    faults = sum(chaos.journal.counts["faults"].values())
    operations = sum(chaos.journal.counts["operations"].values())
    print(f"\nchaos {'failed' if violations else 'passed'}: seed {options.seed}, {faults} faults, {operations} operations, "
          f"{len(violations)} violations, {chaos.journal.now():.0f} s")  # fmt: skip
    sys.stdout.flush()
    # Not waiting for threads that sleep.
    os._exit(1 if violations else 0)


if __name__ == "__main__":
    main()
