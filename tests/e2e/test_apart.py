"""VMs on an engine that nobody has configured, whose default bridge lets containers reach each other: they don't.

Run it with tests/e2e/in_private.
"""

import json
import socket
import unittest

from cloud import CloudTest, OwnEngine, wait_until

NETWORK = "minicloud"


def answers(address):
    """Whether something speaks at the SSH port there, to this machine."""
    try:
        with socket.create_connection((address, 22), timeout=3) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


class Apart(CloudTest):
    def setUp(self):
        super().setUp()
        self.engine = OwnEngine("apt")
        self.addCleanup(self.engine.close)
        self.engine.load_image()
        self.cloud = self.new_cloud()
        # Both at the same time: one network.
        for name in ("node-a", "node-b"):
            self.cloud.start_worker(name, self.engine, wait=False)
        for name in ("node-a", "node-b"):
            self.cloud.wait_node(name, "ready")

    def networks(self):
        return self.engine.docker("network", "ls", "-q", "--filter", f"name=^{NETWORK}$").split()

    def addresses(self):
        """Of the VMs, by name."""
        containers = json.loads(self.engine.docker("inspect", *self.cloud.containers()))
        return {c["Config"]["Hostname"]: c["NetworkSettings"]["Networks"][NETWORK]["IPAddress"] for c in containers}

    def reaches(self, vm, address):
        """Whether something in the VM gets through to the SSH port there."""
        done = self.cloud.mccli("exec", vm, "--", "timeout", "3", "bash", "-c", f"</dev/tcp/{address}/22", check=False)
        return done.returncode == 0

    def runs(self, vm):
        """Whether it does, and the broker knows: what it says while the engine is away is what was before."""
        address = self.addresses().get(vm)
        return bool(address) and answers(address) and self.cloud.vms()[vm]["state"] == "running"

    def check_apart(self):
        addresses = self.addresses()
        self.assertEqual(sorted(addresses), ["vm-1", "vm-2"])
        for vm, other in (("vm-1", "vm-2"), ("vm-2", "vm-1")):
            wait_until("its sshd speaks to this machine", lambda: answers(addresses[vm]))
            wait_until("what looks does see its own", lambda: self.reaches(vm, addresses[vm]))
            self.assertFalse(self.reaches(vm, addresses[other]))
            self.assertEqual(self.cloud.mccli("ssh", vm, "--", "hostname").stdout.strip(), vm)

    def test_vms_do_not_reach_each_other_and_people_reach_all(self):
        cloud, engine = self.cloud, self.engine
        bridge = json.loads(engine.docker("network", "inspect", "bridge"))[0]
        self.assertEqual(bridge["Options"]["com.docker.network.bridge.enable_icc"], "true")
        self.assertEqual(len(self.networks()), 1)
        cloud.json("create", "-n", "2")
        self.check_apart()
        # The network outlives its engine, and VMs are in it again.
        engine.process.stop(60)
        for name in ("node-a", "node-b"):
            cloud.wait_node(name, "not_ready", 60)
        engine.start()
        for name in ("vm-1", "vm-2"):
            wait_until(f"{name} runs again", lambda name=name: self.runs(name), 90)
        self.assertEqual(len(self.networks()), 1)
        self.check_apart()
        # Somebody prunes: it is made anew.
        cloud.mccli("delete", "vm-1", "vm-2")
        cloud.wait_removed()
        engine.docker("network", "rm", NETWORK)
        created = lambda: cloud.mccli("create", "--name", "again", check=False).returncode == 0
        wait_until("a VM is made in a new network", created, 60)
        self.assertEqual(len(self.networks()), 1)
        self.assertEqual(list(self.addresses()), ["again"])


if __name__ == "__main__":
    unittest.main()
