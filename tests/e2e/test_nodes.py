"""Nodes taken out of use, drained, lost and forgotten, as an operator sees it."""

import signal
import unittest

from cloud import CloudTest, wait_until


class Nodes(CloudTest):
    def setUp(self):
        super().setUp()
        self.new_cloud(lost_after="6s")
        for node in ("node-a", "node-b"):
            self.cloud.start_worker(node)

    def containers_of(self, vm):
        return self.cloud.containers(f"label=minicloud.vm={vm['id']}")

    def test_cordon_and_uncordon(self):
        cloud = self.cloud
        self.assertEqual(cloud.mccli("nodes", "cordon", "node-a").stdout, "node-a cordoned\n")
        self.assertIn("ready, cordoned", cloud.mccli("nodes").stdout)
        made = cloud.create("-n", "3")
        self.assertEqual({vm["node"] for vm in made}, {"node-b"})
        refused = cloud.mccli("create", "--node", "node-a", check=False)
        self.assertEqual(refused.returncode, 6)
        self.assertIn("cordoned", refused.stderr)
        cloud.mccli("nodes", "uncordon", "node-a")
        self.assertEqual(cloud.create("--node", "node-a")["node"], "node-a")

    def test_drain(self):
        cloud = self.cloud
        kept = cloud.create("--name", "kept", "--node", "node-a")
        spare = cloud.create("--name", "spare", "--node", "node-a", "--on-lost", "replace")
        watch = cloud.watch("--since", "0")
        drain = cloud.mccli_start("nodes", "drain", "node-a", "--deadline", "8s")
        wait_until("it is shown", lambda: "draining" in cloud.mccli("nodes").stdout)
        refused = cloud.mccli("restart", "kept", check=False)
        self.assertIn("drained", refused.stderr)
        self.assertEqual(drain.wait(60), 0)
        vms = cloud.vms()
        self.assertEqual((vms["kept"]["state"], vms["kept"]["id"]), ("stopped", kept["id"]))
        wait_until("spare runs elsewhere", lambda: cloud.vms()["spare"]["state"] == "running")
        self.assertEqual(cloud.vms()["spare"]["node"], "node-b")
        self.assertEqual(cloud.mccli("ssh", "spare", "--", "hostname").stdout, "spare\n")
        wait_until("the old container is gone", lambda: not self.containers_of(spare))
        cloud.wait_event(watch, kind="node.drained", node="node-a")
        cloud.wait_event(watch, kind="vm.replaced", name="spare", vm=spare["id"])
        cloud.mccli("nodes", "uncordon", "node-a")
        cloud.mccli("start", "kept")
        self.assertEqual(cloud.mccli("ssh", "kept", "--", "hostname").stdout, "kept\n")

    def test_a_drain_goes_on_after_a_broker_restart_and_can_be_cancelled(self):
        cloud = self.cloud
        cloud.create("--name", "box", "--node", "node-a")
        drain = cloud.mccli_start("nodes", "drain", "node-a", "--deadline", "10m")
        wait_until("it is under way", lambda: "draining" in cloud.mccli("nodes").stdout)
        cloud.broker.kill()
        cloud.start_broker()
        self.assertIn("draining", cloud.mccli("nodes").stdout)
        request = next(job for job in cloud.json("jobs") if job["verb"] == "drain")
        self.assertFalse(request["done"])
        cloud.mccli("cancel", request["request"])
        self.assertEqual(drain.wait(60), 1)
        cloud.wait_vm("box", "running")

    def test_lost_node(self):
        cloud = self.cloud
        kept = cloud.create("--name", "kept", "--node", "node-a")
        spare = cloud.create("--name", "spare", "--node", "node-a", "--on-lost", "replace")
        watch = cloud.watch("--since", "0")
        worker = cloud.workers["node-a"]
        worker.signal(signal.SIGSTOP)
        self.addCleanup(worker.signal, signal.SIGCONT)
        cloud.wait_node("node-a", "lost", 30)
        wait_until("spare runs elsewhere", lambda: cloud.vms()["spare"]["node"] == "node-b")
        cloud.wait_vm("spare", "running")
        self.assertEqual(cloud.vms()["kept"]["state"], "unknown")
        self.assertEqual(cloud.mccli("ssh", "spare", "--", "hostname").stdout, "spare\n")
        self.assertEqual(len(self.containers_of(spare)), 1, "nobody could remove it yet")
        worker.signal(signal.SIGCONT)
        cloud.wait_event(watch, kind="vm.cleanup", vm=spare["id"], name="spare")
        wait_until("the fenced copy is gone", lambda: not self.containers_of(spare))
        cloud.wait_vm("kept", "running")
        self.assertEqual(cloud.vms()["kept"]["id"], kept["id"])
        self.assertEqual(len(cloud.containers()), 2)

    def test_forget(self):
        cloud = self.cloud
        cloud.create("--name", "box", "--node", "node-a")
        alive = cloud.mccli("nodes", "forget", "node-a", check=False)
        self.assertIn("alive", alive.stderr)
        cloud.workers["node-a"].kill()
        cloud.wait_node("node-a", "lost", 30)
        self.assertIn("--with-vms", cloud.mccli("nodes", "forget", "node-a", check=False).stderr)
        cloud.mccli("nodes", "forget", "--with-vms", "node-a")
        self.assertEqual((list(cloud.nodes()), cloud.vms()), (["node-b"], {}))
        cloud.start_worker("node-a")  # it comes back after all
        wait_until("its old container is gone", lambda: not cloud.containers())


if __name__ == "__main__":
    unittest.main(verbosity=2)
