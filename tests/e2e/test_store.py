"""The broker's disk: full, damaged, and with ten thousand VMs in it."""

import os
import subprocess
import time
import unittest

from cloud import BIN, SLOWNESS, Cloud, CloudTest, Process, wait_until


class SmallDisk(Cloud):
    """Its broker's state is on a file system of 6 MiB. Needs root."""

    def start_broker(self):
        self.disk = f"{self.dir}/broker"
        if not os.path.ismount(self.disk):
            os.makedirs(self.disk, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m,mode=0700", "none", self.disk], check=True)
        super().start_broker()

    def fill(self):
        """To the last byte; what is there already stays writable only in place."""
        with open(f"{self.disk}/ballast", "ab", buffering=0) as ballast:
            for size in (65536, 4096, 1):
                try:
                    while ballast.write(b"x" * size) == size:
                        pass
                except OSError:
                    pass

    def free(self):
        os.remove(f"{self.disk}/ballast")

    def close(self):
        if os.path.exists(f"{self.disk}/ballast"):
            self.free()
        try:
            super().close()
        finally:
            subprocess.run(["umount", self.disk], check=False, capture_output=True)


class DiskFull(CloudTest):
    def setUp(self):
        super().setUp()
        self.cloud = SmallDisk()
        self.addCleanup(self.cloud.close)

    def make_read_only(self):
        """Creates until one is refused: SQLite's log has some room of its own."""
        self.cloud.fill()

        def refused():
            done = self.cloud.mccli("create", "--node", "nowhere", check=False)
            return done if "the disk is full" in done.stderr else None

        return wait_until("a create is refused", refused, 60)

    def test_full_disk_refuses_serves_reads_and_recovers(self):
        cloud = self.cloud
        cloud.start_worker("node-a")
        cloud.create("--name", "box")
        said = self.make_read_only().stderr
        self.assertIn("free space in", said)
        for argv in (("stop", "box"), ("delete", "box"), ("exec", "box", "--", "true")):
            done = cloud.mccli(*argv, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("the disk is full", done.stderr)
        listed = cloud.mccli("list")
        self.assertIn("box", listed.stdout)
        self.assertIn("warning", listed.stderr)
        self.assertIn("the disk is full", listed.stderr)
        self.assertIn("the disk is full", cloud.mccli("nodes").stderr)
        self.assertEqual(len(cloud.containers("status=running")), 1, "VMs run on")

        cloud.free()
        wait_until("it takes changes again", lambda: "warning" not in cloud.mccli("list").stderr, 20)
        cloud.wait_node("node-a", "ready")
        cloud.create("--name", "after")
        self.assertEqual(sorted(cloud.vms()), ["after", "box"])
        self.assertEqual(cloud.mccli("ssh", "box", "--", "hostname").stdout.strip(), "box")

    def test_killed_while_full_loses_nothing(self):
        cloud = self.cloud
        cloud.start_worker("node-a")
        cloud.create("--name", "box")
        self.make_read_only()
        events = cloud.mccli("version", "-o", "json").stdout
        cloud.broker.kill()
        cloud.start_broker()
        self.assertEqual(cloud.vms()["box"]["name"], "box")
        self.assertIn("the disk is full", cloud.mccli("create", check=False).stderr)
        self.assertTrue(events)
        cloud.free()
        wait_until("it takes changes again", lambda: "warning" not in cloud.mccli("list").stderr, 20)
        cloud.wait_vm("box", "running")
        self.assertEqual(len(cloud.containers()), 1)


class Damaged(CloudTest):
    def test_a_damaged_store_is_not_begun_anew(self):
        cloud = self.new_cloud()
        cloud_id = cloud.cloud_id()
        database = f"{cloud.dir}/broker/broker.db"
        cloud.broker.stop()
        with open(database, "rb") as whole:
            contents = whole.read()
        for what, damaged in (("page 2", contents[:4096] + b"\x55" * 4096 + contents[8192:]),
                              ("header", b"\x55" * 100 + contents[100:]),
                              ("half", contents[:4096 + 2000])):
            with open(database, "wb") as file:
                file.write(damaged)
            done = subprocess.run([f"{BIN}/mcbroker", "--state-dir", f"{cloud.dir}/broker",
                                   *(f"--{name}={end}" for name, end in cloud.endpoints.items())],
                                  capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 1, what)
            self.assertIn(database, done.stderr, what)
            self.assertIn("put back a copy", done.stderr, what)
            with open(database, "rb") as file:
                self.assertEqual(file.read(), damaged, f"{what}: it was written to")
        with open(database, "wb") as file:
            file.write(contents)
        cloud.start_broker()
        self.assertEqual(cloud.cloud_id(), cloud_id)


class Restart(CloudTest):
    # The mission's figure; measured: see docs/operations.md.
    seconds_max = 3.0

    def test_serves_within_three_seconds_with_ten_thousand_vms(self):
        cloud = self.new_cloud()
        cloud.broker.stop()
        os.remove(f"{cloud.dir}/broker/broker.db")
        subprocess.run([f"{BIN}/fill_store", f"{cloud.dir}/broker/broker.db", "10000", "50000", "100000"],
                       check=True, timeout=120 * SLOWNESS)
        times = []
        for _ in range(3):
            argv = cloud.broker.popen.args
            begin = time.monotonic()
            cloud.broker = Process(argv, f"{cloud.dir}/broker.log", cloud.env)
            found = cloud.mccli("list", "--quiet", "--broker", cloud.endpoints["clients"]).stdout.split()
            times.append(time.monotonic() - begin)
            self.assertEqual(len(found), 10000)
            cloud.broker.kill()
        cloud.broker = Process(argv, f"{cloud.dir}/broker.log", cloud.env)
        print(f"from exec to a whole list of 10,000 VMs: {', '.join(f'{t:.2f}' for t in times)} s")
        # The best of three: other work on the machine only ever makes it slower.
        self.assertLess(min(times), self.seconds_max * SLOWNESS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
