"""A file of VMs (docs/vm-files.md), as a class's teacher uses it: diff, apply, delete --file."""

import datetime
import json
import unittest

from cloud import SharedCloudTest, wait_until
from terminal import terminal_of

LAB = """
defaults:
  memory: 128M
  labels: {class: unix1}
vms:
  - name: lab-{1..2}
    cpus: 0.5
    ttl: 2h
  - name: handin
    memory: 256M
    node: node-b
    labels: {role: handin}
    env: {DEADLINE: "18:00"}
"""


class VmFiles(SharedCloudTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for node in ("node-a", "node-b"):
            cls.cloud.start_worker(node)

    def setUp(self):
        super().setUp()
        self.write(LAB)

    def write(self, text):
        with open(f"{self.cloud.dir}/lab.yaml", "w") as file:
            file.write(text)

    def on_file(self, verb, *argv, code=0):
        done = self.cloud.mccli(verb, "-f", f"{self.cloud.dir}/lab.yaml", *argv, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def ids(self):
        return {name: vm["id"] for name, vm in self.cloud.vms().items()}

    def logged_in(self, name, command="hostname"):
        return self.cloud.mccli("ssh", name, "--", command).stdout.strip()

    def test_what_a_file_says_is_made_once_and_deleted(self):
        cloud = self.cloud
        other = cloud.create("--name", "other")
        shown = self.on_file("diff", code=1).stdout
        self.assertRegex(shown, r"(?m)^handin +create$")
        self.assertIn("\n3 to create\n", shown)
        self.assertEqual(list(cloud.vms()), ["other"], "diff does nothing")

        begun = datetime.datetime.now(datetime.timezone.utc)
        self.on_file("apply")
        vms = cloud.vms()
        self.assertEqual(sorted(vms), ["handin", "lab-1", "lab-2", "other"])
        self.assertEqual({vm["state"] for vm in vms.values()}, {"running"})
        lives = datetime.datetime.fromisoformat(vms["lab-2"]["expires"]) - begun
        self.assertAlmostEqual(lives.total_seconds(), 2 * 3600, delta=60)
        self.assertIsNone(vms["handin"]["expires"])
        self.assertEqual(vms["handin"]["node"], "node-b")
        self.assertEqual(vms["handin"]["labels"], {"class": "unix1", "role": "handin"})
        made = json.loads(cloud.engines["node-a"].docker("inspect", vms["lab-1"]["container"], vms["handin"]["container"]))
        self.assertEqual([(one["HostConfig"]["NanoCpus"], one["HostConfig"]["Memory"]) for one in made],
                         [(500_000_000, 128 << 20), (vms["handin"]["cpus"] * 1e9, 256 << 20)])
        self.assertEqual(self.logged_in("lab-2"), "lab-2")
        self.assertEqual(cloud.mccli("exec", "handin", "--", "printenv", "DEADLINE").stdout, "18:00\n")

        events = cloud.json("version")["last_event"]
        containers = sorted(cloud.containers())
        self.assertIn("\n3 unchanged\n", self.on_file("diff").stdout)
        self.assertIn("\n3 unchanged\n", self.on_file("apply").stdout)
        self.assertEqual((self.ids(), sorted(cloud.containers())), ({name: vm["id"] for name, vm in vms.items()}, containers))
        self.assertEqual(cloud.json("version")["last_event"], events, "nothing happened")

        self.assertIn("-y", self.on_file("delete", code=2).stderr, "there is nobody to ask")
        self.assertEqual(self.on_file("delete", "-y").stdout, "lab-1 deleted\nlab-2 deleted\nhandin deleted\n")
        self.assertEqual(self.ids(), {"other": other["id"]})
        cloud.wait_removed(cloud.vms()["other"]["container"])

    def test_what_differs_is_replaced_when_a_person_says_so(self):
        self.on_file("apply", "-q")
        before = self.ids()
        self.logged_in("lab-1", "touch work")
        self.write(LAB.replace("cpus: 0.5", "cpus: 0.25").replace("{1..2}", "{1..3}"))
        shown = self.on_file("diff", code=1).stdout
        self.assertRegex(shown, r"(?m)^lab-1 +differs +running +cpus: 0\.5, wanted 0\.25$")
        self.assertIn("\n1 to create, 2 differ, 1 unchanged\n", shown)
        self.assertIn("apply --replace", self.on_file("apply", code=7).stderr)
        self.assertEqual({name: vm for name, vm in self.ids().items() if name != "lab-3"}, before)
        self.assertEqual(self.logged_in("lab-1", "ls"), "work")

        t = terminal_of(self, self.cloud)
        for answer, code in (("n", 1), ("y", 0)):
            t.type(f"clear; mccli apply --replace -f {self.cloud.dir}/lab.yaml")
            t.wait(r"delete 2 VMs: lab-1, lab-2\? \[y/N\]\Z")
            t.type(answer)
            t.ends_with(code)
            self.assertEqual(self.ids()["lab-1"] == before["lab-1"], answer == "n")
        self.assertEqual(self.ids()["handin"], before["handin"])
        self.assertEqual(self.logged_in("lab-1", "hostname; ls"), "lab-1", "another one, empty")
        self.assertEqual(self.cloud.vms()["lab-1"]["cpus"], 0.25)
        self.on_file("diff")

    def test_what_left_the_file_is_deleted_with_prune_only(self):
        self.on_file("apply", "-q")
        self.cloud.create("--name", "other", "--label", "class=unix2")
        self.write(LAB.replace("lab-{1..2}", "lab-2"))
        self.on_file("diff")
        self.assertRegex(self.on_file("diff", "--prune", "class=unix1", code=1).stdout, r"(?m)^lab-1 +delete +running +not in the file$")
        self.assertIn("-y", self.on_file("apply", "--prune", "class=unix1", code=2).stderr)
        self.assertIn("lab-1 deleted\n", self.on_file("apply", "--prune", "class=unix1", "-y").stdout)
        self.assertEqual(sorted(self.ids()), ["handin", "lab-2", "other"])
        self.cloud.wait_removed(*(vm["container"] for vm in self.cloud.vms().values()))

    def test_half_of_it_fails(self):
        self.write(LAB.replace("128M", "128M\n  image: minicloud/vm").replace("node: node-b", "image: nowhere.invalid/none:1"))
        self.assertIn("nowhere.invalid/none:1", self.on_file("apply", code=7).stderr)
        self.assertEqual(sorted(self.ids()), ["lab-1", "lab-2"])
        self.assertEqual(self.on_file("diff", "-q", code=1).stdout, "handin\n")
        before = self.ids()
        self.write(LAB)
        self.assertEqual(self.on_file("apply", "-q").stdout, "handin\n", "the rest of it, once that is mended")
        self.assertEqual({name: vm for name, vm in self.ids().items() if name != "handin"}, before)
        self.write("vms: [{name: a, memory: much}]")
        self.on_file("apply", code=2)
        wait_until("no more containers than VMs", lambda: len(self.cloud.containers()) == 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
