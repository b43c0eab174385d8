"""The judges of a chaos run can fail: each is shown a cloud that broke its promise, and one that kept it."""

import collections
import json
import os
import signal
import sys
import tempfile
import types
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
os.environ.setdefault("MC_BIN", "/nowhere")
import resources
from calm import IN_ORDER, ROOT_UNMOUNTED, UNKNOWN_S, Calm, Unsettled
from journal import Journal
from ledger import Ledger
from nemesis import AT_ONCE, Nemesis, minds
from witness import EngineWitness, WatchWitness, doubles
from world import Busy

A, B = "00000000000000aa", "00000000000000bb"
STALE = f"/run/containerd/moby/{'1f' * 32}"


def view(vm_id=A, **fields):
    return {"id": vm_id, "name": "box", "node": "a1", "state": "running", "intent": "running", "reason": None,
            "container": "c1", "ssh_port": 4000, **fields}  # fmt: skip


def container(vm_id=A, **fields):
    return {"id": "c1", "state": "running", "ports": "0.0.0.0:4000->22/tcp", "vm": vm_id, "request": "r", "spare": "",
            "machine": "n1", **fields}  # fmt: skip


class JudgesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        quiet = mock.patch("builtins.print")
        quiet.start()
        self.addCleanup(quiet.stop)
        self.journal = Journal(self.folder)
        self.ledger = Ledger()
        machines = [types.SimpleNamespace(name=name, shims=dict) for name in ("n1", "n2")]
        self.at_engines = {"n1": [], "n2": []}
        self.world = types.SimpleNamespace(
            machines=machines, watches=[self.watch([])], spares_max=lambda machine: 1,
            all_containers=lambda machine: {c["id"] for c in self.at_engines[machine.name]}, machine_of=lambda worker: machines[0],
            containers=lambda machine, seconds=1: self.at_engines[machine.name])  # fmt: skip
        self.calm = Calm(self.world, [], self.ledger, self.journal, "seed")

    def watch(self, lines):
        path = f"{self.folder}/watch.jsonl"
        with open(path, "w") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        return types.SimpleNamespace(events_path=path)

    def broken(self):
        """The rules that were broken so far."""
        return [violation.split(": ")[1] for violation in self.journal.violations]

    def settled(self, vms, nodes=("a1", "a2", "b1"), jobs=(), cordoned=False):
        answers = {"nodes": [{"name": n, "state": "ready", "cordoned": cordoned} for n in nodes], "jobs": list(jobs), "list": vms}
        self.calm.mccli = lambda verb, *_: answers[verb]
        self.calm.look_for_trouble()


class EngineWitnessTest(JudgesTest):
    def setUp(self):
        super().setUp()
        self.witness = EngineWitness(self.world, self.ledger, self.journal)

    def look(self, n1=(), n2=()):
        self.at_engines = {"n1": list(n1), "n2": list(n2)}
        self.witness.look()
        return self.broken()

    def test_one_container_each(self):
        self.assertEqual([], self.look([container()], [container(B, id="c2")]))

    def test_two_on_one_engine(self):
        self.assertEqual(["at most one container of a VM"], self.look([container(), container(id="c2")]))

    def test_one_on_each_engine(self):
        self.assertEqual(["at most one container of a VM"], self.look([container()], [container(id="c2")]))

    def test_one_that_was_deleted(self):
        self.ledger.created(view())
        self.ledger.told(A, "delete")
        self.assertEqual([], self.look([container(state="exited")]), "its removal goes on")
        self.assertEqual([], self.look([container(state="running")]), "its engine may not have noticed")
        self.assertEqual([], self.look([container(state="exited")]))
        self.assertEqual([], self.look([container(state="running")]))
        self.assertEqual(["a deleted VM never returns"], self.look([container(state="running")]))

    def test_doubles_are_of_different_containers(self):
        self.assertEqual({}, doubles([container(), container()]))


