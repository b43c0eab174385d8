"""SSH, copies and forwarded ports where a VM's address leads nowhere (through the broker), and where it is near."""

import hashlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import unittest

from cloud import BIN, CloudTest, Engine, wait_until

import loopback


class FarEngine(Engine):
    """Its VMs' address is of TEST-NET-1, which nobody has."""

    advertise = "192.0.2.1"


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

    def ssh_config(self, text=""):
        """A person's own, in which names of VMs are known."""
        config = pathlib.Path(self.cloud.dir) / "home/.ssh/config"
        config.write_text(text)
        self.assertIn("ssh NAME.mc", self.cloud.mccli("ssh-config", "--install").stderr)
        return config

    def bring_rsync(self, vm):
        """This machine's, with all that it needs: the image has none. How it is called there."""
        folder = pathlib.Path(self.cloud.dir) / "rsync"
        folder.mkdir(exist_ok=True)
        needs = subprocess.run(["ldd", shutil.which("rsync")], capture_output=True, text=True, check=True).stdout
        for path in [shutil.which("rsync"), *re.findall(r"/\S+", needs)]:
            shutil.copy(path, folder)
        self.cloud.mccli("cp", "-r", str(folder), f"{vm}:/opt")
        (loader,) = [path.name for path in folder.glob("ld-linux*")]
        return f"/opt/rsync/{loader} --library-path /opt/rsync /opt/rsync/rsync"

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

    def test_plain_openssh_knows_vms_by_host_names(self):
        cloud = self.cloud
        cloud.start_worker("near")
        config = self.ssh_config("Host *\n  User nobody\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n")
        cloud.mccli("ssh-config", "--install")
        self.assertEqual(config.read_text().count("Include"), 1)

        def plain(program, *argv, **options):
            return subprocess.run([program, "-F", str(config), *argv], capture_output=True, text=True, timeout=60, env=cloud.env, **options)

        # Those that come later too, wherever they are; and under a name that is used again.
        for node in ("far", "near", "far"):
            with self.subTest(node=node):
                vm = cloud.create("--name", "box", "--node", node)
                self.assertEqual(plain("ssh", "box.mc", "hostname; whoami").stdout, "box\nroot\n")
                self.assertEqual(plain("ssh", f"box.{vm['owner']}.mc", "exit 7").returncode, 7)
                self.assertEqual(plain("scp", str(config), "box.mc:/srv/a file").stderr, "")
                back = plain("sftp", "-b", "-", "box.mc", input=f"get \"/srv/a file\" {cloud.dir}/back\n")
                self.assertEqual(back.returncode, 0, back.stderr)
                self.assertEqual((pathlib.Path(cloud.dir) / "back").read_bytes(), config.read_bytes())
                cloud.mccli("delete", "box")
        # A key that is not the VM's is refused, whatever stands in the person's own files.
        cloud.create("--name", "box")
        cloud.mccli("exec", "box", "--", "sh", "-c", "rm /etc/ssh/ssh_host_*; ssh-keygen -A; kill -HUP $(cat /run/sshd.pid)")
        wait_until("sshd has its new key", lambda: "Host key verification failed" in plain("ssh", "box.mc", "true").stderr)
        missing = plain("ssh", "bax.mc", "true")
        self.assertEqual(missing.returncode, 255)
        self.assertIn("did you mean box?", missing.stderr)

    def test_rsync_copies_what_has_changed(self):
        cloud = self.cloud
        cloud.start_worker("near")
        config = self.ssh_config()
        for node in ("far", "near"):
            here, back = pathlib.Path(cloud.dir) / node, pathlib.Path(cloud.dir) / f"{node}-back"
            (here / "sub dir").mkdir(parents=True)
            (here / "big").write_bytes(os.urandom(8 << 20))
            (here / "sub dir" / "run").write_text("#!/bin/sh\n")
            (here / "sub dir" / "run").chmod(0o750)
            (here / "link").symlink_to("sub dir/run")
            cloud.create("--name", node, "--node", node)
            there = self.bring_rsync(node)

            def rsync(*argv):
                """What it did to which file."""
                done = subprocess.run(["rsync", "-ai", "--delete", "-e", f"ssh -F {config}", "--rsync-path", there, *argv],
                                      capture_output=True, text=True, timeout=60, env=cloud.env)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                return [line.split(maxsplit=1)[1] for line in done.stdout.splitlines() if not line.startswith("created directory")]

            with self.subTest(node=node):
                changes = rsync(f"{here}/", f"{node}.mc:/srv/files")
                self.assertEqual(changes, ["./", "big", "link -> sub dir/run", "sub dir/", "sub dir/run"])
                (here / "link").unlink()
                with open(here / "big", "r+b") as big:
                    big.write(b"changed")
                self.assertEqual(rsync("--no-times", f"{here}/", f"{node}.mc:/srv/files"), ["link", "big"])
                rsync(f"{node}.mc:/srv/files/", str(back))
                self.assertEqual((back / "big").read_bytes(), (here / "big").read_bytes())
                self.assertEqual((back / "sub dir" / "run").stat().st_mode & 0o777, 0o750)
                self.assertEqual(rsync("-c", "--no-times", f"{here}/", f"{node}.mc:/srv/files"), [])

    def test_vim_edits_files_in_vms(self):
        cloud = self.cloud
        cloud.start_worker("near")
        scp = f"scp -q -F {self.ssh_config()}"
        for node in ("far", "near"):
            cloud.create("--name", node, "--node", node)
            edit = ["vim", "-N", "-u", "NONE", "-es", "--cmd", f"let g:netrw_scp_cmd = '{scp}'", "--cmd", "runtime plugin/netrwPlugin.vim",
                    f"scp://{node}.mc//etc/hostname", "-c", "%s/$/ was here/", "-c", f"write scp://{node}.mc//srv/note", "-c", "qa!"]
            with self.subTest(node=node):
                done = subprocess.run(edit, capture_output=True, text=True, timeout=60, env=cloud.env, stdin=subprocess.DEVNULL)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertEqual(cloud.mccli("exec", node, "--", "cat", "/srv/note").stdout, f"{node} was here\n")

    def test_a_port_of_the_vm_is_one_of_this_machine(self):
        cloud = self.cloud
        cloud.create("--name", "box")
        port = loopback.free_address("127.0.0.1")[1]
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
