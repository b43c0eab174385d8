"""People at work with mccli, through everything that breaks. Each has VMs of its own, and remembers what they were told."""

import json
import random
import re
import signal
import subprocess
import threading
import time

# What they wait for an outcome, and what mccli may take beyond that: its slack, ssh's start, a loaded machine.
CHANGE_S = 30
HUNG_S = 20
# list, info, nodes: --connect-timeout and the time for an answer are 3 s to 5 s.
READ_S = 10
# A command in a VM has no time-out of its own; what cuts it off is the broker's and worker's silence rules.
COMMAND_S = 45
REST_S = (0.05, 0.9)
VMS_EACH = 3
# Of the VMs, made with --on-lost replace.
REPLACEABLE_SHARE = 0.3

# docs/cli.md, "Exit codes". 2 would be a fault of ours. 126: the runtime found the VM stopped; 129, 137, 143: the command ended with
# its VM; 255: ssh could not connect.
CODES_OF_CHANGE = {0, 1, 3, 4, 5, 6, 7}
CODES_OF_READ = {0, 1, 3, 4, 5}
CODES_OF_COMMAND = CODES_OF_READ | {126, 129, 137, 143, 255}
JOB_IN_TEXT = re.compile(r"mccli job ([0-9a-f]{32})")


class Person(threading.Thread):
    def __init__(self, number, world, ledger, journal, seed):
        super().__init__(daemon=True, name=f"person {number}")
        self.number, self.world, self.ledger, self.journal = number, world, ledger, journal
        self.draw = random.Random(f"{seed}/person {number}")
        self.mine, self.created = {}, 0
        self.may_work, self.at_rest, self.leaving = threading.Event(), threading.Event(), False

    def run(self):
        while not self.leaving:
            if not self.may_work.is_set():
                self.at_rest.set()
                self.may_work.wait()
                self.at_rest.clear()
                continue
            try:
                self.do_something()
            except Exception as error:
                self.journal.violation("the harness itself works", f"{self.name}: {error!r}")
            time.sleep(self.draw.uniform(*REST_S))

    def do_something(self):
        choices = [(self.list, 3), (self.read, 3)]
        if len(self.mine) < VMS_EACH:
            choices += [(self.create, 6), (self.create_two, 2), (self.create_and_leave, 2)]
        if self.mine:
            choices += [(self.exec, 4), (self.ssh, 4), (self.delete, 3)]
            choices += [(lambda v=verb: self.change(v), 1) for verb in ("stop", "start", "restart")]
        actions, weights = zip(*choices)
        self.draw.choices(actions, weights)[0]()

    def mccli(self, *argv, seconds, codes):
        """None when it had to be killed: that is a violation."""
        began = time.monotonic()
        process = self.world.cloud.mccli_start(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return self.finish(process, argv, began, seconds, codes)

    def finish(self, process, argv, began, seconds, codes):
        text = f"mccli {' '.join(argv)}"
        try:
            out, err = process.communicate(timeout=seconds + HUNG_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            self.journal.count("operations", f"{argv[0]}: hung")
            self.journal.violation("every command ends in time", f"{text}: not in {seconds + HUNG_S} s; {out}{err}")
            return None
        finally:
            # Those that are kept are ended by the cloud; these have ended.
            self.world.cloud.others.remove(process)
        took = time.monotonic() - began
        code = process.returncode
        self.journal.note("mccli", by=self.number, argv=argv, code=code, took=round(took, 3), err=err.strip()[:400])
        self.journal.count("operations", f"{argv[0]}: {code}")
        if "the disk is full" in err:
            self.journal.count("remarks", "told that the broker's disk is full: " + ("refused" if code else "answered"))
        self.journal.measure(f"seconds of a {argv[0]}", took)
        self.journal.check("every command ends in time, with a documented code", code in codes,
                           lambda: f"{text}: exit {code}: {out[:200]}{err[:400]}")  # fmt: skip
        return subprocess.CompletedProcess(argv, code, out, err)

    # VMs come

    def make(self, *argv):
        if self.draw.random() < REPLACEABLE_SHARE:
            argv += ("--on-lost", "replace")
        done = self.mccli("create", *argv, "--memory", "64M", "-o", "json", "--timeout", f"{CHANGE_S}s",
                          seconds=CHANGE_S, codes=CODES_OF_CHANGE)  # fmt: skip
        if done:
            self.learn_from_create(done)

    def learn_from_create(self, done):
        if done.returncode in (0, 7) and done.stdout:
            answer = json.loads(done.stdout)
            for view in answer if isinstance(answer, list) else [answer]:
                if view.get("status") == "created":
                    self.ledger.created(view)
                    self.mine[view["id"]] = view["name"]
        self.leave_open(done, "create")

    def leave_open(self, done, verb):
        named = JOB_IN_TEXT.search(done.stderr)
        if named:
            self.ledger.left_open(named.group(1), verb)
        elif done.returncode == 5:
            # An item may also have ended with it; its request has nothing more to tell then.
            self.journal.check("an unknown outcome says where to look", "mccli info" in done.stderr,
                               f"{verb}: {done.stderr}")  # fmt: skip

    def create(self):
        self.created += 1
        self.make(f"p{self.number}-{self.created}")

    def create_two(self):
        self.make("-n", "2")

    def create_and_leave(self):
        """Ctrl-C at any time; then, often, mccli cancel."""
        argv = ("create", "--memory", "64M", "-o", "json", "--timeout", f"{CHANGE_S}s")
        began = time.monotonic()
        process = self.world.cloud.mccli_start(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(self.draw.uniform(0.0, 1.5))
        process.send_signal(signal.SIGINT)
        # Before its handlers are in place, the signal ends it as it ends any program.
        done = self.finish(process, argv, began, CHANGE_S, CODES_OF_CHANGE | {130, -signal.SIGINT})
        if done is None:
            return
        self.learn_from_create(done)
        named = JOB_IN_TEXT.search(done.stderr)
        if named and self.draw.random() < 0.7:
            self.mccli("cancel", named.group(1), seconds=READ_S, codes=CODES_OF_CHANGE)

    # and go

    def one_of_mine(self):
        return self.draw.choice(sorted(self.mine.items()))

    def change(self, verb):
        vm_id, name = self.one_of_mine()
        self.ledger.asked(vm_id, verb)
        done = self.mccli(verb, name, "--timeout", f"{CHANGE_S}s", seconds=CHANGE_S, codes=CODES_OF_CHANGE)
        if done is None:
            return
        if done.returncode == 0:
            self.ledger.told(vm_id, verb)
        if verb == "delete" or done.returncode == 4:
            # With an unknown outcome it is nobody's any more; the calm phase looks what became of it.
            del self.mine[vm_id]
        self.leave_open(done, verb)

    def delete(self):
        self.change("delete")

    # look, and log in

    def list(self):
        gone = self.ledger.gone()
        done = self.mccli("list", "-o", "json", seconds=READ_S, codes=CODES_OF_READ)
        if done and done.returncode == 0:
            back = {vm["id"] for vm in json.loads(done.stdout)} & gone
            self.journal.check("a deleted VM never returns", not back, f"in a list: {back}")

    def read(self):
        verbs = [("nodes",), ("jobs",), ("version",)]
        if self.mine:
            verbs.append(("info", self.one_of_mine()[1]))
        self.mccli(*self.draw.choice(verbs), seconds=READ_S, codes=CODES_OF_READ)

    def exec(self):
        self.log_in("exec")

    def ssh(self):
        self.log_in("ssh")

    def log_in(self, verb):
        _, name = self.one_of_mine()
        done = self.mccli(verb, name, "--", "hostname", seconds=COMMAND_S, codes=CODES_OF_COMMAND)
        if done and done.returncode == 0:
            self.journal.check("a command runs in the VM it was meant for", done.stdout.strip() == name,
                               f"{verb} {name}: {done.stdout!r}")  # fmt: skip