class WatchWitnessTest(JudgesTest):
    def read(self, *lines):
        WatchWitness(self.watch(lines), self.journal).read_on()
        return self.broken()

    @staticmethod
    def event(seq, kind="vm.running", vm=A):
        return {"seq": seq, "kind": kind, "vm": vm}

    def test_each_once_in_order(self):
        self.assertEqual([], self.read(self.event(1), self.event(2, "vm.deleted"), self.event(3, "vm.cleanup")))

    def test_missing_repeated_or_out_of_order(self):
        for numbers in ((1, 3), (1, 1), (2, 1)):
            with self.subTest(numbers):
                self.journal.violations.clear()
                self.assertIn("every watcher sees each event once, in order", self.read(*map(self.event, numbers)))

    def test_gap_in_what_is_kept(self):
        self.assertEqual(["nothing that is kept is a gap"], self.read({"gap": {"first": 1, "last": 7}}, self.event(8)))

    def test_other_cloud(self):
        self.assertEqual(["a watcher stays with its cloud"], self.read({"other_cloud": "00"}))

    def test_back_after_its_end(self):
        self.assertEqual(["a deleted VM never returns"], self.read(self.event(1, "vm.deleted"), self.event(2)))

    def test_reads_whole_lines_only(self):
        watch = self.watch([self.event(1)])
        with open(watch.events_path, "a") as file:
            file.write('{"seq":')
        witness = WatchWitness(watch, self.journal)
        witness.read_on()
        self.assertEqual((1, []), (witness.last, self.broken()))


