"""What a person sees when something is wrong, and what cleanup does about it."""

import signal
import unittest

from cloud import CloudTest, Engine, wait_until


class Errors(CloudTest):
    def setUp(self):
        super().setUp()
        self.new_cloud()

    def fails(self, code, *argv, **options):
        done = self.cloud.mccli(*argv, check=False, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertTrue(done.stderr.strip(), "an error says something")
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_no_broker(self):
        said = self.fails(3, "--broker", f"ipc://{self.cloud.dir}/nobody", "--connect-timeout", "1s", "list")
        self.assertIn("nobody", said)

    def test_usage(self):
        self.assertIn("create", self.fails(2, "craete"))
        self.fails(2, "create", "--memory", "lots")
        self.assertIn("--memory", self.fails(2, "create", "--memroy", "1G"))

    def test_unknown_vm(self):
        for verb in ("info", "ssh", "stop", "delete", "logs"):
            self.assertIn("nobody", self.fails(4, verb, "nobody"))

    def test_no_worker(self):
        self.assertIn("mcworker", self.fails(6, "create", "--timeout", "20s"))

    def test_with_a_worker(self):
        cloud = self.cloud
        cloud.start_worker("node-a", slots=2)
        cloud.create("--name", "box")
        self.assertIn("box", self.fails(1, "create", "--name", "box"))
        self.assertIn("Bad_Name", self.fails(2, "create", "--name", "Bad_Name"))
        said = self.fails(1, "create", "--image", "nowhere.invalid/none:1")
        self.assertIn("nowhere.invalid/none:1", said)
        self.assertIn("nowhere", self.fails(4, "create", "--node", "nowhere"))
        cloud.create()
        self.assertIn("slots", self.fails(6, "create"))
        self.assertEqual(len(cloud.containers()), 2, "a failed create leaves nothing")

    def test_time_out_and_a_dead_node(self):
        cloud = self.cloud
        worker = cloud.start_worker("node-a")
        cloud.create("--name", "box")
        worker.signal(signal.SIGSTOP)
        said = self.fails(5, "create", "--timeout", "2s")
        self.assertIn("mccli job", said)
        cloud.wait_node("node-a", "silent", 10)
        self.assertEqual(cloud.vms()["box"]["state"], "unknown")
        self.assertIn("silent", self.fails(1, "exec", "box", "--", "true"))
        self.assertIn("silent", self.fails(1, "stop", "box"))
        worker.signal(signal.SIGCONT)
        wait_until("both run", lambda: [v["state"] for v in cloud.vms().values()] == ["running", "running"])
        self.assertEqual(len(cloud.containers()), 2)

    def test_cancel(self):
        cloud = self.cloud
        worker = cloud.start_worker("node-a")
        worker.signal(signal.SIGSTOP)
        self.fails(5, "create", "--timeout", "1s")
        request = cloud.json("jobs")[0]["request"]
        worker.signal(signal.SIGCONT)
        cloud.mccli("cancel", request, check=False)
        wait_until("nothing is left, or the create had won",
                   lambda: len(cloud.containers()) == len([v for v in cloud.vms().values() if v["state"] == "running"]))

    def test_ctrl_c_says_what_goes_on(self):
        cloud = self.cloud
        worker = cloud.start_worker("node-a")
        worker.signal(signal.SIGSTOP)
        process = cloud.mccli_start("create", stderr=-1, stdout=-1)
        wait_until("it is under way", lambda: cloud.json("jobs"))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130)
        self.assertIn(f"mccli job {cloud.json('jobs')[0]['request']}", said)
        worker.signal(signal.SIGCONT)
        wait_until("it went on", lambda: [v["state"] for v in cloud.vms().values()] == ["running"])

    def test_ctrl_c_in_every_verb_that_changes_something(self):
        cloud = self.cloud
        worker = cloud.start_worker("node-a")
        cloud.create("-n", "4")
        worker.signal(signal.SIGSTOP)
        lines = {"stop": ["stop", "vm-1"], "restart": ["restart", "vm-2"], "start": ["start", "vm-3"],
                 "delete": ["delete", "vm-4"]}
        processes = {verb: cloud.mccli_start(*line, stderr=-1, stdout=-1) for verb, line in lines.items()}

        def under_way():
            return {job["verb"]: job["request"] for job in cloud.json("jobs") if not job["done"]}

        wait_until("they are under way", lambda: len(under_way()) == len(lines))
        # Last: what comes to a node after its drain is refused.
        processes["drain"] = cloud.mccli_start("nodes", "drain", "node-a", "--deadline", "10m", stderr=-1, stdout=-1)
        jobs = wait_until("all are under way", lambda: len(under_way()) == len(processes) and under_way())
        for verb, process in processes.items():
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=10)
            self.assertEqual(process.returncode, 130, said)
            self.assertIn(f"the {verb} goes on", said)
            self.assertIn(f"mccli job {jobs[verb]}", said)
            self.assertIn(f"mccli cancel {jobs[verb]}", said)
        cloud.mccli("cancel", jobs["drain"])
        worker.signal(signal.SIGCONT)
        wait_until("all went on", lambda: not under_way())
        self.assertEqual({name: vm["state"] for name, vm in cloud.vms().items()},
                         {"vm-1": "stopped", "vm-2": "running", "vm-3": "running"})


