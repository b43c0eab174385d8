"""What becomes of VMs when their engine is stopped, killed, hung or full, or when somebody else is at its containers."""

import contextlib
import os
import pathlib
import signal
import subprocess
import threading
import time
import unittest

from cloud import CloudTest, OwnEngine, wait_until

GRACE_S = 5


class EngineStops(CloudTest):
    """One engine of its own; the cloud removes what ended by itself after GRACE_S."""

    engine_options = ()

    def setUp(self):
        super().setUp()
        self.engine = OwnEngine("eft")
        self.addCleanup(self.engine.close)
        self.engine.load_image()
        if self.engine_options:
            self.stop_engine()
            self.start_engine()
        cloud = self.new_cloud(cleanup_grace=f"{GRACE_S}s")
        cloud.start_worker("node-a", self.engine)
        self.watch = cloud.watch("--since", "0")
        cloud.create("--name", "box")
        cloud.create("--name", "kept")
        cloud.mccli("stop", "kept")
        self.before = cloud.vms()["box"]

    def stop_engine(self):
        self.engine.process.popen.terminate()
        self.engine.process.popen.wait(60)

    def start_engine(self):
        self.engine.start_until_it_answers(*self.engine_options)

    def outlast_the_grace(self):
        """The node is known to be away for longer than cleanup waits."""
        self.cloud.wait_node("node-a", "not_ready", 40)
        began = time.monotonic()
        wait_until("the grace period would be over", lambda: time.monotonic() - began > GRACE_S + 3)

    def check_all_is_as_before(self):
        cloud = self.cloud
        cloud.wait_node("node-a", "ready", 60)
        cloud.wait_vm("box", "running", 60)
        after = cloud.vms()["box"]
        for field in ("id", "container", "host_key", "node"):
            self.assertEqual(after[field], self.before[field], field)
        self.assertEqual(cloud.mccli("ssh", "box", "--", "hostname").stdout.strip(), "box")
        self.assertEqual(cloud.vms()["kept"]["state"], "stopped")
        self.assertEqual(len(cloud.containers()), 2)
        self.assertFalse([e for e in cloud.events(self.watch) if e["kind"] == "vm.cleanup"])

    def check_cleanup_still_works(self):
        self.engine.docker("kill", self.cloud.vms()["box"]["container"])
        reason = self.cloud.wait_event(self.watch, kind="vm.cleanup", name="box")["reason"]
        self.assertIn("by itself", reason)
        self.cloud.wait_event(self.watch, kind="vm.deleted", name="box")
        self.assertEqual(self.cloud.vms()["kept"]["state"], "stopped")


class WithoutLiveRestore(EngineStops):
    def test_stopped_in_an_orderly_way(self):
        self.stop_engine()
        self.outlast_the_grace()
        refused = self.cloud.mccli("create", check=False)
        self.assertEqual(refused.returncode, 6, refused.stderr)
        self.start_engine()
        self.check_all_is_as_before()
        self.assertIn("engine", self.cloud.wait_event(self.watch, kind="vm.starting", name="box")["reason"])
        self.check_cleanup_still_works()

    def test_killed(self):
        self.engine.process.kill()
        self.outlast_the_grace()
        self.start_engine()
        self.check_all_is_as_before()
        self.check_cleanup_still_works()

    def test_restarted_at_once(self):
        self.stop_engine()
        self.start_engine()
        self.cloud.wait_event(self.watch, kind="vm.starting", name="box")
        self.check_all_is_as_before()

    def test_machine_restarted(self):
        """Engine and worker are away together; the broker lives elsewhere."""
        self.cloud.workers["node-a"].kill()
        self.engine.process.kill()
        self.cloud.wait_node("node-a", "silent", 10)
        self.start_engine()
        self.cloud.start_worker("node-a", self.engine)
        self.check_all_is_as_before()
        self.assertIn("away", self.cloud.wait_event(self.watch, kind="vm.starting", name="box")["reason"])

    def test_machine_shut_down(self):
        """As above, but both are told to end, the engine first."""
        self.engine.process.popen.terminate()
        self.cloud.workers["node-a"].stop(5)
        self.engine.process.popen.wait(60)
        self.cloud.wait_node("node-a", "silent", 10)
        self.start_engine()
        self.cloud.start_worker("node-a", self.engine)
        self.check_all_is_as_before()


    def test_killed_before_it_has_removed_a_deleted_vm(self):
        """The VM has ended, its container has not gone yet, and must never run again."""
        container = self.before["container"]
        removal_held = threading.Event()

        def hold_the_removal():
            # The engine is stopped as soon as it has seen that end, long before its removal is over.
            self.engine.docker("wait", container, check=False)
            self.engine.process.signal(signal.SIGSTOP)
            removal_held.set()

        thread = threading.Thread(target=hold_the_removal)
        thread.start()
        self.cloud.mccli("delete", "-y", "box")
        self.assertTrue(removal_held.wait(20))
        thread.join()
        self.assertNotIn("box", self.cloud.vms())
        self.engine.process.kill()
        self.start_engine()
        self.cloud.wait_node("node-a", "ready", 60)
        wait_until("the container is gone", lambda: container not in self.cloud.containers(), 60)
        after = [e["kind"] for e in self.cloud.events(self.watch) if e["name"] == "box"]
        self.assertEqual(after[after.index("vm.deleted") + 1 :], [kind for kind in after if kind == "vm.cleanup"])
        self.cloud.create("--name", "box")