class CalmTest(JudgesTest):
    def test_in_order(self):
        self.at_engines["n1"] = [container(), container(B, id="c2", state="exited", ports="")]
        self.settled([view(), view(B, container="c2", state="stopped", intent="stopped")])

    def test_a_container_kept_for_a_vm_to_come_is_in_order(self):
        spare = container(B, id="c2", request="", spare="1")
        self.at_engines["n1"] = [container(), spare]
        self.settled([view()])
        self.at_engines["n1"] = [spare, container(A, id="c3", request="", spare="1")]
        with self.assertRaisesRegex(Unsettled, "more containers are kept for VMs to come"):
            self.settled([])
        # Once it has been given away it is its VM's.
        self.settled([view(container="c3")])

    def test_not_in_order(self):
        cases = {
            "nodes": ([], [], {"nodes": ["a1", "a2"]}),
            "cordoned": ([], [], {"cordoned": True}),
            "under way": ([], [], {"jobs": [{"done": False}]}),
            "wanted running": ([view(state="unknown")], [container()], {}),
            "differ": ([view()], [], {}),
            "engines differ": ([], [container()], {}),
            "listed, real": ([view()], [container(state="exited")], {}),
            "list and": ([view()], [container(machine="n2")], {}),
            "list and engines": ([view()], [container(), container()], {}),
            "port": ([view(ssh_port=4001)], [container()], {}),
        }
        for said, (vms, containers, options) in cases.items():
            with self.subTest(said):
                self.at_engines["n1"] = containers
                with self.assertRaisesRegex(Unsettled, said):
                    self.settled(vms, **options)

    def test_what_a_killed_engine_left_running(self):
        self.at_engines["n1"] = [container(), container(B, id="c2", state="exited", ports="")]
        vms = [view(), view(B, container="c2", state="stopped", intent="stopped")]
        machine = self.world.machines[0]
        machine.shims = lambda: {"c1": [7]}
        self.settled(vms)
        machine.shims = lambda: {"c1": [7], "c2": [9]}
        with self.assertRaisesRegex(Unsettled, "n1 lets run what its engine says is at rest: {'c2'}"):
            self.settled(vms)

    def test_what_a_killed_engine_left_of_a_removed_vm(self):
        self.at_engines["n1"] = [container()]
        machine, ages, ended = self.world.machines[0], {8: 4}, []
        machine.shims = lambda: {"c1": [7], "c9": [8]}
        machine.youngest = lambda pids: min(ages[pid] for pid in pids)
        self.world.names_on = lambda machine: ["a1", "a2"]
        self.settled([view()])
        ages[8] = 6
        with self.assertRaisesRegex(Unsettled, "n1 lets run what is left of the removed container c9"):
            self.settled([view()])
        with mock.patch("os.kill", lambda pid, _: ended.append(pid)):
            self.calm.end_what_nobody_knows()
            self.assertEqual([], ended, "the worker may end it yet")
            self.calm.unknown_since["c9"] -= UNKNOWN_S
            self.ledger.engine_was("killed", ["a1", "a2"])
            self.calm.end_what_nobody_knows()
        self.assertEqual([8], ended)
        self.assertEqual([], self.broken())

    def test_what_runs_of_a_removed_vm_though_its_engine_never_ended(self):
        machine = self.world.machines[0]
        machine.shims, machine.youngest = lambda: {"c9": [8]}, lambda pids: 46
        self.calm.unknown_since["c9"] = -UNKNOWN_S
        self.world.names_on = lambda machine: ["a1", "a2"]
        with mock.patch("os.kill"):
            self.calm.end_what_nobody_knows()
        self.assertEqual(["only an engine that ended leaves something of a removed VM"], self.broken())

    def test_reads_on_in_the_brokers_log_about_what_stays(self):
        self.world.cloud = types.SimpleNamespace(dir=self.folder)
        line = "a container on node a1 that is left over from VM 00aa can't be removed: unlinkat /d/overlay2/1f/merged: busy\n"
        with open(f"{self.folder}/broker.log", "a") as log:
            log.write(f"something else\n{line}")
            log.flush()
            self.assertEqual(line.strip(), self.calm.broker_says())
            self.assertEqual("", self.calm.broker_says())

    def lost(self, *vms):
        self.calm.nothing_lost({vm["id"]: vm for vm in vms})
        return self.broken()

    def gone(self, kind="vm.deleted"):
        self.calm.witnesses[0].watch = self.watch([{"seq": 1, "kind": kind, "vm": A}])

    def test_listed(self):
        self.ledger.created(view())
        self.assertEqual([], self.lost(view()))

    def test_lost_without_a_word(self):
        self.ledger.created(view())
        self.assertEqual(["a VM that is gone has an event that says so", "no accepted create is lost"], self.lost())

    def test_gone_though_nobody_did_anything(self):
        self.gone()
        self.ledger.created(view())
        self.assertEqual(["no accepted create is lost"], self.lost())

    def test_gone_for_a_reason(self):
        self.gone()
        for excuse in (lambda: self.ledger.excuse_vm(A, "killed"), lambda: self.ledger.asked(A, "delete")):
            self.ledger.created(view())
            excuse()
            self.assertEqual([], self.lost())
            self.ledger.no_more_excuses()

    def test_another_ones_excuse_does_not_count(self):
        self.gone()
        self.ledger.created(view())
        self.ledger.excuse_vm(B, "killed")
        self.assertEqual(["no accepted create is lost"], self.lost())

    def test_not_as_told(self):
        self.ledger.created(view())
        self.ledger.asked(A, "stop")
        self.ledger.told(A, "stop")
        self.assertEqual(["a VM is as its person was told"], self.lost(view()))

    def test_stopped_by_a_drain(self):
        self.ledger.excuse_stops("a1")
        self.ledger.created(view())
        self.assertEqual([], self.lost(view(state="stopped")))
        self.ledger.no_more_excuses()
        self.assertEqual([], self.lost(view(state="stopped")), "it stays as it was found")
        self.assertEqual(["a VM is as its person was told"], self.lost(view()))

    def test_replaced_by_another_of_its_name(self):
        self.gone("vm.replaced")
        self.ledger.created(view(on_lost="replace"))
        self.assertEqual([], self.lost(view(B)))
        self.assertEqual({A}, self.ledger.gone())
        self.assertEqual([B], [vm.id for vm in self.ledger.snapshot()[0]])

    def test_deleted_by_the_name_that_its_successor_has(self):
        self.gone("vm.replaced")
        self.ledger.created(view(on_lost="replace"))
        self.assertEqual([], self.lost(view(B)))
        self.ledger.asked(A, "delete")
        self.ledger.told(A, "delete")
        self.assertEqual([], self.lost())
        self.assertEqual({A, B}, self.ledger.gone())

    def refused(self, **fields):
        reason = f"could not be started again: the engine can't start the VM: failed to start shim: mkdir {STALE}: file exists"
        return view(**{"state": "stopped", "intent": "stopped", "reason": reason, **fields})

    def started_by_hand(self, vm, code=0):
        """What is said to minicloud about a VM that its engine refused to start, until it was given up."""
        said, there = [], [self.world.machines[0]]
        self.world.remove_stale_task = lambda folder: said.append(folder) or (there.pop() if there else None)
        self.world.names_on = lambda machine: ["a1", "a2"]
        answer = types.SimpleNamespace(returncode=code, stdout="", stderr="")
        self.world.cloud = types.SimpleNamespace(mccli=lambda *argv, **_: said.append(argv) or answer)
        self.calm.start_what_engines_refuse([vm])
        return said

    def test_that_its_killed_engine_refuses_to_start(self):
        self.ledger.engine_was("killed", ["a1", "a2"])
        self.assertEqual([STALE, ("start", "box")], self.started_by_hand(self.refused()))
        self.assertEqual([], self.broken())
        self.started_by_hand(self.refused(), code=1)
        self.assertEqual(["a VM that its engine refused runs again"], self.broken())

    def test_that_its_engine_refuses_to_start_though_nobody_killed_it(self):
        self.ledger.engine_was("ended", ["a1", "a2"])
        self.started_by_hand(self.refused())
        self.assertEqual(["an engine refuses to start a VM only after it was killed"], self.broken())

    def test_that_is_stopped_for_another_reason(self):
        for what in ({"reason": None}, {"reason": "could not be started again: no space left on device"}):
            with self.subTest(what):
                self.assertEqual([], self.started_by_hand(self.refused(**what)))
        self.ledger.created(view())
        self.ledger.engine_was("killed", ["a1", "a2"])
        self.assertEqual(["a VM is as its person was told"], self.lost(self.refused()))

    def logged_in(self, *exec_answers):
        """`exec_answers`: code and output of each exec, in order; everything else works."""
        said, answers = [], list(exec_answers)

        def mccli(verb, *_, **__):
            said.append(verb)
            code, out = answers.pop(0) if verb == "exec" else (0, "box" if verb == "ssh" else "")
            return types.SimpleNamespace(returncode=code, stdout=out, stderr="")

        self.world.cloud = types.SimpleNamespace(mccli=mccli)
        self.calm.mccli = lambda *_: [{"name": name, "slots": 4, "slots_used": 4} for name in ("a1", "a2", "b1")]
        self.calm.everything_works({A: view()})
        return said

    def test_login_works(self):
        self.assertEqual(["ssh", "exec", "exec"], self.logged_in((0, "box"), (0, "box")))
        self.assertEqual([], self.broken())

    def test_login_fails(self):
        self.ledger.engine_was("ended", ["a1"])
        self.logged_in((126, "OCI runtime exec failed"), (126, "OCI runtime exec failed"))
        self.assertEqual(["who is running can be logged in to"], self.broken())

    def test_login_to_one_whose_root_was_unmounted(self):
        broken = (126, f"OCI runtime exec failed: {ROOT_UNMOUNTED}: unknown")
        self.logged_in(broken, broken)
        self.assertEqual(["who is running can be logged in to"], self.broken(), "nobody ended its engine")
        self.journal.violations.clear()
        self.ledger.engine_was("ended", ["a1"])
        self.assertEqual(["ssh", "exec", "stop", "start", "ssh", "exec"], self.logged_in(broken, (0, "box")))
        self.assertEqual([], self.broken())
        self.logged_in(broken, broken)
        self.assertEqual(["who is running can be logged in to"], self.broken(), "it was not mended by that")

    def test_replaced_by_one_that_was_hit_by_a_fault(self):
        end, heir = {"seq": 1, "kind": "vm.replaced", "vm": A}, {"seq": 2, "kind": "vm.creating", "vm": B}
        self.calm.witnesses[0].watch = self.watch([{**event, "name": "box", "node": "b1"} for event in (end, heir)])
        self.ledger.created(view(on_lost="replace"))
        self.ledger.excuse_vm(B, "docker kill")
        self.assertEqual([], self.lost())

    def test_replaced_by_nothing(self):
        self.gone("vm.replaced")
        self.ledger.created(view(on_lost="replace"))
        self.assertEqual(["no accepted create is lost"], self.lost())

    def test_replaced_though_it_is_to_be_kept(self):
        self.gone("vm.replaced")
        self.ledger.created(view(on_lost="keep"))
        self.assertEqual(["no accepted create is lost"], self.lost(view(B)))

    def test_deleted_and_listed(self):
        self.ledger.created(view())
        self.ledger.told(A, "delete")
        self.assertEqual(["a deleted VM never returns"], self.lost(view()))

    def clear_away(self, *looks):
        """What the engine of n1 has, look by look; the last one stays."""
        looks = list(looks)
        self.world.containers = lambda machine: [] if machine.name != "n1" else looks.pop(0) if len(looks) > 1 else looks[0]
        self.calm.mccli = lambda *words: "" if "-q" in words else []
        with mock.patch("time.sleep"), mock.patch("calm.REMOVED_S", 0.05 if len(looks) == 1 else 60):
            self.calm.clear_away()
        return self.broken()

    def test_all_is_removed_a_while_after_it_was_deleted(self):
        made_of_a_spare = [container(spare="1"), container(B, id="c2", spare="1"), container("cc" * 8, id="c3")]
        self.assertEqual(self.clear_away(made_of_a_spare, made_of_a_spare[:1]), [])

    def test_what_stays_when_all_is_deleted(self):
        self.assertEqual(self.clear_away([container()]), ["nothing is left when all is deleted"])

    def test_more_spares_than_may_be_when_all_is_deleted(self):
        spares = [container(spare="1"), container(B, id="c2", spare="1")]
        self.assertEqual(self.clear_away(spares), ["nothing is left when all is deleted"])

    def test_request_with_too_many_vms(self):
        self.calm.nothing_doubled([container(id="c1"), container(B, id="c2")])
        self.assertEqual([], self.broken())
        self.calm.nothing_doubled([container(id=f"c{n}") for n in range(3)])
        self.assertEqual(["a request never makes more VMs than it asked for"], self.broken())


