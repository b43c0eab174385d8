"""The main job, as a person does it: create, list, info, ssh, exec, stop, start, logs, delete, watch."""

import json
import os
import pathlib
import re
import subprocess
import unittest

from cloud import IMAGE, CloudTest, wait_until

# Their numbers in Linux (linux/capability.h).
CAPABILITIES = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7,
                "NET_BIND_SERVICE": 10, "SYS_CHROOT": 18, "AUDIT_WRITE": 29}


class MainJob(CloudTest):
    def setUp(self):
        super().setUp()
        self.new_cloud()
        self.cloud.start_worker("node-a")
        self.cloud.start_worker("node-b")

    def test_create_list_ssh_exec_delete(self):
        cloud = self.cloud
        watch = cloud.watch("--since", "0")
        vm = cloud.create()
        # The ancestor's fields, under the ancestor's names.
        self.assertEqual(vm["status"], "created")
        self.assertEqual(vm["name"], "vm-1")
        self.assertEqual(vm["ssh_host"], "127.0.0.1")
        self.assertGreater(vm["ssh_port"], 0)
        self.assertEqual(vm["username"], "root")
        self.assertIsNone(vm["password"])
        self.assertTrue(vm["host_key"].startswith("ssh-ed25519 "))

        listed = cloud.vms()
        self.assertEqual(list(listed), ["vm-1"])
        self.assertEqual(listed["vm-1"]["state"], "running")
        self.assertEqual(cloud.json("info", "vm-1")["id"], vm["id"])
        self.assertIn("vm-1", cloud.mccli("list").stdout)

        done = cloud.mccli("ssh", "vm-1", "--", "hostname")
        self.assertEqual(done.stdout.strip(), "vm-1")
        self.assertEqual(cloud.mccli("ssh", "vm-1", "--", "exit 7", check=False).returncode, 7)
        with open(f"{cloud.env['XDG_STATE_HOME']}/minicloud/known_hosts", encoding="utf-8") as known:
            self.assertIn(vm["host_key"], known.read())

        self.assertEqual(cloud.mccli("exec", "vm-1", "--", "cat", "/etc/hostname").stdout.strip(), "vm-1")
        failed = cloud.mccli("exec", "vm-1", "--", "sh", "-c", "echo out; echo err >&2; exit 3", check=False)
        self.assertEqual((failed.returncode, failed.stdout, failed.stderr), (3, "out\n", "err\n"))
        for verb, line, code in (("exec", ["sh", "-c", "kill -9 $$"], 137), ("exec", ["/etc/hostname"], 126), ("ssh", ["nosuch"], 127)):
            self.assertEqual(cloud.mccli(verb, "vm-1", "--", *line, check=False).returncode, code, f"{verb} {line}")
        piped = cloud.mccli("exec", "-i", "vm-1", "--", "wc", "-c", stdin="x" * 300_000)
        self.assertEqual(piped.stdout.strip(), "300000")

        self.assertIn("vm-1", cloud.mccli("delete", "vm-1").stdout)
        self.assertEqual(cloud.vms(), {})
        cloud.wait_removed()
        cloud.wait_event(watch, kind="vm.deleted")
        kinds = [e["kind"] for e in cloud.events(watch) if e["kind"].startswith("vm.")]
        self.assertEqual(kinds, ["vm.creating", "vm.running", "vm.deleting", "vm.deleted"])
        numbers = [e["seq"] for e in cloud.events(watch)]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_plain_ssh_works_with_the_host_key_that_create_returned(self):
        cloud = self.cloud
        vm = cloud.create()
        known = f"{cloud.dir}/known"
        with open(known, "w") as out:
            out.write(f"[{vm['ssh_host']}]:{vm['ssh_port']} {vm['host_key']}\n")
        done = subprocess.run(
            ["ssh", "-F", "none", "-i", f"{cloud.dir}/home/.ssh/id_ed25519", "-o", f"UserKnownHostsFile={known}",
             "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-p", str(vm["ssh_port"]),
             f"root@{vm['ssh_host']}", "id -un"],
            capture_output=True, text=True, timeout=30)
        self.assertEqual(done.stdout.strip(), "root", done.stderr)

    def test_password_is_shown_once_and_works(self):
        cloud = self.cloud
        vm = cloud.create("--password")
        self.assertGreaterEqual(len(vm["password"]), 12)
        known = f"{cloud.dir}/known"
        with open(known, "w") as out:
            out.write(f"[{vm['ssh_host']}]:{vm['ssh_port']} {vm['host_key']}\n")
        login = ["sshpass", "-e", "ssh", "-F", "none", "-o", f"UserKnownHostsFile={known}", "-o",
                 "PreferredAuthentications=password", "-p", str(vm["ssh_port"]), f"root@{vm['ssh_host']}", "id -un"]
        done = subprocess.run(login, capture_output=True, text=True, timeout=30,
                              env={**os.environ, "SSHPASS": vm["password"]})
        self.assertEqual(done.stdout.strip(), "root", done.stderr)
        self.assertNotIn(vm["password"], json.dumps(cloud.json("info", "vm-1")))
        for folder, _, files in os.walk(cloud.dir):
            for name in files:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as content:
                        self.assertNotIn(vm["password"].encode(), content.read(), path)

    def test_stop_start_restart_and_logs(self):
        cloud = self.cloud
        first = cloud.create("--name", "box")
        cloud.mccli("stop", "box")
        self.assertEqual(cloud.vms()["box"]["state"], "stopped")
        refused = cloud.mccli("ssh", "box", "--", "true", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("mccli start box", refused.stderr)
        cloud.mccli("start", "box")
        self.assertEqual(cloud.mccli("ssh", "box", "--", "hostname").stdout.strip(), "box")
        cloud.mccli("restart", "box")
        again = cloud.vms()["box"]
        self.assertEqual(again["host_key"], first["host_key"])
        self.assertEqual(cloud.mccli("ssh", "box", "--", "hostname").stdout.strip(), "box")
        self.assertIn("Server listening", cloud.mccli("logs", "box").stdout + cloud.mccli("logs", "box").stderr)

    def test_limits_env_and_labels_arrive(self):
        cloud = self.cloud
        vm = cloud.create("--cpus", "0.5", "--memory", "256M", "--pids", "100", "--env", "COLOUR=blue", "--label",
                          "course=os")
        engine = cloud.engines[vm["node"]]
        details = json.loads(engine.docker("inspect", cloud.containers()[0]))[0]
        host = details["HostConfig"]
        self.assertEqual(host["NanoCpus"], 500_000_000)
        self.assertEqual(host["Memory"], 256 << 20)
        self.assertEqual(host["MemorySwap"], 256 << 20)
        self.assertEqual(host["PidsLimit"], 100)
        self.assertFalse(host["Privileged"])
        self.assertFalse(host["Binds"])
        self.assertEqual(cloud.mccli("exec", "vm-1", "--", "printenv", "COLOUR").stdout.strip(), "blue")
        self.assertEqual(cloud.vms()["vm-1"]["labels"], {"course": "os"})

    def test_a_vm_has_the_rights_that_are_documented(self):
        cloud = self.cloud
        cloud.create("--name", "box")
        told = cloud.mccli("exec", "box", "--", "cat", "/proc/1/status").stdout
        status = dict(line.split(":\t", 1) for line in told.splitlines() if ":\t" in line)
        security = (pathlib.Path(__file__).parents[2] / "docs/security.md").read_text(encoding="utf-8")
        named = re.search(r"all dropped but ([A-Z_, ]+) \(", security).group(1).split(", ")
        self.assertEqual(int(status["CapBnd"], 16), sum(1 << CAPABILITIES[name] for name in named), named)
        self.assertEqual(status["Seccomp"], "2")  # a filter
        self.assertEqual(status["NoNewPrivs"], "0")  # sudo works
        # No packets in a neighbour's name; pings all the same.
        sockets = ("perl", "-MSocket", "-e", "print socket(my $s, $ARGV[0], $ARGV[1], $ARGV[2]) ? 'yes' : 'no'")
        raw = cloud.mccli("exec", "box", "--", *sockets, "17", "3", "768")  # AF_PACKET, SOCK_RAW, ETH_P_ALL
        self.assertEqual(raw.stdout, "no")
        ping = cloud.mccli("exec", "box", "--", *sockets, "2", "2", "1")  # AF_INET, SOCK_DGRAM, ICMP
        self.assertEqual(ping.stdout, "yes")

    def test_a_vm_without_sshd_is_entered_through_exec(self):
        cloud = self.cloud
        engine = cloud.engines["node-a"]
        # A plain image: a shell, nothing else, no exposed port.
        context = f"{cloud.dir}/plain"
        os.mkdir(context)
        with open(f"{context}/Dockerfile", "w") as out:
            out.write(f"FROM {IMAGE}\n")
        tag = "minicloud-test/plain:latest"
        name = f"mc-plain-{os.getpid()}"
        engine.docker("create", "--name", name, IMAGE, "true")
        try:
            engine.docker("export", "-o", f"{context}/rootfs.tar", name)
            engine.docker("import", "-c", 'CMD ["/bin/bash"]', f"{context}/rootfs.tar", tag)
        finally:
            engine.docker("rm", "-f", name)
        self.addCleanup(engine.docker, "rmi", "-f", tag, check=False)
        vm = cloud.create("--image", tag, "--name", "plain")
        self.assertIsNone(vm["ssh_port"])
        self.assertEqual(cloud.mccli("ssh", "plain", "--", "hostname").stdout.strip(), "plain")

    def test_batch_has_a_result_per_vm(self):
        cloud = self.cloud
        vms = cloud.json("create", "-n", "4")
        self.assertEqual([vm["name"] for vm in vms], ["vm-1", "vm-2", "vm-3", "vm-4"])
        self.assertEqual(sorted(vm["node"] for vm in vms), ["node-a", "node-a", "node-b", "node-b"])
        self.assertEqual(len({vm["host_key"] for vm in vms}), 4)
        part = cloud.mccli("delete", "vm-1", "nobody", "vm-2", check=False)
        self.assertEqual(part.returncode, 7, part.stderr)
        self.assertIn("nobody", part.stderr)
        self.assertEqual(sorted(cloud.vms()), ["vm-3", "vm-4"])

    def test_each_worker_keeps_to_its_own_vms(self):
        cloud = self.cloud
        cloud.json("create", "-n", "4")
        cloud.workers["node-a"].kill()
        cloud.wait_node("node-a", "silent")
        wait_until("its VMs are unknown", lambda: "unknown" in {vm["state"] for vm in cloud.vms().values()})
        mine = [vm for vm in cloud.vms().values() if vm["node"] == "node-b"]
        self.assertEqual([vm["state"] for vm in mine], ["running", "running"])
        lost = [vm for vm in cloud.vms().values() if vm["node"] == "node-a"]
        self.assertEqual([vm["state"] for vm in lost], ["unknown", "unknown"])
        self.assertEqual(len(cloud.containers("status=running")), 4)
        cloud.start_worker("node-a")
        wait_until("all run again", lambda: {vm["state"] for vm in cloud.vms().values()} == {"running"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
