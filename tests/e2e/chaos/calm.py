"""What must hold soon after the last fault: everything settles, and then every promise is checked against the engines."""

import collections
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import time

from ledger import Vm
from people import CHANGE_S, CODES_OF_CHANGE, COMMAND_S, HUNG_S, READ_S
from resources import sample
from witness import WatchWitness
from world import WORKERS

# From the last fault to a cloud in order: an engine's start, reconnections, the clean-up grace, removals.
SETTLE_S = 90
# For what was deleted to be removed by engines that are well.
REMOVED_S = 30
# From the moment when they may no longer begin anything.
REST_S = CHANGE_S + HUNG_S + COMMAND_S
# After its own start, or its engine's, a worker has ended what is left of a removed container by then.
UNKNOWN_S = 45
# What runs of a removed container has ended by then, unless its engine was killed.
GONE_S = 5
# A change ends by itself then, and says why.
DEADLINE_S = 120
LOGINS = 3
# Far above what a broker or worker of this size needs, far below what a leak of some minutes takes.
RSS_BYTES_MAX = 96 << 20
DESCRIPTORS_MAX = 250
# Docker 20.10, killed with -9 while it started a container: its containerd knows that start, dockerd does not, and refuses
# every other one, until mcworker ends what is left of it (ADR 21). When there was nothing but a shim yet, containerd still
# keeps a folder, and the engine says so. src/broker/core/engine_ends.cpp: minicloud tries several times, then keeps the VM,
# stopped, with these words.
STALE_TASK = re.compile(r"could not be started again: .*?: mkdir (/\S+/moby/[0-9a-f]{64}): file exists")
# Docker 20.10, ended while it started a container: it unmounts the root of what it has just started. The VM runs on, ssh
# works, exec has nowhere to begin.
ROOT_UNMOUNTED = "error starting setns process: fork/exec /proc/self/exe: no such file or directory"
PAGE = ("-o", "json")
IN_ORDER = "all is in order soon after the last fault"
LEFTOVER_STAYS = "that is left over from VM"
STALE_MOUNT = re.compile(r"unlinkat (/\S+/overlay2/[0-9a-f]+/merged): device or resource busy")


class Unsettled(Exception):
    """Why the cloud is not in order yet."""