class SettlingTest(JudgesTest):
    def setUp(self):
        super().setUp()
        self.at_engines["n1"] = [container()]
        self.calm.note_what_engines_know = lambda: None

    def test_the_picture_that_was_found_in_order_is_what_is_judged(self):
        self.settled([view()])
        vms, containers = self.calm.settle(0.0)
        self.assertEqual(([A], [container()]), (list(vms), containers))
        self.assertEqual(1, self.journal.counts["checks"][IN_ORDER])

    @mock.patch("calm.SETTLE_S", 0)
    def test_no_order_in_time(self):
        self.settled([view()])
        self.at_engines["n1"] = []
        self.calm.hold(0.0)
        self.assertEqual([IN_ORDER], self.broken())


class NemesisTest(unittest.TestCase):
    """No world: all of its faults find their target busy, or all but one do."""

    def setUp(self):
        world, journal = types.SimpleNamespace(workers={}), mock.Mock()
        self.nemesis = Nemesis(world, None, journal, "seed")
        self.struck = []
        self.nemesis.kinds = {kind: lambda _, k=kind: self.act(k) for kind in ("free", "idle", "stuck")}
        self.stuck = {"stuck"}

    def act(self, kind):
        self.struck.append(kind)
        if kind in self.stuck:
            raise Busy

    def strike(self, times):
        for _ in range(times):
            if not self.nemesis.deck:
                self.nemesis.deal()
            self.nemesis.strike(self.nemesis.deck.pop(), None)

    def test_one_without_a_target_does_not_hold_up_the_others(self):
        self.strike(30)
        self.assertEqual({"free": 10, "idle": 10, "stuck": 10}, dict(collections.Counter(self.struck)))

    def test_what_was_put_off_comes_first(self):
        self.strike(6)
        self.assertEqual("stuck", self.struck[3])

    def test_what_never_found_its_targets_free_strikes_while_no_other_does(self):
        self.strike(3)
        self.nemesis.deal()
        self.assertEqual(("stuck", 0), (self.nemesis.deck[-1], self.nemesis.others_max()))
        self.stuck.clear()
        self.strike(1)
        self.assertEqual(AT_ONCE - 1, self.nemesis.others_max())
        self.nemesis.put_off = {"stuck"}
        self.nemesis.deal()
        self.assertEqual(("stuck", AT_ONCE - 1), (self.nemesis.deck[-1], self.nemesis.others_max()))

    def test_who_minds_a_signal(self):
        self.assertFalse(minds(os.getpid(), signal.SIGUSR2))
        before = signal.signal(signal.SIGUSR2, lambda *_: None)
        self.assertTrue(minds(os.getpid(), signal.SIGUSR2))
        signal.signal(signal.SIGUSR2, before)

    def test_only_what_runs_is_killed(self):
        stopped, running = container(id="c1", state="exited"), container(id="c2", state="running")
        found = {"n1": [stopped], "n2": [stopped, running]}
        world = types.SimpleNamespace(workers={}, machines=list(found), containers=found.get)
        nemesis = Nemesis(world, None, mock.Mock(), "seed")
        self.assertEqual(("n2", running), nemesis.a_container(nemesis.draw, running=True))
        world.machines = ["n1"]
        self.assertEqual(("n1", stopped), nemesis.a_container(nemesis.draw, running=False))
        with self.assertRaises(Busy):
            nemesis.a_container(nemesis.draw, running=True)


class ResourcesTest(unittest.TestCase):
    def test_growth_is_that_of_the_line(self):
        series = resources.Series("program")
        for at in range(0, 1000, 10):
            series.add(at, at, {"rss_bytes": 5000 if at < 300 else 100 + 3 * at})
        self.assertAlmostEqual(3 * 690, series.growth("rss_bytes", 300))

    def test_flat_is_no_growth(self):
        self.assertEqual(0.0, resources.slope([(at, 7) for at in range(9)]))

    def test_own_process_has_something(self):
        held = resources.sample(os.getpid())
        self.assertGreater(min(held.values()), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
