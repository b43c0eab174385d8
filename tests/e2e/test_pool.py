"""VMs from containers that a worker keeps started, as a person meets them: fast, and like all others."""

import pathlib
import signal
import unittest

from cloud import CloudTest, Engine, wait_until

POOL = 2


class Pool(CloudTest):
    def setUp(self):
        super().setUp()
        self.new_cloud(orphan_grace="2s")
        self.cloud.start_worker("node-a", options=("--pool", str(POOL)))
        self.spares = self.wait_full()

    def running_spares(self):
        return set(self.cloud.containers("label=minicloud.spare=1", "status=running"))

    def wait_full(self, besides=frozenset()):
        """The containers that are kept for VMs to come, and told to the broker."""
        return wait_until("the pool is full", lambda: (
            spares if len(spares := self.running_spares() - set(besides)) == POOL else None))

    def create(self, *argv):
        """Of a VM from a spare, which the broker may not know of yet."""
        def made():
            vm = self.cloud.create(*argv)
            if vm["container"] in self.spares:
                return vm
            self.cloud.mccli("delete", "-y", vm["name"])
            return None
        return wait_until("a VM is made from a spare", made)

    def ssh(self, name, command):
        return self.cloud.mccli("ssh", name, "--", command).stdout

    def test_a_vm_from_the_pool_is_like_any_other(self):
        cloud = self.cloud
        self.assertEqual(cloud.vms(), {})
        vm = self.create("--name", "web", "--memory", "256m", "--cpus", "0.5")
        self.assertEqual(self.ssh("web", "hostname; cat /etc/hostname; getent hosts web | wc -l"), "web\nweb\n1\n")
        limits = Engine().docker("inspect", "--format", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", vm["container"])
        self.assertEqual(limits.split(), [str(256 << 20), "500000000"])
        listed = cloud.vms()["web"]
        self.assertEqual([listed["state"], listed["memory_bytes"]], ["running", 256 << 20])
        # Another is kept in its place, and it is no spare any more.
        self.wait_full(besides={vm["container"]})
        self.ssh("web", "touch /root/mine")
        cloud.mccli("restart", "web")
        self.assertEqual(self.ssh("web", "hostname; ls /root/mine"), "web\n/root/mine\n")
        cloud.mccli("rename", "web", "www")
        cloud.mccli("restart", "www")
        self.assertEqual(self.ssh("www", "hostname; getent hosts www | wc -l"), "www\n1\n")
        cloud.mccli("delete", "-y", "www")
        wait_until("its container is gone", lambda: vm["container"] not in cloud.containers())

    def test_no_two_have_a_host_key_or_a_person_in_common(self):
        vms = [self.create("--name", name) for name in ("one", "two")]
        self.assertEqual(len({vm["host_key"] for vm in vms}), 2)
        self.assertEqual({vm["container"] for vm in vms} & self.wait_full(besides={vm["container"] for vm in vms}), set())

    def test_what_needs_a_first_start_of_its_own_gets_one(self):
        self.cloud.mccli("create", "--name", "env", "--env", "COLOUR=blue")
        self.assertEqual(self.ssh("env", "echo $COLOUR"), "blue\n")
        self.assertEqual(self.running_spares(), self.spares)

    def test_more_than_there_are(self):
        made = self.cloud.create("-n", str(POOL + 1))
        self.assertEqual(len({vm["host_key"] for vm in made}), POOL + 1)
        for vm in made:
            self.assertEqual(self.ssh(vm["name"], "hostname"), vm["name"] + "\n")

    def test_a_worker_that_is_killed_leaves_the_vm_and_no_spare(self):
        vm = self.create("--name", "web")
        before = self.running_spares() - {vm["container"]}
        self.cloud.workers["node-a"].kill()
        self.cloud.start_worker("node-a", options=("--pool", str(POOL)))
        self.assertEqual(self.ssh("web", "hostname"), "web\n")
        wait_until("the earlier process's spares are gone", lambda: not before & set(self.cloud.containers()))
        self.wait_full(besides={vm["container"]})
        self.assertEqual(self.ssh("web", "hostname"), "web\n")

    def test_a_worker_that_ends_takes_its_spares_along(self):
        vm = self.create("--name", "web")
        self.wait_full(besides={vm["container"]})  # one that is half made when the time is up waits for the next worker
        worker = self.cloud.workers["node-a"]
        worker.signal(signal.SIGTERM)
        wait_until("only the VM is left", lambda: self.cloud.containers() == [vm["container"]])

    def test_without_root_there_is_no_pool_and_everything_works(self):
        self.cloud.workers["node-a"].stop()
        log = f"{self.cloud.dir}/worker-node-b.log"
        self.cloud.start_worker("node-b", options=("--pool", "1"), prefix=("setpriv", "--bounding-set", "-sys_admin"))
        wait_until("it says why", lambda: "can be kept ready, so creates take longer" in pathlib.Path(log).read_text())
        self.cloud.mccli("create", "--name", "web", "--node", "node-b")
        self.assertEqual(self.ssh("web", "hostname"), "web\n")
        self.assertEqual(self.running_spares(), set())


if __name__ == "__main__":
    unittest.main()
