"""Breaks things at random, from a seed: each kind of fault in turn, several at a time, none twice on one target."""

import concurrent.futures
import contextlib
import random
import signal
import subprocess
import threading
import time

from world import Busy

# Between the beginnings of two faults.
PAUSE_S = (0.2, 2.5)
AT_ONCE = 5
# docs/operations.md: SIGTERM ends each program in an orderly way, in under 5 s. The rest is for a loaded machine.
GRACEFUL_END_S = 10
# An engine without live-restore stops its containers first, with 10 s for each.
ENGINE_END_S = 90
# An operator waits that long for cordon, uncordon and drain, and repeats an uncordon for that long, with a pause.
OPERATOR_S, UNCORDON_S, UNCORDON_PAUSE_S = 10, 60, 0.5


def minds(pid, number):
    """Whether that process has said what a signal does to it: it catches it, or blocks it to read it."""
    with open(f"/proc/{pid}/status") as status:
        masks = dict(line.split(":\t", 1) for line in status)
    return any(int(masks[mask], 16) >> (number - 1) & 1 for mask in ("SigCgt", "SigBlk"))


class Nemesis:
    def __init__(self, world, ledger, journal, seed):
        self.world, self.ledger, self.journal = world, ledger, journal
        self.draw = random.Random(f"{seed}/nemesis")
        self.kinds = {name.removeprefix("fault_"): getattr(self, name) for name in dir(self) if name.startswith("fault_")}
        self.deck, self.put_off, self.late = [], set(), set()
        self.struck = set()
        self.maintenance = {name: threading.Lock() for name in world.workers}
        # Set: faults that are on end early.
        self.over = threading.Event()

    def rage(self, seconds):
        """Returns when all is healed, though not yet settled."""
        self.over.clear()
        end = time.monotonic() + seconds
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            running = []
            while time.monotonic() < end:
                if not self.deck:
                    self.deal()
                running = [one for one in running if not one.done()]
                if len(running) <= self.others_max():
                    # A generator of its own: what one fault draws does not depend on the speed of another.
                    running.append(pool.submit(self.strike, self.deck.pop(), random.Random(self.draw.random())))
                time.sleep(self.draw.uniform(*PAUSE_S))
            self.over.set()
        for one in running:
            one.result()

    def others_max(self):
        """How many may be under way when the next one strikes: none where it was put off and has never struck. What needs
        many targets hardly ever finds all of them free."""
        return 0 if self.deck[-1] in self.late - self.struck else AT_ONCE - 1

    def deal(self):
        """All kinds in a new order; those that had no target in the last round come first (from the end)."""
        self.late, self.put_off = self.put_off, set()
        self.deck = sorted(self.kinds)
        self.draw.shuffle(self.deck)
        self.deck.sort(key=lambda kind: kind in self.late)

    def strike(self, kind, draw):
        try:
            self.kinds[kind](draw)
            self.journal.count("faults", kind)
            self.struck.add(kind)
        except Busy:
            # Never back into this deck: a kind that has no target for long would be all that is left of it.
            self.put_off.add(kind)
            self.journal.note("fault put off", fault=kind)
        except Exception as error:
            self.journal.violation("the harness itself works", f"{kind}: {error!r}")

    def last(self, draw, shortest, longest):
        """Lets what was done last for a while, unless the time of faults ends."""
        self.over.wait(draw.uniform(shortest, longest))

    @contextlib.contextmanager
    def hurting(self, kind, *programs, **fields):
        with contextlib.ExitStack() as stack:
            for program in programs:
                stack.enter_context(program.held())
            names = [program.name for program in programs]
            self.journal.note("fault", fault=kind, on=names, **fields)
            yield
            self.journal.note("healed", fault=kind, on=names)

    def a_worker(self, draw):
        return self.world.workers[draw.choice(sorted(self.world.workers))]

    def a_machine(self, draw):
        index = draw.randrange(len(self.world.machines))
        return self.world.machines[index], self.world.engines[index]

    # death

    def killed(self, kind, program, draw):
        with self.hurting(kind, program):
            program.process.kill()
            self.last(draw, 0.0, 4.0)
            program.launch()

    def fault_broker_killed(self, draw):
        self.killed("broker killed", self.world.broker, draw)

    def fault_worker_killed(self, draw):
        self.killed("worker killed", self.a_worker(draw), draw)

    def fault_engine_killed(self, draw):
        machine, engine = self.a_machine(draw)
        self.ledger.engine_was("killed", self.world.names_on(machine))
        self.killed("engine killed", engine, draw)

    def fault_power_off(self, draw):
        machine, engine = self.a_machine(draw)
        workers = self.world.workers_on(machine)
        with self.network(machine), self.hurting("power off", engine, *workers):
            machine.power_off()
            for program in (engine, *workers):
                program.process.popen.wait()
            self.last(draw, 1.0, 8.0)
            for program in (engine, *workers):
                program.launch()

    # standstill

    def frozen(self, kind, program, draw, longest):
        with self.hurting(kind, program):
            program.process.signal(signal.SIGSTOP)
            self.last(draw, 0.5, longest)
            program.process.signal(signal.SIGCONT)

    def fault_broker_frozen(self, draw):
        self.frozen("broker frozen", self.world.broker, draw, 9.0)

    def fault_worker_frozen(self, draw):
        self.frozen("worker frozen", self.a_worker(draw), draw, 12.0)

    def fault_engine_frozen(self, draw):
        self.frozen("engine frozen", self.a_machine(draw)[1], draw, 16.0)

    def fault_watcher_frozen(self, draw):
        watch = draw.choice(self.world.watches)
        self.journal.note("fault", fault="watcher frozen", on=watch.events_path)
        watch.send_signal(signal.SIGSTOP)
        self.last(draw, 1.0, 10.0)
        watch.send_signal(signal.SIGCONT)

    # orderly ends

    def end(self, program):
        began = time.monotonic()
        # Just started on a loaded machine, it ends as any program does.
        codes = {0} if minds(program.process.popen.pid, signal.SIGTERM) else {0, -signal.SIGTERM}
        program.process.signal(signal.SIGTERM)
        try:
            code = program.process.popen.wait(GRACEFUL_END_S)
            if code not in codes:
                self.journal.violation("SIGTERM ends a program with code 0", f"{program.name}: {code}")
        except subprocess.TimeoutExpired:
            self.journal.violation("SIGTERM ends a program in time", f"{program.name}: not in {GRACEFUL_END_S} s")
            program.process.kill()
        self.journal.count("checks", "SIGTERM ends a program in time, with code 0")
        self.journal.measure(f"seconds until SIGTERM ended a {program.name.split()[0]}", time.monotonic() - began)

    def ended(self, kind, program, draw):
        with self.hurting(kind, program):
            self.end(program)
            self.last(draw, 0.0, 2.0)
            program.launch()

    def fault_broker_ended(self, draw):
        self.ended("broker ended", self.world.broker, draw)

    def fault_worker_ended(self, draw):
        self.ended("worker ended", self.a_worker(draw), draw)

    def fault_rolling_restart(self, draw):
        programs = [self.world.broker, *self.world.workers.values()]
        with self.hurting("rolling restart", *programs):
            for program in programs:
                self.end(program)
                program.launch()
                self.last(draw, 0.2, 1.0)

    def engine_restarted(self, kind, machine, engine, draw):
        with self.hurting(kind, engine):
            self.ledger.engine_was("ended", self.world.names_on(machine))
            engine.process.signal(signal.SIGTERM)
            try:
                engine.process.popen.wait(ENGINE_END_S)
            except subprocess.TimeoutExpired:
                self.ledger.engine_was("killed", self.world.names_on(machine))
                self.journal.count("remarks", f"an engine did not end in {ENGINE_END_S} s and was killed")
                engine.process.kill()
            self.last(draw, 0.0, 3.0)
            # With the other setting, so that there is always a target for one of the two kinds.
            machine.live_restore = not machine.live_restore
            engine.launch()

    def an_engine_with(self, draw, live_restore):
        fitting = [m for m in self.world.machines if m.live_restore == live_restore]
        if not fitting:
            raise Busy
        machine = draw.choice(fitting)
        return machine, self.world.engines[self.world.machines.index(machine)]

    def fault_engine_restarted_with_live_restore(self, draw):
        self.engine_restarted("engine restarted, live-restore on", *self.an_engine_with(draw, True), draw)

    def fault_engine_restarted_without_live_restore(self, draw):
        self.engine_restarted("engine restarted, live-restore off", *self.an_engine_with(draw, False), draw)

    # network

    @contextlib.contextmanager
    def network(self, machine):
        if not machine.network.acquire(blocking=False):
            raise Busy
        try:
            yield
        finally:
            machine.network.release()

    def partitioned(self, draw, directions, times, longest):
        machine, _ = self.a_machine(draw)
        with self.network(machine):
            self.journal.note("fault", fault="partition", on=machine.name, directions=directions, times=times)
            for _ in range(times):
                machine.cut(*directions)
                self.last(draw, 0.3, longest)
                machine.mend(*directions)
                self.last(draw, 0.1, 1.0)
            self.journal.note("healed", fault="partition", on=machine.name)

    def fault_partition_both_ways(self, draw):
        self.partitioned(draw, ("out", "in"), 1, 15.0)

    def fault_partition_worker_to_broker(self, draw):
        self.partitioned(draw, ("out",), 1, 15.0)

    def fault_partition_broker_to_worker(self, draw):
        self.partitioned(draw, ("in",), 1, 15.0)

    def fault_partition_flapping(self, draw):
        self.partitioned(draw, draw.choice([("out",), ("in",), ("out", "in")]), draw.randint(3, 8), 2.0)

    # disk

    def fault_disk_full(self, draw):
        if not self.world.disk.in_use.acquire(blocking=False):
            raise Busy
        self.journal.note("fault", fault="disk full")
        try:
            self.world.disk.fill()
            self.last(draw, 3.0, 12.0)
        finally:
            self.world.disk.free()
            self.world.disk.in_use.release()
        self.journal.note("healed", fault="disk full")

    # maintenance

    def nodes(self, *argv):
        """An operator's command; true when it worked."""
        done = self.world.cloud.mccli("nodes", *argv, check=False, timeout=OPERATOR_S * 15)
        self.journal.note("operator", argv=argv, code=done.returncode, err=done.stderr.strip()[:400])
        self.journal.count("operations", f"nodes {argv[0]}: {done.returncode}")
        return done.returncode == 0

    @contextlib.contextmanager
    def maintained(self, kind, draw):
        """A node that gets no new VMs in the end, however often the operator has to say it."""
        name = draw.choice(sorted(self.world.workers))
        lock = self.maintenance[name]
        if not lock.acquire(blocking=False):
            raise Busy
        try:
            self.journal.note("fault", fault=kind, on=name)
            yield name
            end = time.monotonic() + UNCORDON_S
            while not self.nodes("uncordon", name):
                if time.monotonic() > end:
                    raise AssertionError(f"{name} could not be uncordoned in {UNCORDON_S} s")
                time.sleep(UNCORDON_PAUSE_S)
            self.journal.note("healed", fault=kind, on=name)
        finally:
            lock.release()

    def fault_node_cordoned(self, draw):
        with self.maintained("node cordoned", draw) as name:
            self.nodes("cordon", name)
            self.last(draw, 1.0, 10.0)

    def fault_node_drained(self, draw):
        with self.maintained("node drained", draw) as name:
            self.ledger.excuse_stops(name)
            self.nodes("drain", name, "--deadline", f"{draw.randint(0, 3)}s", "--timeout", f"{OPERATOR_S}s")
            self.last(draw, 0.0, 2.0)

    # behind our back

    def a_container(self, draw, running):
        for machine in draw.sample(self.world.machines, len(self.world.machines)):
            found = [one for one in self.world.containers(machine) or [] if one["state"] == "running" or not running]
            if found:
                return machine, draw.choice(sorted(found, key=lambda one: one["id"]))
        raise Busy

    def meddle(self, draw, verb, *rest):
        # What does not run can't be killed.
        machine, container = self.a_container(draw, running=verb == "kill")
        if verb != "rename":
            self.ledger.excuse_vm(container["vm"], f"docker {verb} behind our back")
        self.journal.note("fault", fault=f"container {verb}", on=machine.name, vm=container["vm"], id=container["id"])
        try:
            machine.docker(*verb.split(), container["id"], *rest)
        except (AssertionError, subprocess.TimeoutExpired):
            # Its engine was hurt at the same time, or the container went.
            raise Busy from None

    def fault_container_killed(self, draw):
        self.meddle(draw, "kill")

    def fault_container_removed(self, draw):
        self.meddle(draw, "rm -f")

    def fault_container_renamed(self, draw):
        self.meddle(draw, "rename", f"stray-{draw.getrandbits(32):08x}")
