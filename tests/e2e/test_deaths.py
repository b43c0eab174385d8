"""kill -9 of the broker, then of a worker, in the middle of twenty creates: each ends in exactly one VM."""

import concurrent.futures
import json
import unittest

from cloud import CloudTest, wait_until

CREATES = 20


class Deaths(CloudTest):
    def setUp(self):
        super().setUp()
        self.new_cloud()
        self.cloud.start_worker("node-a")
        self.cloud.start_worker("node-b")

    def create_while(self, trouble):
        """Twenty creates at once; `trouble` strikes while some are done and some are not."""
        cloud = self.cloud
        with concurrent.futures.ThreadPoolExecutor(CREATES) as pool:
            pending = [pool.submit(cloud.mccli, "create", "-o", "json", "--timeout", "170s") for _ in range(CREATES)]
            wait_until("some VMs are there", lambda: len(cloud.containers("status=running")) >= 3)
            trouble()
            return [json.loads(one.result().stdout) for one in pending]

    def check_exactly_one_vm_each(self, vms):
        cloud = self.cloud
        self.assertEqual(len({vm["id"] for vm in vms}), CREATES)
        self.assertEqual(len({vm["name"] for vm in vms}), CREATES)
        listed = wait_until("all run", lambda: (v := cloud.vms()) and {x["state"] for x in v.values()} == {"running"} and v)
        self.assertEqual(set(listed), {vm["name"] for vm in vms})
        self.assertEqual(len(cloud.containers()), CREATES)
        for vm in vms[::5]:
            self.assertEqual(cloud.mccli("ssh", vm["name"], "--", "hostname").stdout.strip(), vm["name"])

    def test_broker_killed(self):
        watch = self.cloud.watch("--since", "0")

        def trouble():
            self.cloud.broker.kill()
            self.cloud.start_broker()

        self.check_exactly_one_vm_each(self.create_while(trouble))
        last = self.cloud.json("version")["last_event"]
        self.cloud.wait_event(watch, seq=last)
        numbers = [e["seq"] for e in self.cloud.events(watch)]
        self.assertEqual(numbers, list(range(1, last + 1)), "the watcher saw each event once, across the restart")

    def test_worker_killed(self):
        def trouble():
            self.cloud.workers["node-a"].kill()
            self.cloud.start_worker("node-a", wait=False)

        self.check_exactly_one_vm_each(self.create_while(trouble))

    def test_both_killed(self):
        def trouble():
            self.cloud.workers["node-b"].kill()
            self.cloud.broker.kill()
            self.cloud.start_worker("node-b", wait=False)
            self.cloud.start_broker()

        self.check_exactly_one_vm_each(self.create_while(trouble))


if __name__ == "__main__":
    unittest.main(verbosity=2)