class Cleanup(CloudTest):
    def test_stopped_removed_and_orphaned_containers(self):
        cloud = self.new_cloud(cleanup_grace="2s", orphan_grace="2s")
        cloud.start_worker("node-a")
        engine = Engine()
        watch = cloud.watch("--since", "0")
        for name in ("dies", "stays", "vanishes"):
            cloud.create("--name", name)
        ids = {vm["name"]: vm["container"] for vm in cloud.vms().values()}

        cloud.mccli("stop", "stays")
        engine.docker("kill", ids["dies"])
        engine.docker("rm", "-f", ids["vanishes"])
        stopped = cloud.wait_event(watch, kind="vm.stopped", name="dies")
        self.assertIn("by itself", stopped["reason"])
        self.assertIn("by itself", cloud.wait_event(watch, kind="vm.cleanup", name="dies")["reason"])
        cloud.wait_event(watch, kind="vm.deleted", name="dies")
        self.assertIn("behind", cloud.wait_event(watch, kind="vm.deleted", name="vanishes")["reason"])

        # An orphan: ours by its labels, unknown to the broker. A stranger: not ours, never touched.
        labels = [f"--label=minicloud.cloud={cloud.cloud_id()}", f"--label=minicloud.node={cloud.nodes()['node-a']['id']}"]
        orphan = engine.docker("run", "-d", "--name", "mc-00000000000000ff", *labels, "--label=minicloud.vm=00000000000000ff", "minicloud/vm:latest")
        stranger = engine.docker("run", "-d", "--label=minicloud.vm=00000000000000ff", "minicloud/vm:latest")
        self.addCleanup(engine.docker, "rm", "-f", stranger, check=False)
        cloud.wait_event(watch, kind="vm.cleanup", vm="00000000000000ff")
        wait_until("the orphan is gone", lambda: orphan not in cloud.containers())
        self.assertEqual(engine.docker("inspect", "-f", "{{.State.Running}}", stranger), "true")
        self.assertEqual(cloud.vms()["stays"]["state"], "stopped")

    def test_time_to_live(self):
        cloud = self.new_cloud()
        cloud.start_worker("node-a")
        watch = cloud.watch("--since", "0")
        cloud.create("--name", "brief", "--ttl", "3s")
        cloud.wait_event(watch, kind="vm.deleted", name="brief")
        cloud.wait_removed()


if __name__ == "__main__":
    unittest.main(verbosity=2)
