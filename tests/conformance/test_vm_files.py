"""mccli apply, diff and delete --file, on a real broker with a worker in Python."""

import csv
import io
import json
import subprocess
import unittest

from cloud import BIN, SLOWNESS, wait_for
from test_command_lines import WithVms
from test_key_commands import WORKER, CommandTest
from test_keys_and_audit import USER

LAB = """
defaults:
  memory: 256M
  labels: {class: unix1}
vms:
  - name: lab-{1..3}
  - name: web
    cpus: 2
    labels: {tier: front}
"""


class FileTest(WithVms):
    def setUp(self):
        super().setUp()
        self.path = self.cloud.folder / "lab.yaml"
        self.write(LAB)

    def write(self, text):
        self.path.write_text(text)

    def on_file(self, verb, *argv, **options):
        return self.mccli(verb, "-f", self.path, *argv, **options)

    def actions(self, *argv, code):
        plan = json.loads(self.on_file("diff", "-o", "json", *argv, code=code).stdout)
        return {item["name"]: item["action"] for item in plan}

    def statuses(self, *argv, code=0):
        done = json.loads(self.on_file("apply", "-o", "json", *argv, code=code).stdout)
        return {item["name"]: item["status"] for item in done}


class Files(FileTest):
    def test_apply_makes_what_is_missing_once(self):
        self.assertEqual(set(self.actions(code=1).values()), {"create"})
        done = self.on_file("apply")
        self.assertIn("4 to create\n", done.stdout)
        self.assertEqual(self.names(), ["lab-1", "lab-2", "lab-3", "web"])
        web = self.json("info", "web")
        self.assertEqual((web["cpus"], web["memory_bytes"]), (2.0, 256 << 20))
        self.assertEqual(web["labels"], {"tier": "front", "class": "unix1"}, "its own, and the defaults'")
        orders = len(self.worker.orders)
        self.assertIn("4 unchanged\n", self.on_file("apply").stdout)
        self.assertEqual(set(self.statuses().values()), {"unchanged"})
        self.assertEqual(len(self.worker.orders), orders, "nothing was done")
        self.assertEqual(set(self.actions(code=0).values()), {"unchanged"})
        self.assertEqual(self.on_file("diff", "-q").stdout, "")

    def test_what_was_deleted_by_hand_is_made_again(self):
        self.on_file("apply", "-q")
        self.mccli("delete", "lab-2")
        self.assertEqual(self.on_file("diff", "-o", "name", code=1).stdout, "lab-2\n")
        self.assertEqual(self.on_file("apply", "-q").stdout, "lab-2\n")
        self.mccli("stop", "lab-2")
        self.on_file("diff")
        self.assertEqual(self.json("info", "lab-2")["state"], "stopped", "a person wanted it so")

    def test_what_differs_is_replaced_only_when_that_is_said(self):
        self.on_file("apply", "-q")
        before = self.json("info", "web")["id"]
        self.write(LAB.replace("cpus: 2", "cpus: 4").replace("{1..3}", "{1..4}"))
        self.assertEqual(self.actions(code=1)["web"], "differs")
        (web,) = [i for i in json.loads(self.on_file("diff", "-o", "json", code=1).stdout) if i["name"] == "web"]
        self.assertEqual(web["differences"], [{"field": "cpus", "is": "2", "wanted": "4"}])
        done = self.on_file("apply", code=7)
        self.assertIn("web is there and differs in cpus", done.stderr)
        self.assertEqual(self.json("info", "web")["id"], before)
        self.assertIn("lab-4", self.names(), "the others are not kept from it")
        self.assertIn("-y", self.on_file("apply", "--replace", code=2).stderr, "there is nobody to ask")
        self.assertEqual(self.actions("--replace", code=1)["web"], "replace")
        statuses = self.statuses("--replace", "-y")
        self.assertEqual((statuses["web"], statuses["lab-4"]), ("replaced", "unchanged"))
        web = self.json("info", "web")
        self.assertEqual((web["cpus"], web["state"]), (4.0, "running"))
        self.assertNotEqual(web["id"], before)
        self.write("vms: [{name: web, cpus: 8}]")
        self.on_file("apply", code=1)

    def test_deletes_are_asked_about_on_a_terminal(self):
        self.on_file("apply", "-q")
        self.write(LAB.replace("cpus: 2", "cpus: 4"))
        shown, code = self.on_terminal("apply", "-f", self.path, "--replace", typed="n\n")
        self.assertIn("delete 1 VM: web? [y/N]", shown)
        self.assertEqual((code, self.json("info", "web")["cpus"]), (1, 2.0))
        self.assertEqual(self.on_terminal("apply", "-f", self.path, "--replace", typed="y\n")[1], 0)
        self.assertEqual(self.json("info", "web")["cpus"], 4.0)

    def test_what_is_no_longer_in_the_file_is_deleted_only_with_prune(self):
        self.on_file("apply", "-q")
        self.create("other")
        self.write(LAB.replace("lab-{1..3}", "lab-1"))
        self.on_file("diff")
        self.assertEqual(self.actions("--prune", "class=unix1", code=1)["lab-2"], "delete")
        self.assertIn("-y", self.on_file("apply", "--prune", "class=unix1", code=2).stderr)
        statuses = self.statuses("--prune", "class=unix1", "-y")
        self.assertEqual(statuses, {"lab-1": "unchanged", "web": "unchanged", "lab-2": "deleted", "lab-3": "deleted"})
        self.assertEqual(self.names(), ["lab-1", "other", "web"])
        self.on_file("apply", "--prune", "", code=2)

    def test_part_of_it_fails(self):
        self.write(LAB + "  - {name: bad, image: missing}\n")
        done = self.on_file("apply", code=7)
        self.assertIn("bad", done.stderr)
        self.assertEqual(self.names("--state", "running"), ["lab-1", "lab-2", "lab-3", "web"])
        self.assertEqual(self.on_file("diff", "-q", code=1).stdout, "bad\n", "it is not there, and can be tried again")
        self.write("vms: [{name: bad, image: missing}]")
        self.on_file("apply", code=1)

    def test_more_than_there_is_room_for(self):
        self.write("vms: [{name: 'lab-{1..14}'}]")
        done = self.on_file("apply", "-o", "json", code=7)
        statuses = [item["status"] for item in json.loads(done.stdout)]
        self.assertEqual((statuses.count("created"), statuses.count("failed")), (12, 2))

    def test_dry_run_does_nothing(self):
        done = self.on_file("apply", "--dry-run")
        self.assertIn("4 to create", done.stdout)
        self.assertEqual(self.names(), [])

    def test_delete_by_file(self):
        self.on_file("apply", "-q")
        self.create("other")
        self.mccli("delete", "lab-1")
        self.assertIn("-y", self.on_file("delete", code=2).stderr)
        done = self.on_file("delete", "-y")
        self.assertEqual(done.stdout, "lab-2 deleted\nlab-3 deleted\nweb deleted\n")
        self.assertIn("1 of the file's 4 VMs are not there", done.stderr)
        self.assertEqual(self.names(), ["other"])
        self.assertIn("nothing to delete", self.on_file("delete", "-y").stderr)
        self.on_file("delete", "other", code=2)
        self.on_file("delete", "--all", code=2)
        self.assertIn("--yes", self.mccli("delete", "-f", "other", code=2).stderr, "where -f once was --force")

    def test_stdin(self):
        argv = [BIN / "mccli", "--broker", self.cloud.clients, "apply", "-q", "-f", "-"]
        run = lambda text: subprocess.run(
            argv, input=text, capture_output=True, text=True, env=self.cloud.env(), timeout=30 * SLOWNESS
        )
        self.assertEqual(run(LAB).stdout.split(), ["lab-1", "lab-2", "lab-3", "web"])
        wrong = run(LAB.replace("cpus", "cpu"))
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("stdin:8: a VM has no field \"cpu\"; did you mean cpus?", wrong.stderr)

    def test_passwords_and_keys(self):
        folder = self.cloud.folder / "class"
        folder.mkdir()
        self.path = folder / "lab.yaml"
        (folder / "ada.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA ada\n")
        self.write("defaults: {keys: ada.pub}\nvms: [{name: a, password: true}, {name: b}]")
        sheet = folder / "sheet.csv"
        done = self.on_file("apply", "--sheet", sheet)
        rows = {row["name"]: row for row in csv.DictReader(io.StringIO(sheet.read_text()))}
        self.assertEqual((len(rows["a"]["password"]) >= 16, rows["b"]["password"]), (True, ""))
        self.assertNotIn(rows["a"]["password"], done.stdout + done.stderr)
        specs = [order.spec for verb, _, order in self.worker.orders if verb == "vm_create"]
        self.assertEqual([spec.authorized_keys for spec in specs], [["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA ada"]] * 2)
        self.assertEqual(sorted(bool(spec.password_hash) for spec in specs), [False, True])
        self.assertIn("no sheet", self.on_file("apply", "--sheet", sheet).stderr, "and the other one is kept")
        self.write("vms: [{name: c, password: true}, {name: d, keys: bob.pub}]")
        self.on_file("apply", "--sheet", sheet, code=2)
        self.assertNotIn("c", self.names(), "what can fail before does")
        self.write("vms: [{name: c, password: true}]")
        (made,) = json.loads(self.on_file("apply", "-o", "json").stdout)
        self.assertGreaterEqual(len(made["password"]), 16)

    def test_codes_of_diff(self):
        self.on_file("diff", code=1)
        self.mccli("diff", code=2)
        self.mccli("diff", self.path, code=2)
        self.mccli("diff", "-f", self.cloud.folder / "nosuch", code=2)
        self.mccli("diff", "-f", self.cloud.folder, code=2)
        self.write("vms: 7")
        self.on_file("diff", code=2)
        self.write("vms: []")
        self.assertIn("no VMs", self.on_file("diff").stderr)
        argv = ("--broker", "tcp://127.0.0.1:1", "--connect-timeout", "200ms")
        self.on_file("diff", *argv, code=3)

    def test_interrupted_and_repeated(self):
        self.write("vms: [{name: 'lab-{1..2}', image: slow}]")
        process = self.start("apply", "-f", self.path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        wait_for(lambda: self.worker.orders, "it is under way")
        process.send_signal(2)
        process.communicate(timeout=20 * SLOWNESS)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(set(self.statuses().values()), {"unchanged"})
        self.worker.finish_slow.set()
        wait_for(lambda: len(self.names("--state", "running")) == 2, "they run in the end")
        self.assertEqual(len(self.names()), 2)


class Owners(CommandTest):
    with_keys = True

    def test_a_file_is_about_ones_own_vms(self):
        self.cloud.worker("node-a", 1, keys=self.cloud.keys("node-a", WORKER))
        self.mccli("join", self.cloud.token_text(self.cloud.token(USER, "ada")), "--as", "ada")
        self.mccli("create", "web", "--context", "ada")
        path = self.cloud.folder / "web.yaml"
        path.write_text("vms: [{name: web, cpus: 2}]")
        admin = ("--context", self.cloud.admin_file)
        self.assertEqual(self.json("diff", "-f", path, *admin, code=1)[0]["action"], "create")
        self.mccli("apply", "-f", path, *admin)
        self.assertEqual(self.json("diff", "-f", path, "--context", "ada", code=1)[0]["action"], "differs")
        self.mccli("delete", "-f", path, "-y", *admin)
        self.assertEqual([vm["owner"] for vm in self.json("list", *admin)], ["ada"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
