"""mccli doctor beside real troubles: each is found, said with what to do about it, and gone once that is done."""

import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import time
import unittest

from cloud import SANITIZER, SLOWNESS, OwnEngine, SharedCloudTest, wait_until
from terminal import terminal_of

FIELDS = ["check", "target", "state", "found", "next"]
# All there are; only of a broker whose store can't be written `store` is a failure that it tells itself.
CHECKS = ["context", "key_file", "state_dir", "openssh", "broker", "version", "clock", "store", "key", "events", "node", "engine", "disk", "room",
          "vm"]
# The clock of a machine that is wrong, for one program.
WRONG_CLOCK = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec* out) {
    int failed = syscall(SYS_clock_gettime, id, out);
    if (id == CLOCK_REALTIME) out->tv_sec += atoi(getenv("CLOCK_AHEAD_S"));
    return failed;
}
"""


class Doctor(SharedCloudTest):
    with_keys = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud.start_worker("node-a")

    def doctor(self, *argv, code, **options):
        """What is not well, without what is in `engines`: how an engine is run is this machine's own."""
        done = self.cloud.mccli("doctor", "-o", "json", *argv, check=False, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        checks = json.loads(done.stdout)
        for check in checks:
            self.assertEqual(list(check), FIELDS)
            self.assertEqual(check["next"] is None, check["state"] in ("ok", "not_asked"), check)
        self.seen = [check["check"] for check in checks]
        self.engines = {check["target"]: check for check in checks if check["check"] == "engine"}
        return {
            (check["check"], check["target"]): check
            for check in checks if check["state"] != "ok" and check["check"] != "engine"
        }

    def trouble(self, found, check, target, state, said, advice):
        one = found.get((check, target), {})
        self.assertEqual(one.get("state"), state, found)
        self.assertRegex(one["found"], said)
        self.assertRegex(one["next"], advice)
        return one["next"]

    def carry_out(self, command, **options):
        """As a person does who copies what is said."""
        verb, *argv = shlex.split(command)
        self.assertEqual(verb, "mccli")
        self.cloud.mccli(*argv, **options)

    def test_a_cloud_that_is_well(self):
        self.cloud.create("--name", "box")
        self.assertEqual(self.doctor(code=0), {})
        self.assertEqual(self.seen, CHECKS)
        documented = (pathlib.Path(__file__).parents[2] / "docs/cli.md").read_text(encoding="utf-8")
        for field in CHECKS:
            self.assertRegex(documented, rf"(?m)^\| `check` \|.*\b{field}\b")
        t = terminal_of(self, self.cloud, columns=80)
        t.type("clear; mccli doctor")
        t.wait(r"^vm +ok +1 VM, none failed or unknown$")
        t.ends_with(0)
        self.assertTrue(all(len(line) <= 80 for line in t.now().split("\n")), t.now())

    def test_no_node(self):
        self.new_cloud()
        self.trouble(self.doctor(code=1), "room", None, "failed", "no nodes", "start a worker .*: mcworker --broker")

    def test_a_silent_node(self):
        cloud = self.cloud
        cloud.create("--name", "box")
        worker = cloud.workers["node-a"]
        worker.signal(signal.SIGSTOP)
        self.addCleanup(cloud.wait_node, "node-a", "ready")
        self.addCleanup(worker.signal, signal.SIGCONT)
        cloud.wait_node("node-a", "silent")
        found = self.doctor(code=1)
        self.trouble(found, "node", "node-a", "failed", "silent: nothing was heard of its worker for", "at 127.0.0.1: does mcworker run")
        self.trouble(found, "room", None, "failed", "no node is ready", "mccli nodes")
        self.carry_out(self.trouble(found, "vm", "box", "failed", "node-a is silent", ".*node-a.*").split(": ")[1])

    def test_a_cordoned_node(self):
        self.cloud.mccli("nodes", "cordon", "node-a")
        found = self.doctor(code=0)
        self.trouble(found, "room", None, "warning", "no node that is ready", "uncordon")
        self.carry_out(self.trouble(found, "node", "node-a", "warning", "^cordoned", "^mccli nodes uncordon node-a$"))
        self.assertEqual(self.doctor(code=0), {})

    def test_a_broker_that_hangs(self):
        self.cloud.broker.signal(signal.SIGSTOP)
        self.addCleanup(self.cloud.broker.signal, signal.SIGCONT)
        begun = time.monotonic()
        found = self.doctor("--connect-timeout", "1s", code=3)
        self.assertLess(time.monotonic() - begun, min(10 * SLOWNESS, 25), "not as long as its environment says")
        self.trouble(found, "broker", None, "failed", "takes the connection and does not answer", "it hangs.* systemctl status mcbroker")
        self.assertEqual(self.seen, CHECKS[:5])

    def test_an_engine_that_is_away(self):
        engine = OwnEngine("doc")
        self.addCleanup(engine.close)
        cloud = self.new_cloud()
        cloud.start_worker("node-a")
        cloud.start_worker("node-b", engine)
        engine.process.stop(60)
        cloud.wait_node("node-b", "not_ready")
        found = self.doctor(code=1)
        self.trouble(found, "node", "node-b", "failed", "^not ready: .*docker.sock", "^at 127.0.0.1: .*dockerd")
        self.assertEqual(list(found), [("node", "node-b")])
        engine.start_until_it_answers()
        cloud.wait_node("node-b", "ready")
        self.assertEqual(self.doctor(code=0), {})

    def node(self, cloud, name):
        return json.loads(cloud.mccli("nodes", "info", name, "-o", "json").stdout)

    def test_an_engine_that_takes_its_vms_with_it(self):
        engine = OwnEngine("liv")
        self.addCleanup(engine.close)
        cloud = self.new_cloud()
        cloud.start_worker("node-b", engine)
        self.assertEqual(self.doctor(code=0), {})
        off = {("engine", "node-b"): self.engines["node-b"]}
        advice = self.trouble(off, "engine", "node-b", "warning", "^live-restore is off: .* stops every VM", "systemctl reload docker$")
        self.assertIs(self.node(cloud, "node-b")["live_restore"], False)
        # As is said, for an engine that is no service of this machine's and has another file.
        config = pathlib.Path(engine.dir, "daemon.json")
        config.write_text("{" + re.search(r"put (.*) into /etc/docker/daemon.json", advice).group(1) + "}", encoding="utf-8")
        engine.process.stop(60)
        engine.start_until_it_answers("--config-file", str(config))
        wait_until("its worker has seen that", lambda: self.node(cloud, "node-b")["live_restore"])
        self.assertEqual(self.doctor(code=0), {})
        self.assertEqual([(check["target"], check["state"]) for check in self.engines.values()], [(None, "ok")])

    def test_a_disk_that_is_nearly_full(self):
        engine = OwnEngine("dsk")
        self.addCleanup(engine.close)
        cloud = self.new_cloud()
        cloud.start_worker("node-b", engine)
        self.assertEqual(self.doctor(code=0), {})
        data = f"{engine.dir}/data"
        said = self.node(cloud, "node-b")
        here = os.statvfs(data)
        self.assertEqual(said["disk_bytes"], here.f_blocks * here.f_frsize)
        self.assertAlmostEqual(said["disk_free_bytes"], here.f_bavail * here.f_frsize, delta=2 << 30)
        # A small disk over the engine's: nothing is made there meanwhile.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", data], check=True)
        self.addCleanup(subprocess.run, ["umount", data], check=False, capture_output=True)
        wait_until("its worker has looked again", lambda: self.node(cloud, "node-b")["disk_bytes"] == 1 << 30)
        self.trouble(self.doctor(code=0), "disk", "node-b", "warning", "^1G of 1G free where its engine keeps", "docker system df")
        subprocess.run(["fallocate", "-l", "900M", f"{data}/all"], check=True)
        wait_until("its worker has looked again", lambda: self.node(cloud, "node-b")["disk_free_bytes"] < 200 << 20)
        self.trouble(self.doctor(code=1), "disk", "node-b", "failed", "^12[0-9]M of 1G free", "mccli images --node node-b")
        subprocess.run(["umount", data], check=True)
        wait_until("its worker has looked again", lambda: self.node(cloud, "node-b")["disk_bytes"] > 1 << 30)
        self.assertEqual(self.doctor(code=0), {})

    def test_a_key_that_others_may_read(self):
        path = f"{self.cloud.env['XDG_CONFIG_HOME']}/minicloud/contexts/local.context"
        os.chmod(path, 0o644)
        self.addCleanup(os.chmod, path, 0o600)
        found = self.doctor(code=1)
        self.assertEqual(self.seen, ["context", "state_dir", "openssh"])
        advice = self.trouble(found, "context", None, "failed", "others may read it", "^run: chmod 600 .*join anew")
        subprocess.run(shlex.split(re.match("run: ([^;]*);", advice).group(1)), check=True)
        self.assertEqual(self.doctor(code=0), {})

    def joins(self, *argv, key_ttl):
        token = self.cloud.mccli("token", "create", "--role", "viewer", "--name", "eve", "--key-ttl", key_ttl, "-q").stdout.strip()
        self.cloud.mccli("join", token, *argv)

    def test_a_key_that_expires(self):
        as_eve = ("--context", "eve")
        self.joins("--as", "eve", key_ttl="2h")
        advice = self.trouble(self.doctor(*as_eve, code=0), "key", None, "warning", "as eve, role viewer, and expires in", "have an admin make")
        make, join = re.search(r"\((mccli token create .*)\), then: (mccli join TOKEN .*)", advice).groups()
        token = self.cloud.mccli(*shlex.split(make)[1:], "-q", "--key-ttl", "1s").stdout.strip()
        self.carry_out(join.replace("TOKEN", token))
        wait_until("it has expired", lambda: self.cloud.mccli("list", *as_eve, check=False).returncode == 1)
        self.trouble(self.doctor(*as_eve, code=1), "broker", None, "failed", "has expired", "ask an admin for a token .* and join")
        self.joins("--as", "eve", "--replace", key_ttl="30d")
        self.assertEqual(self.doctor(*as_eve, code=0), {})

    @unittest.skipIf(SANITIZER, "a sanitizer's own library has to be the first")
    def test_a_clock_that_is_wrong(self):
        source, library = f"{self.cloud.dir}/clock.c", f"{self.cloud.dir}/clock.so"
        pathlib.Path(source).write_text(WRONG_CLOCK)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        for ahead, said in (("630", "10m ahead of the broker's"), ("-7", "7s behind the broker's")):
            found = self.doctor(code=0, env={"LD_PRELOAD": library, "CLOCK_AHEAD_S": ahead})
            self.trouble(found, "clock", None, "warning", said, "timedatectl set-ntp true")


if __name__ == "__main__":
    unittest.main(verbosity=2)
