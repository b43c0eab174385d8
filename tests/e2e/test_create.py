"""What create can do besides making a VM: placement, --dry-run, --all-or-nothing, --setup."""

import os
import re
import unittest

from cloud import CloudTest, wait_until

SETUP = """#!/bin/bash
set -e
echo setting up $HOSTNAME as $(whoami) in $PWD with $GREETING
if [ -e /root/ran ]; then exit 9; fi
sleep 1
echo "$GREETING" >/root/ran
"""


class Create(CloudTest):
    def setUp(self):
        super().setUp()
        self.cloud = self.new_cloud()
        self.cloud.start_worker("node-a", slots=3)
        self.cloud.start_worker("node-b", slots=3, labels=("disk=ssd",))

    def placed(self, *argv):
        return [vm["node"] for vm in self.cloud.create("-m", "64M", *argv)]

    def script(self, text):
        path = f"{self.cloud.dir}/setup.sh"
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def test_placement(self):
        cloud = self.cloud
        self.assertEqual(self.placed("{a1,a2}", "--policy", "pack"), ["node-a", "node-a"])
        self.assertEqual(self.placed("{b1,b2}", "--policy", "spread"), ["node-b", "node-b"])
        self.assertEqual(self.placed("-n1", "--prefer", "disk=ssd"), ["node-b"])
        self.assertEqual(self.placed("-n1", "--policy", "least-loaded"), ["node-a"])
        sheet = f"{cloud.dir}/nobody.csv"
        full = cloud.mccli("create", "--require", "disk=ssd", "--sheet", sheet, check=False)
        self.assertEqual(full.returncode, 6)
        self.assertFalse(os.path.exists(sheet), "nothing was made that could be on it")
        self.assertIn("node-a: it has no label disk=ssd; node-b: all its 3 slots are used", full.stderr)
        self.assertEqual(cloud.mccli("create", "--policy", "best", check=False).returncode, 2)

    def test_dry_run(self):
        cloud = self.cloud
        shown = cloud.mccli("create", "lab-{1..3}", "--require", "disk=ssd", "--dry-run")
        self.assertRegex(shown.stdout, r"lab-3 +node-b\n")
        self.assertRegex(shown.stdout, r"node-a +0  it has no label disk=ssd\nnode-b +3  all its 3 slots are used\n")
        over = cloud.mccli("create", "lab-{1..4}", "--require", "disk=ssd", "--dry-run", check=False)
        self.assertEqual(over.returncode, 7)
        self.assertIn("lab-4", over.stderr)
        self.assertEqual(cloud.vms(), {})
        self.assertEqual(cloud.containers(), [])

    def test_all_or_nothing(self):
        cloud = self.cloud
        over = cloud.mccli("create", "lab-{1..7}", "--all-or-nothing", check=False)
        self.assertEqual(over.returncode, 6)
        self.assertIn("none is made, as 1 of 7 can't be", over.stderr)
        self.assertEqual(cloud.vms(), {})

        flaky = self.script("#!/bin/sh\n[ $(hostname) = lab-1 ] || { echo no luck; exit 3; }\n")
        half = cloud.mccli("create", "lab-{1..2}", "--all-or-nothing", "--setup", flaky, check=False)
        self.assertEqual(half.returncode, 1)
        self.assertIn("lab-1 was made and removed again, as another failed", half.stderr)
        self.assertIn("no luck", half.stderr)
        self.assertEqual(cloud.vms(), {})
        cloud.wait_removed()
        self.assertEqual(len(cloud.create("lab-{1..2}", "--all-or-nothing")), 2)

    def test_setup(self):
        cloud = self.cloud
        cloud.create("box", "--setup", self.script(SETUP), "--env", "GREETING=hi")
        self.assertEqual(cloud.mccli("ssh", "box", "--", "cat", "ran").stdout.strip(), "hi")
        self.assertIn("setting up box as root in /root with hi\n", cloud.mccli("logs", "box").stdout)
        self.assertEqual(cloud.mccli("exec", "box", "--", "ls", "/etc/minicloud").stdout, "")
        cloud.mccli("restart", "box")
        self.assertEqual(cloud.mccli("ssh", "box", "--", "cat", "ran").stdout.strip(), "hi", "it is run once")

        failed = cloud.mccli("create", "sad", "--setup", "-", stdin="#!/bin/sh\necho nothing here\nexit 5\n", check=False)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("nothing here", failed.stderr)
        self.assertIn("the set-up script ended with code 5", failed.stderr)
        self.assertEqual(set(cloud.vms()), {"box"})
        for script, why in (("exit 0\n", "begins with #!"), ("#!" + "x" * 70000, "at most 64 KiB")):
            refused = cloud.mccli("create", "--setup", self.script(script), check=False)
            self.assertEqual(refused.returncode, 2)
            self.assertIn(why, refused.stderr)
        slow = cloud.mccli("create", "slow", "--timeout", "10s", "--setup", self.script("#!/bin/sh\nsleep 60\n"), check=False)
        self.assertEqual(slow.returncode, 5)
        request = re.search("mccli job ([0-9a-f]{32})", slow.stderr)[1]
        wait_until("it is given up", lambda: cloud.json("job", request)["done"], 20)
        self.assertIn("what its set-up script waits for", cloud.json("job", request)["items"][0]["error"]["message"])
        self.assertEqual(len(cloud.containers()), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
