"""VMs on an engine that remaps users (dockerd --userns-remap): root in a VM is nobody on the node."""

import os
import pathlib
import pwd
import subprocess
import unittest

from cloud import CloudTest, OwnEngine, wait_until


USER = "dockremap"  # made by dockerd, with its range of ids


def user_exists():
    return any(entry.pw_name == USER for entry in pwd.getpwall())


class RemappingEngine(OwnEngine):
    """Started as docs/operations.md says."""

    def start(self, *options, wait=True):
        # The engine's root is not root in its own folders: it has to get through to them (docs/operations.md).
        os.chmod(self.dir, 0o711)
        super().start("--userns-remap", "default", *options, wait=wait)


class Remapped(CloudTest):
    def test_a_vm_lives_as_on_any_engine(self):
        had_user = user_exists()
        engine = RemappingEngine("usr")
        if not had_user:
            self.addCleanup(subprocess.run, ["userdel", USER], check=True)
        self.addCleanup(engine.close)
        engine.load_image()
        cloud = self.new_cloud()
        cloud.start_worker("node-a", engine)
        log = pathlib.Path(cloud.workers["node-a"].log)
        wait_until("the worker says so", lambda: "root in a VM is not root on this machine" in log.read_text())
        cloud.create("--name", "box")
        ssh = lambda *argv: cloud.mccli("ssh", "box", "--", *argv).stdout.split()
        first_id, on_the_node, count = ssh("cat", "/proc/self/uid_map")
        self.assertEqual(first_id, "0")
        self.assertNotEqual(on_the_node, "0")
        self.assertGreaterEqual(int(count), 65536)
        # As root sees it from the node.
        pid = engine.docker("inspect", "--format", "{{.State.Pid}}", cloud.vms()["box"]["container"])
        self.assertEqual(os.stat(f"/proc/{pid}").st_uid, int(on_the_node))
        self.assertEqual(ssh("id", "-u"), ["0"])
        self.assertEqual(ssh("stat", "-c", "%u", "/root/.ssh/authorized_keys"), ["0"])
        cloud.mccli("ssh", "box", "--", "sh", "-c", "'echo kept >/root/file'")
        self.assertEqual(cloud.mccli("exec", "box", "--", "cat", "/root/file").stdout, "kept\n")
        before = cloud.vms()["box"]["host_key"]
        cloud.mccli("stop", "box")
        cloud.mccli("start", "box")
        self.assertEqual(cloud.vms()["box"]["host_key"], before)
        self.assertEqual(ssh("cat", "/root/file"), ["kept"])
        cloud.mccli("logs", "box")
        cloud.mccli("delete", "box")
        cloud.wait_removed()


if __name__ == "__main__":
    unittest.main()