class WithLiveRestore(EngineStops):
    engine_options = ("--live-restore",)

    def test_vms_never_stop(self):
        started = self.before["started"]
        for end in (self.stop_engine, lambda: self.engine.process.kill()):
            end()
            self.outlast_the_grace()
            self.start_engine()
            self.cloud.wait_node("node-a", "ready", 60)
        self.check_all_is_as_before()
        self.assertEqual(self.cloud.vms()["box"]["started"], started)
        self.assertEqual(self.cloud.vms()["box"]["ssh_port"], self.before["ssh_port"])
        stops = [e["name"] for e in self.cloud.events(self.watch) if e["kind"] == "vm.stopped"]
        self.assertEqual(stops, ["kept"])
        self.check_cleanup_still_works()


def command_line(pid):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return [""]


def shims_of(container):
    """Process ids of containerd's shims of that container."""
    found = {pid: command_line(pid) for pid in os.listdir("/proc") if pid.isdigit()}
    return [pid for pid, argv in found.items() if "containerd-shim" in argv[0] and container in argv]


def runs(container):
    """It has a process, and not runc's that becomes its."""
    children = []
    for path in (path for shim in shims_of(container) for path in pathlib.Path(f"/proc/{shim}/task").glob("*/children")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            children += path.read_text().split()
    return any(os.path.basename(command_line(child)[0]) not in ("", "runc") for child in children)


class EngineKilledInAStart(CloudTest):
    """Docker 20.10 forgets that start, its containerd does not: it runs on, and every other one is refused. ADR 21."""

    def setUp(self):
        super().setUp()
        self.engine = OwnEngine("eks")
        self.addCleanup(self.engine.close)
        self.engine.load_image()
        self.cloud = self.new_cloud()
        self.cloud.start_worker("node-a", self.engine)
        self.cloud.create("--name", "box")
        self.container = self.cloud.vms()["box"]["container"]

    def leave_a_start_behind(self, moment):
        """Not every kill comes at the moment for it."""
        for _ in range(10):
            # Nobody but this test starts it.
            self.cloud.mccli("stop", "box")
            start = subprocess.Popen(["docker", "-H", self.engine.endpoint, "start", self.container],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until("the start has got so far", lambda: moment(self.container), 20, 0.001)
            self.engine.process.kill()
            start.wait(20)
            self.engine.start_until_it_answers()
            state = self.engine.docker("inspect", "--format", "{{.State.Status}}", self.container)
            if state != "running" and shims_of(self.container):
                return
            self.cloud.wait_node("node-a", "ready", 60)
        self.fail("ten kills of an engine at a start left nothing behind")

    def check_the_vm_can_be_started(self):
        wait_until("it starts", lambda: self.cloud.mccli("start", "box", check=False).returncode == 0, 60, 1)
        self.assertEqual(self.cloud.mccli("ssh", "box", "--", "hostname").stdout.strip(), "box")
        self.assertEqual(len(shims_of(self.container)), 1)
        # containerd may tell the new engine of that start only after we looked: then the VM runs without a network.
        log = pathlib.Path(self.cloud.workers["node-a"].log).read_text()
        self.assertRegex(log, f"ended what a killed engine has left running of the container {self.container}"
                              "|its engine runs it without a network: restarting it")

    def test_when_it_had_hardly_begun(self):
        self.leave_a_start_behind(shims_of)
        self.check_the_vm_can_be_started()

    def test_when_the_vm_ran(self):
        self.leave_a_start_behind(runs)
        self.check_the_vm_can_be_started()

    def test_when_the_vm_is_deleted(self):
        self.leave_a_start_behind(runs)
        self.cloud.wait_node("node-a", "ready", 60)
        self.cloud.mccli("delete", "box")
        self.cloud.wait_removed()
        wait_until("what is left of it is ended", lambda: not shims_of(self.container), 40)


class EngineTroubles(CloudTest):
    def test_hung(self):
        engine = OwnEngine("eft")
        self.addCleanup(engine.close)
        engine.load_image()
        cloud = self.new_cloud()
        cloud.start_worker("node-a", engine)
        cloud.create("--name", "box")
        engine.process.signal(signal.SIGSTOP)
        self.addCleanup(lambda: engine.process.signal(signal.SIGCONT))
        cloud.wait_node("node-a", "not_ready", 40)
        self.assertTrue(cloud.nodes()["node-a"]["reason"])
        self.assertEqual(cloud.vms()["box"]["state"], "running", "a hung engine says nothing about its VMs")
        engine.process.signal(signal.SIGCONT)
        cloud.wait_node("node-a", "ready", 40)
        self.assertEqual(cloud.mccli("ssh", "box", "--", "hostname").stdout.strip(), "box")

    def test_out_of_disk(self):
        engine = OwnEngine("efd")
        self.addCleanup(engine.close)
        engine.process.stop(60)
        subprocess.run(["umount", "-R", f"{engine.dir}/data"], check=False, capture_output=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", f"{engine.dir}/data"], check=True)
        engine.start()
        engine.load_image()
        cloud = self.new_cloud()
        cloud.start_worker("node-a", engine)
        cloud.create("--name", "box")

        filler = f"{engine.dir}/data/filler"
        with open(filler, "wb") as out:
            try:
                while True:
                    out.write(b"\0" * (1 << 20))
                    out.flush()
            except OSError:
                pass
        failed = cloud.mccli("create", "--name", "late", check=False)
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn("no space left on device", failed.stderr)
        cloud.wait_node("node-a", "not_ready")
        self.assertIn("disk is full", cloud.nodes()["node-a"]["reason"])
        self.assertEqual(set(cloud.vms()), {"box"})
        self.assertEqual(len(cloud.containers()), 1, "a create that failed leaves nothing behind")
        self.assertEqual(cloud.mccli("exec", "box", "--", "hostname").stdout.strip(), "box")

        os.remove(filler)
        cloud.wait_node("node-a", "ready", 60)
        cloud.create("--name", "late")
        self.assertEqual(cloud.mccli("ssh", "late", "--", "hostname").stdout.strip(), "late")

    def test_renamed_behind_our_back(self):
        cloud = self.new_cloud()
        cloud.start_worker("node-a")
        engine = cloud.engines["node-a"]
        cloud.create("--name", "box")
        engine.docker("rename", cloud.vms()["box"]["container"], f"renamed-{os.getpid()}")
        self.assertEqual(cloud.mccli("ssh", "box", "--", "hostname").stdout.strip(), "box")
        cloud.mccli("restart", "box")
        self.assertEqual(cloud.mccli("exec", "box", "--", "hostname").stdout.strip(), "box")
        cloud.mccli("delete", "box")
        cloud.wait_removed()


if __name__ == "__main__":
    unittest.main(verbosity=2)
