"""SSH, copies and forwarded ports where a VM's address leads nowhere (through the broker), and where it is near."""

import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import unittest

from cloud import BIN, CloudTest, Engine, wait_until


class FarEngine(Engine):
    """Its VMs' address is of TEST-NET-1, which nobody has."""

    advertise = "192.0.2.1"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class FarNodes(CloudTest):
    def setUp(self):
        self.cloud = self.new_cloud()
        self.cloud.start_worker("far", FarEngine())

    def copies(self, vm, *options):
        """Files of each kind there and back, unchanged."""
        cloud = self.cloud
        here = pathlib.Path(cloud.dir) / "files"
        (here / "sub dir").mkdir(parents=True, exist_ok=True)
        big = os.urandom(32 << 20)
        (here / "big").write_bytes(big)
        (here / "sub dir" / "a:b").write_text("small\n")
        cloud.mccli("cp", *options, "-r", str(here), f"{vm}:/srv")
        self.assertEqual(cloud.mccli("exec", vm, "--", "sha256sum", "/srv/files/big").stdout.split()[0], hashlib.sha256(big).hexdigest())
        back = pathlib.Path(cloud.dir) / f"back-{vm}-{len(options)}"
        cloud.mccli("cp", *options, "-r", "-p", f"{vm}:/srv/files", str(back))
        self.assertEqual((back / "big").read_bytes(), big)
        self.assertEqual((back / "sub dir" / "a:b").read_text(), "small\n")
        failed = cloud.mccli("cp", *options, f"{vm}:/not/there", str(here), check=False)
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn("No such file", failed.stderr)

    def proxies(self):
        """mccli processes of this cloud that carry bytes."""
        found = []
        for folder in pathlib.Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and f"{BIN}/mccli\0proxy\0" in (folder / "cmdline").read_text():
                    found.append(folder.name)
            except (OSError, UnicodeDecodeError):
                continue
        return found

    def test_everything_goes_through_the_broker(self):
        cloud = self.cloud
        vm = cloud.create("--name", "box")
        self.assertEqual(vm["ssh_host"], "192.0.2.1")
        self.assertEqual(cloud.mccli("ssh", "box", "--", "hostname").stdout, "box\n")
        self.assertEqual(cloud.mccli("ssh", "box", "--", "exit 7", check=False).returncode, 7)
        self.assertEqual(cloud.mccli("ssh", "box", "--", "cat", stdin="there and back").stdout, "there and back")
        direct = cloud.mccli("ssh", "--route", "direct", "box", "--", "true", check=False, timeout=60)
        self.assertEqual(direct.returncode, 255)
        self.assertIn("192.0.2.1", direct.stderr)
        self.copies("box")
        # What carries the bytes ends with the connection, and has been noted.
        wait_until("nobody carries anything any more", lambda: not self.proxies())
        noted = [(entry["code"], entry["detail"]) for entry in cloud.json("audit") if entry["action"] == "tunnel"]
        self.assertIn(("ok", "begun"), noted)
        self.assertIn(("ok", "ended"), noted)
        # As people write it into their own ssh's configuration.
        known = f"{cloud.dir}/known"
        pathlib.Path(known).write_text(f"box {vm['host_key']}\n")
        plain = subprocess.run(
            ["ssh", "-o", f"ProxyCommand={BIN}/mccli proxy %h", "-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=/dev/null",
             "-o", "StrictHostKeyChecking=yes", "-i", f"{cloud.dir}/home/.ssh/id_ed25519",
             "root@box", "hostname"],
            capture_output=True, text=True, env=cloud.env, timeout=60)  # fmt: skip
        self.assertEqual(plain.stdout, "box\n", plain.stderr)

    def test_a_port_of_the_vm_is_one_of_this_machine(self):
        cloud = self.cloud
        cloud.create("--name", "box")
        port = free_port()
        forward = cloud.mccli_start("port-forward", "box", f"{port}:22", stderr=subprocess.PIPE)

        def greeting():
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
                    return one.recv(64).startswith(b"SSH-2.0-")
            except OSError:
                return False

        wait_until("the VM's sshd greets here", greeting)
        taken = cloud.mccli("port-forward", "box", f"{port}:22", check=False, timeout=60)
        self.assertNotEqual(taken.returncode, 0)
        forward.send_signal(signal.SIGINT)
        forward.wait(10)
        self.assertIn(f"127.0.0.1:{port} is port 22 of box; Ctrl-C ends", forward.stderr.read())
        forward.stderr.close()
        self.assertFalse(greeting())

    def test_a_tunnel_that_can_not_be_is_told_in_a_sentence(self):
        cloud = self.cloud
        cloud.create("--name", "box")
        cloud.mccli("stop", "box")
        for verb in (["ssh", "box"], ["cp", "box:/x", "."], ["port-forward", "box", "80"], ["proxy", "box"], ["proxy", "--fdpass", "box"]):
            with self.subTest(verb=verb):
                done = cloud.mccli(*verb, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("mccli start box", done.stderr)
        missing = cloud.mccli("proxy", "bax", check=False)
        self.assertIn("box", missing.stderr)
        cloud.mccli("start", "box")
        by_hand = cloud.mccli("proxy", "--fdpass", "box", check=False)
        self.assertIn("ProxyUseFdpass", by_hand.stderr)

    def test_the_way_is_found(self):
        cloud = self.cloud
        cloud.start_worker("near")
        cloud.create("--name", "box", "--node", "near")
        entries = lambda: sum(entry["action"] == "tunnel" for entry in cloud.json("audit"))
        self.assertEqual(cloud.mccli("ssh", "box", "--", "hostname").stdout, "box\n")
        self.copies("box")
        self.assertEqual(entries(), 0, "it is near: nothing went through the broker")
        self.assertEqual(cloud.mccli("ssh", "--route", "broker", "box", "--", "hostname").stdout, "box\n")
        self.copies("box", "--route", "broker")
        self.assertGreater(entries(), 0)


if __name__ == "__main__":
    unittest.main()