class Calm:
    def __init__(self, world, people, ledger, journal, seed):
        self.world, self.people, self.ledger, self.journal = world, people, ledger, journal
        self.draw = random.Random(f"{seed}/calm")
        self.witnesses = [WatchWitness(watch, journal) for watch in world.watches]
        # By container, from when on something was seen to run of which its engine knows nothing.
        self.unknown_since = {}
        # Of the broker's log, in bytes.
        self.log_read = 0

    def hold(self, last_fault):
        """One calm phase. `last_fault`: by the monotonic clock."""
        for person in self.people:
            person.may_work.clear()
        try:
            self.all_rest()
            vms, containers = self.settle(last_fault)
            self.resolve_open_requests(vms)
            self.watchers_saw_all()
            self.nothing_lost(vms)
            self.nothing_doubled(containers)
            self.everything_works(vms)
            self.bounded()
        except Unsettled as unsettled:
            self.journal.violation(IN_ORDER, str(unsettled))
        finally:
            self.ledger.no_more_excuses()
            for person in self.people:
                person.may_work.set()

    def all_rest(self):
        end = time.monotonic() + REST_S
        for person in self.people:
            if not person.at_rest.wait(max(0.0, end - time.monotonic())):
                self.journal.violation("every command ends in time", f"{person.name} is still waiting after {REST_S} s")

    # settling

    def ask(self, *argv, seconds):
        """As `timeout` does: a command that hangs ends with 124, after what may tell why was written down."""
        try:
            return self.world.cloud.mccli(*argv, check=False, timeout=seconds, env={"MC_CONNECT_TIMEOUT": f"{READ_S}s"})
        except subprocess.TimeoutExpired:
            self.note_what_engines_know()
            return subprocess.CompletedProcess(argv, 124, "", f"no end in {seconds} s")

    def mccli(self, *argv):
        done = self.ask(*argv, seconds=READ_S + HUNG_S)
        if done.returncode != 0:
            raise Unsettled(f"mccli {' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout) if PAGE[0] in argv else done.stdout

    def settle(self, last_fault):
        """The picture that was found in order; Unsettled if none was in time."""
        end, last = time.monotonic() + SETTLE_S, ""
        while True:
            try:
                vms, containers = self.look_for_trouble()
                if self.start_what_engines_refuse(vms.values()):
                    raise Unsettled("what an engine had refused was started by hand")
                break
            except Unsettled as trouble:
                if time.monotonic() > end:
                    self.note_what_engines_know()
                    raise Unsettled(f"not in {SETTLE_S} s: {trouble}") from None
                if str(trouble) != last:
                    last = str(trouble)
                    self.journal.note("unsettled", why=last)
                self.end_what_nobody_knows()
                self.unmount_what_blocks(last + self.broker_says())
                self.remove_what_blocks(last)
            time.sleep(0.5)
        self.journal.count("checks", IN_ORDER)
        self.journal.measure("seconds from the last fault to order", time.monotonic() - last_fault)
        return vms, containers

    def broker_says(self):
        """What is new in its log about containers that no VM accounts for: they are in no list."""
        with open(f"{self.world.cloud.dir}/broker.log", "rb") as log:
            log.seek(self.log_read)
            lines = log.read().decode(errors="replace").splitlines()
            self.log_read = log.tell()
        return "".join(line for line in lines if LEFTOVER_STAYS in line)

    def unmount_what_blocks(self, trouble):
        """What an administrator has to do (docs/operations.md) for an engine that was killed or ended while it removed a VM:
        Docker mounts once more at its next start, unmounts once at the removal, and can never remove the container."""
        for path in set(STALE_MOUNT.findall(trouble)):
            done = subprocess.run(["umount", "-l", path], check=False, capture_output=True, text=True)
            self.journal.note("unmount", path=path, code=done.returncode, err=done.stderr)
            if done.returncode == 0:
                self.journal.count("remarks", "an engine could not remove a container: its stale mount was taken away by hand")

    def note_what_engines_know(self):
        """For whoever has to find out why: an engine that hangs says so with what it is at, in a file below its exec root."""
        for machine, engine in zip(self.world.machines, self.world.engines):
            engine.process.signal(signal.SIGUSR1)
            for container in self.world.containers(machine) or []:
                for argv in (("inspect", "--format", "{{json .State}} {{json .NetworkSettings}}", container["id"]),
                             ("exec", container["id"], "hostname")):  # fmt: skip
                    try:
                        done = subprocess.run(["docker", "-H", machine.endpoint, *argv], check=False, capture_output=True,
                                              text=True, timeout=READ_S)  # fmt: skip
                        said = done.stdout + done.stderr
                    except subprocess.TimeoutExpired:
                        said = f"no answer in {READ_S} s"
                    self.journal.note("inspected", **container, argv=argv, said=said)
            for argv, said in machine.network_facts():
                self.journal.note("network", machine=machine.name, argv=argv, said=said)

    def remove_what_blocks(self, trouble):
        """What an administrator has to do (docs/operations.md) for an engine that was killed with -9 when it had hardly begun
        to start a VM: remove its containerd's folder. minicloud, which goes on trying, then has the VM running by itself."""
        for folder in set(STALE_TASK.findall(trouble)):
            machine = self.world.remove_stale_task(folder)
            if not machine:
                continue
            killed = any(self.ledger.was_its_engine("killed", name) for name in self.world.names_on(machine))
            self.journal.check("an engine refuses to start a VM only after it was killed", killed, f"{machine.name}: {trouble}")
            self.journal.count("remarks", "a killed engine refused to start a VM: its containerd's folder was removed by hand")
            self.journal.note("stale task removed", machine=machine.name, folder=folder)

    def start_what_engines_refuse(self, vms):
        """Those that minicloud has given up trying, as it says of each: mended by hand, `mccli start` has to work. Returns how
        many it started."""
        started = 0
        for vm in vms:
            reason = vm["reason"] or ""
            if vm["state"] != "stopped" or not STALE_TASK.match(reason):
                continue
            self.remove_what_blocks(reason)
            done = self.ask("start", vm["name"], seconds=DEADLINE_S + HUNG_S)
            started += self.journal.check("a VM that its engine refused runs again", done.returncode == 0, f"{vm}: {done.stderr}")
        return started

    def look_for_trouble(self):
        """The picture, where nothing is wrong with it."""
        states = {n["name"]: "cordoned" if n["cordoned"] else n["state"] for n in self.mccli("nodes", *PAGE)}
        if states != dict.fromkeys(WORKERS, "ready"):
            raise Unsettled(f"nodes: {states}")
        for request in self.mccli("jobs", *PAGE):
            if not request["done"]:
                raise Unsettled(f"a request is under way: {request}")
        vms, containers = self.picture()
        # All of them: what keeps one from running may be what another says.
        wrong = [f"VM {vm['name']} {vm['id']} is {vm['state']}, wanted {vm['intent']}: {vm['reason']}" for vm in vms.values()
                 if (vm["state"], vm["intent"]) not in (("running", "running"), ("stopped", "stopped"))]  # fmt: skip
        if wrong:
            raise Unsettled("; ".join(wrong))
        listed = {vm["id"]: self.place(vm) for vm in vms.values()}
        real = {c["vm"]: (c["machine"], c["id"], "running" if c["state"] == "running" else "stopped") for c in containers}
        if listed != real or len(containers) != len(real):
            wrong = {vm: (listed.get(vm), real.get(vm)) for vm in listed.keys() | real.keys() if listed.get(vm) != real.get(vm)}
            raise Unsettled(f"list and engines differ (VM: listed, real): {wrong}")
        self.look_for_leftovers(containers)
        for c in containers:
            port = vms[c["vm"]]["ssh_port"]
            if c["state"] == "running" and f":{port}->22/tcp" not in c["ports"]:
                raise Unsettled(f"VM {c['vm']} is listed with port {port}, its engine says {c['ports']}")
        return vms, containers

    def look_for_leftovers(self, containers):
        """What runs, and its engine knows nothing of: mcworker ends it."""
        for machine in self.world.machines:
            at_rest = {c["id"] for c in containers if c["machine"] == machine.name and c["state"] != "running"}
            if left := at_rest & machine.shims().keys():
                raise Unsettled(f"{machine.name} lets run what its engine says is at rest: {left}")
        for machine, container, _ in self.unknown(GONE_S):
            raise Unsettled(f"{machine.name} lets run what is left of the removed container {container}")

    def unknown(self, seconds):
        """Machine, container and processes of what has run for so long and is of no container that its engine knows."""
        for machine in self.world.machines:
            # Before its processes: what is begun in between is young.
            containers = self.world.all_containers(machine)
            for container, pids in machine.shims().items():
                if containers is not None and container not in containers and machine.youngest(pids) >= seconds:
                    yield machine, container, pids

    def end_what_nobody_knows(self):
        """What an administrator has to do (docs/operations.md) where no worker does: end what a killed engine has left of
        containers that are no more."""
        for machine, container, pids in self.unknown(GONE_S):
            if time.monotonic() - self.unknown_since.setdefault(container, time.monotonic()) < UNKNOWN_S:
                continue
            ended = any(self.ledger.was_its_engine(how, name) for name in self.world.names_on(machine) for how in ("killed", "ended"))
            self.journal.check("only an engine that ended leaves something of a removed VM", ended, f"{machine.name}: {container}")
            self.journal.count("remarks", "a killed engine had left something of a removed VM: it was ended by hand")
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def place(self, vm):
        return self.world.machine_of(vm["node"]).name, vm["container"], vm["state"]

    def picture(self):
        """VMs by id as listed, and all containers of the cloud as the engines have them, without those kept for VMs to come."""
        vms = {vm["id"]: vm for vm in self.mccli("list", *PAGE)}
        containers = []
        for machine in self.world.machines:
            found = self.world.containers(machine)
            if found is None:
                raise Unsettled(f"the engine of {machine.name} does not answer")
            spares = [container for container in found if container["spare"] and container["vm"] not in vms]
            if len(spares) > self.world.spares_max(machine):
                raise Unsettled(f"more containers are kept for VMs to come than may be: {spares}")
            containers += [container for container in found if container not in spares]
        return vms, containers

    # promises

    def resolve_open_requests(self, vms):
        for request in self.ledger.take_open():
            done = self.ask("job", request.id, *PAGE, seconds=READ_S + HUNG_S)
            if done.returncode == 4:
                self.journal.check("an accepted request is never forgotten", not request.accepted, f"{request}")
                continue
            if done.returncode != 0:
                raise Unsettled(f"{request}: exit {done.returncode}: {done.stderr.strip()}")
            job = json.loads(done.stdout)
            self.journal.check("every request has an outcome", job["done"], f"{job}")
            for item in job["items"]:
                if request.verb == "create" and item["status"] != "failed" and item["vm"]:
                    self.ledger.created(item["vm"])
                elif request.verb == "create" and item["status"] == "failed":
                    self.journal.check("a failed create leaves no VM", not item["vm"] or item["vm"]["id"] not in vms, f"{item}")
                self.journal.count("outcomes found later", f"{request.verb}: {item['status']}")

    def nothing_lost(self, vms):
        self.witnesses[0].read_on()
        for vm in self.ledger.snapshot()[0]:
            listed = vms.get(vm.id)
            if not listed:
                self.explain_end(vm, vms)
                continue
            self.journal.count("checks", "no accepted create is lost")
            if vm.intent != "any":
                excused = self.ledger.excuse_of(vm) or (listed["state"] == "stopped" and self.ledger.may_be_stopped(vm))
                self.journal.check("a VM is as its person was told", listed["state"] == vm.intent or excused,
                                   f"{vm} is {listed['state']}, {listed['reason']}")  # fmt: skip
                self.ledger.found(vm.id, listed["state"])
        back = self.ledger.gone() & vms.keys()
        self.journal.check("a deleted VM never returns", not back, f"{back}")

    def explain_end(self, vm, vms):
        """One that somebody was told he has, and that is not listed."""
        end = self.witnesses[0].ends.get(vm.id)
        self.journal.check("a VM that is gone has an event that says so", end is not None, f"{vm}")
        if vm.replaceable and end and end["kind"] == "vm.replaced":
            heir = next((other for other in vms.values() if other["name"] == vm.name), None)
            if heir:
                self.journal.count("checks", "a replaced VM has a successor")
                self.ledger.succeeded_by(vm.id, heir)
                return
        excused = any(self.ledger.excuse_of(one) for one in [vm, *self.heirs(vm, end)])
        if not vm.delete_asked:
            self.journal.check("no accepted create is lost", excused, f"{vm} is gone")
        self.ledger.forget(vm.id)

    def heirs(self, vm, end):
        """Those that took its name after its end."""
        if not end or end["kind"] != "vm.replaced":
            return []
        return [Vm(e["vm"], vm.name, e["node"]) for e in self.witnesses[0].events
                if e["kind"] == "vm.creating" and e["name"] == vm.name and e["seq"] > end["seq"]]  # fmt: skip

    def nothing_doubled(self, containers):
        # What is made anew for a lost node has no request.
        by_request = collections.Counter(c["request"] for c in containers if c["request"].strip("0"))
        # No request of this run asks for more than two.
        many = {request: n for request, n in by_request.items() if n > 2}
        self.journal.check("a request never makes more VMs than it asked for", not many, f"{many}")

    def watchers_saw_all(self):
        last = self.mccli("version", *PAGE)["last_event"]
        late = WatchWitness(self.world.cloud.watch("--since", "0"), self.journal)
        end = time.monotonic() + HUNG_S
        for witness in [*self.witnesses, late]:
            witness.read_on()
            while witness.last < last and time.monotonic() < end:
                time.sleep(0.1)
                witness.read_on()
            self.journal.check("every watcher has every event", witness.last >= last and witness.watch.poll() is None,
                               f"{witness.watch.events_path}: {witness.last} of {last}")  # fmt: skip
            same = witness.events[:last] == self.witnesses[0].events[:last]
            self.journal.check("every watcher is told the same", same, witness.watch.events_path)
        late.watch.kill()
        late.watch.wait()
        self.world.cloud.others.remove(late.watch)

    def everything_works(self, vms):
        running = {vm["name"]: vm for vm in vms.values() if vm["state"] == "running"}
        for name in self.draw.sample(sorted(running), min(LOGINS, len(running))):
            self.log_in("ssh", name)
            self.mount_what_its_engine_unmounted(running[name])
            self.log_in("exec", name)
        nodes = {node["name"]: node for node in self.mccli("nodes", *PAGE)}
        for worker in WORKERS:
            if nodes[worker]["slots_used"] >= nodes[worker]["slots"]:
                self.journal.count("remarks", "a node was full")
                continue
            for argv in (("create", f"probe-{worker}", "--node", worker, "--memory", "64M"), ("delete", f"probe-{worker}")):
                done = self.ask(*argv, seconds=DEADLINE_S + HUNG_S)
                self.journal.check("every node works", done.returncode == 0, f"{argv}: {done.stderr}")

    def hostname(self, verb, name):
        return self.ask(verb, name, "--", "hostname", seconds=COMMAND_S)

    def log_in(self, verb, name):
        done = self.hostname(verb, name)
        self.journal.check("who is running can be logged in to", (done.returncode, done.stdout.strip()) == (0, name),
                           f"{verb} {name}: exit {done.returncode}: {done.stdout}{done.stderr}")  # fmt: skip

    def mount_what_its_engine_unmounted(self, vm):
        """What a person has to do (docs/operations.md): stop it, and start it. It must be mended then."""
        done = self.hostname("exec", vm["name"])
        if (done.returncode != 126 or ROOT_UNMOUNTED not in done.stdout
                or not self.ledger.was_its_engine("ended", vm["node"])):  # fmt: skip
            return
        self.journal.count("remarks", "an engine unmounted the root of a VM at its end: stopped and started by hand")
        for verb in ("stop", "start"):
            done = self.ask(verb, vm["name"], seconds=DEADLINE_S + HUNG_S)
            self.journal.check("what its engine unmounted can be mended", done.returncode == 0, f"{verb} {vm}: {done.stderr}")
        self.log_in("ssh", vm["name"])

    def bounded(self):
        for program in (self.world.broker, *self.world.workers.values()):
            held = sample(program.process.popen.pid)
            if not held:
                continue
            kind = program.name.split()[0]
            self.journal.measure(f"MiB of a {kind}", held["rss_bytes"] / (1 << 20))
            self.journal.measure(f"descriptors of a {kind}", held["descriptors"])
            good = held["rss_bytes"] <= RSS_BYTES_MAX and held["descriptors"] <= DESCRIPTORS_MAX
            self.journal.check("memory and descriptors are bounded", good, f"{program.name}: {held}")

    def clear_away(self):
        """At the very end: all VMs are deleted, and nothing is left anywhere."""
        for person in self.people:
            person.leaving = True
        names = self.mccli("list", "-q").split()
        if names:
            done = self.ask("delete", *names, seconds=120)
            self.journal.check("all can be deleted", done.returncode in CODES_OF_CHANGE - {5}, done.stderr)
        # The engines remove containers behind the answer. One that was kept until a VM came looks as if it still were.
        end = time.monotonic() + REMOVED_S
        left = self.what_is_left()
        while left and time.monotonic() < end:
            time.sleep(0.5)
            left = self.what_is_left()
        self.journal.check("nothing is left when all is deleted", not left, left)

    def what_is_left(self):
        try:
            vms, containers = self.picture()
        except Unsettled as unsettled:
            return str(unsettled)
        return f"{vms} {containers}" if vms or containers else ""
