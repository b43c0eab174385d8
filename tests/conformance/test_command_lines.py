"""mccli as scripts and people use it, on a real broker with a worker in Python: choosing VMs, formats, exit codes."""

import csv
import io
import json
import os
import pty
import select
import signal
import socket
import subprocess
import time
import unittest

import minicloud_wire as wire
from cloud import BIN, SLOWNESS, wait_for
from test_key_commands import WORKER, CommandTest
from test_keys_and_audit import USER

NOBODY = "tcp://127.0.0.1:1"


class WithVms(CommandTest):
    def setUp(self):
        super().setUp()
        self.worker = self.cloud.worker("node-a", 1, slots=12, advertise="127.0.0.1")

    def create(self, *names, labels=()):
        for name in names:
            self.mccli("create", name, *(f"--label={label}" for label in labels))

    def names(self, *argv, **options):
        return self.mccli("list", "-q", *argv, **options).stdout.split()

    def start(self, *argv, **options):
        return subprocess.Popen([BIN / "mccli", "--broker", self.cloud.clients, *argv], env=self.cloud.env(), **options)

    def on_terminal(self, *argv, typed=""):
        """What it shows, and the exit code."""
        ours, theirs = pty.openpty()
        process = self.start(*argv, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown, end = "", time.monotonic() + 20 * SLOWNESS
        while time.monotonic() < end:
            if not select.select([ours], [], [], 0.1)[0]:
                if process.poll() is not None:
                    break
                continue
            try:
                shown += os.read(ours, 4096).decode(errors="replace")
            except OSError:
                break
            if typed and "[y/N]" in shown:
                os.write(ours, typed.encode())
                typed = ""
        os.close(ours)
        return shown, process.wait(20 * SLOWNESS)


class Choosing(WithVms):
    def test_list_is_filtered_and_sorted(self):
        self.create("lab-1", "lab-2", "lab-10", labels=["class=unix1"])
        self.create("web")
        self.mccli("stop", "web")
        self.assertEqual(self.names("lab-*", "--sort", "name:desc"), ["lab-10", "lab-2", "lab-1"])
        self.assertEqual(self.names("-l", "class=unix1,!keep", "--sort=name"), ["lab-1", "lab-2", "lab-10"])
        self.assertEqual(self.names("--state", "stopped"), ["web"])
        self.assertEqual(self.names("--node", "node-*", "--owner", "local", "w*"), ["web"])
        self.assertEqual(self.names("--node", "node-b"), [])
        self.assertIn("no VM fits", self.mccli("list", "x*").stderr)
        done = self.mccli("list", "-q", "web", "wbe", code=7)
        self.assertEqual(done.stdout, "web\n")
        self.assertIn("did you mean web?", done.stderr)
        self.mccli("list", "wbe", code=4)
        self.mccli("list", "-l", "", code=2)
        self.assertIn("did you mean name?", self.mccli("list", "--sort", "nmae", code=2).stderr)

    def test_actions_on_what_is_chosen(self):
        self.create("lab-1", "lab-2", labels=["class=unix1"])
        self.create("web", "db")
        for words in (["lab-*"], ["--all"], ["-l", "class=unix1"]):
            self.assertIn("-y", self.mccli("stop", *words, code=2).stderr, "there is nobody to ask")
        for words in ([], ["--all", "web"], ["-l", "a", "web"], ["-l", "", "-y"], ["-y"]):
            self.mccli("delete", *words, code=2)
        self.assertEqual(self.mccli("stop", "-l", "class=unix1", "-y").stdout, "lab-1 stopped\nlab-2 stopped\n")
        self.assertEqual(self.names("--state", "stopped"), ["lab-1", "lab-2"])
        done = self.mccli("start", "lab-?", "x-*", "-y", code=7)
        self.assertIn("x-*: no VM", done.stderr)
        self.assertEqual(self.names("--state", "running"), ["db", "lab-1", "lab-2", "web"])
        done = self.mccli("delete", "web", "nosuch", "lab-*", "-y", code=7)
        self.assertIn("nosuch", done.stderr)
        self.assertEqual(self.names(), ["db"])
        self.assertEqual(self.json("delete", "--all", "-y")[0]["name"], "db")
        self.assertEqual(self.names(), [])
        self.assertIn("no VM fits", self.mccli("delete", "--all", "-y").stderr)

    def test_several_are_asked_about_on_a_terminal(self):
        self.create("lab-1", "lab-2", "web")
        shown, code = self.on_terminal("delete", "lab-*", typed="n\n")
        self.assertIn("delete 2 VMs: lab-1, lab-2? [y/N]", shown)
        self.assertEqual(code, 1)
        self.assertEqual(len(self.names()), 3)
        self.assertEqual(self.on_terminal("delete", "lab-*", typed="y\n")[1], 0)
        shown, code = self.on_terminal("delete", "w*")
        self.assertNotIn("y/N", shown, "it is one")
        self.assertEqual((code, self.names()), (0, []))

    def test_list_watch_tells_each_change(self):
        self.create("web")
        out = self.cloud.folder / "watch"
        with open(out, "w") as file:
            process = self.start("list", "--watch", "-o", "json", stdout=file)
        states = lambda: [(vm["name"], vm["state"]) for vm in map(json.loads, out.read_text().rpartition("\n")[0].splitlines())]
        wait_for(lambda: states() == [("web", "running")], "what is there")
        self.mccli("stop", "web")
        wait_for(lambda: states()[-1] == ("web", "stopped"), "the change")
        self.mccli("delete", "web")
        wait_for(lambda: states()[-1] == ("web", "deleted"), "that it is gone")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10 * SLOWNESS), 0)

    def test_formats(self):
        self.create("web", labels=["a=b,c"])
        (row,) = csv.DictReader(io.StringIO(self.mccli("list", "-o", "csv").stdout))
        (vm,) = self.json("list")
        self.assertEqual(list(row), list(vm), "columns are the fields")
        self.assertEqual((row["name"], json.loads(row["labels"]), row["expires"]), ("web", {"a": "b,c"}, ""))
        self.assertEqual(self.mccli("nodes", "-o", "name").stdout, "node-a\n")
        self.assertIn("name: web\n", self.mccli("info", "web", "-o", "yaml").stdout)
        self.assertIn("  code: not_found\n", self.mccli("info", "wbe", "-o", "yaml", code=4).stderr)
        self.assertIn("error:\n", self.mccli("crate", "-o", "yaml", code=2).stderr)


class Placing(WithVms):
    def test_a_dry_run_says_where_and_makes_nothing(self):
        self.cloud.worker("node-b", 2, slots=1, advertise="127.0.0.1")
        (one, two) = json.loads(self.mccli("create", "{a,b}", "--dry-run", "-o", "json").stdout)
        self.assertEqual([one["node"], two["node"], one["error"]], ["node-a", "node-b", None])
        self.assertEqual(one["others"], [{"node": "node-b", "vms": 1, "reason": "all its 1 slots are used"}])
        self.assertEqual(self.names(), [])
        done = self.mccli("create", "-n", "2", "--node", "node-b", "--dry-run", code=7)
        self.assertIn("node node-b can't take it: all its 1 slots are used", done.stderr)
        self.mccli("create", "--require", "gpu=1", "--dry-run", code=6)
        self.assertIn("none is made", self.mccli("create", "-n", "2", "--node", "node-b", "--all-or-nothing", code=6).stderr)
        self.assertEqual(self.names(), [])

    def test_options_are_kept_in_a_file(self):
        ini = self.cloud.folder / "mccli.ini"
        ini.write_text("# mine\n")
        config = lambda *argv, **options: self.mccli("--config", ini, "config", *argv, **options)
        config("set", "create-label", "class=unix1")
        config("set", "quiet", "true")
        self.assertEqual(ini.read_text(), "# mine\ncreate-label = class=unix1\nquiet = true\n")
        self.mccli("--config", ini, "create", "web")
        self.assertEqual(json.loads(self.mccli("info", "web", "-o", "json").stdout)["labels"], {"class": "unix1"})
        self.assertEqual(config("get", "create-label").stdout, "class=unix1\n")
        config("unset", "create-label")
        config("get", "create-label", code=4)
        config("unset", "create-label", code=4)
        config("set", "create-labels", "x", code=2)
        config("set", "create-memory", "lots", code=2)
        self.assertEqual(ini.read_text(), "# mine\nquiet = true\n")


class Updating(WithVms):
    def test_ends_are_moved_and_names_changed(self):
        self.mccli("create", "lab-1", "--ttl", "1h")
        self.mccli("create", "lab-2")
        ends = lambda: {vm["name"]: vm["expires"] for vm in json.loads(self.mccli("list", "-o", "json").stdout)}
        before = ends()
        self.assertIsNone(before["lab-2"])
        done = self.mccli("extend", "lab-*", "-y", "--by", "2h", code=7)
        self.assertEqual(done.stdout, "lab-1 updated\n")
        self.assertIn("lab-2 has no end that could be later; give it one with: mccli extend lab-2 --ttl", done.stderr)
        self.assertGreater(ends()["lab-1"], before["lab-1"])
        self.mccli("extend", "--all", "-y", "--ttl", "30m")
        self.assertLess(ends()["lab-1"], before["lab-1"])
        self.mccli("extend", "lab-1", "--ttl", "never")
        self.assertIsNone(ends()["lab-1"])
        for odd in ([], ["--by", "1h", "--ttl", "1h"], ["--by", "never"], ["--ttl", "0s"]):
            self.mccli("extend", "lab-1", *odd, code=2)
        self.mccli("rename", "lab-1", "lab-2", code=1)
        self.assertIn("did you mean lab-1?", self.mccli("rename", "lba-1", "web", code=4).stderr)
        self.mccli("rename", "lab-1", "web")
        self.assertEqual(self.names(), ["lab-2", "web"])
        self.mccli("stop", "web")
        self.mccli("delete", "web")


class Looking(WithVms):
    def test_one_node_with_its_vms(self):
        self.create("web")
        shown = json.loads(self.mccli("nodes", "info", "node-a", "-o", "json").stdout)
        self.assertEqual((shown["name"], shown["slots"], [vm["name"] for vm in shown["vms"]]), ("node-a", 12, ["web"]))
        self.assertRegex(self.mccli("nodes", "info", shown["id"]).stdout, r"(?m)^vms: +1 of 12 slots$")
        self.assertIn("did you mean node-a?", self.mccli("nodes", "info", "nod-a", code=4).stderr)

    def test_watch_shows_what_is_asked_for(self):
        self.create("db", "web")
        watch = self.start("watch", "--since", "0", "-o", "json", "-f", "kind=vm.*", "--filter=name=web", stdout=subprocess.PIPE)
        try:
            shown = [json.loads(watch.stdout.readline()) for _ in range(2)]
            self.assertEqual([(one["name"], one["kind"]) for one in shown], [("web", "vm.creating"), ("web", "vm.running")])
        finally:
            watch.terminate()
            watch.wait(20 * SLOWNESS)
            watch.stdout.close()
        self.assertIn("did you mean kind?", self.mccli("watch", "--filter", "knd=x", code=2).stderr)


class Doctor(WithVms):
    def checks(self, *argv, **options):
        return [(one["check"], one["target"], one["state"]) for one in self.json("doctor", *argv, **options)]

    def test_cloud_that_is_well(self):
        self.create("web")
        for check in self.json("doctor"):
            self.assertIn(check["state"], ("ok", "warning"), check)
            self.assertEqual(check["next"] is None, check["state"] == "ok", check)
        found = self.checks()
        for well in [("context", None, "ok"), ("broker", None, "ok"), ("clock", None, "ok"), ("events", None, "ok"),
                     ("room", None, "ok"), ("vm", None, "ok"), ("node", "node-a", "warning")]:  # fmt: skip
            self.assertIn(well, found)
        self.assertRegex(self.mccli("doctor").stdout, r"node node-a +warning +its worker is py, the broker \d")

    def test_broker_that_is_away(self):
        begun = time.monotonic()
        done = self.mccli("doctor", "-o", "json", "--broker", NOBODY, "--connect-timeout", "300ms", code=3)
        self.assertLess(time.monotonic() - begun, min(10 * SLOWNESS, 25), "not as long as its environment says")
        last = json.loads(done.stdout)[-1]
        self.assertEqual((last["check"], last["state"]), ("broker", "failed"))
        self.assertIn("start it with mcbroker", last["next"])

    def test_broker_that_takes_connections_and_says_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            endpoint = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
            for verb in ("doctor", "list"):
                done = self.mccli(verb, "--broker", endpoint, "--connect-timeout", "2s", code=3)
                self.assertIn("takes the connection and does not answer", done.stdout + done.stderr)

    def test_node_that_is_silent_and_its_vm(self):
        self.create("web")
        self.worker.mute.set()
        wait_for(lambda: self.json("list")[0]["state"] == "unknown", "its silence is noticed")
        found = self.checks(code=1)
        for failed in [("node", "node-a", "failed"), ("room", None, "failed"), ("vm", "web", "failed")]:
            self.assertIn(failed, found)

    def test_where_the_broker_is_known_from(self):
        ini = self.cloud.folder / "mccli.ini"
        ini.write_text(f"quiet = false\nbroker = {self.cloud.clients}\n")
        done = subprocess.run([BIN / "mccli", "doctor", "--config", ini], capture_output=True, text=True, timeout=30, env=self.cloud.env())
        self.assertIn(f"{self.cloud.clients}, from {ini}:2", done.stdout)

    def test_machine_without_ssh(self):
        env = {**self.cloud.env(), "PATH": str(self.cloud.folder)}
        self.assertIn(("openssh", None, "failed"), self.checks(code=1, env=env))


class Contexts(CommandTest):
    with_keys = True

    def test_another_one_for_the_same_broker_does_not_change_who_one_is(self):
        self.cloud.worker("node-a", 1, keys=self.cloud.keys("node-a", WORKER))
        self.mccli("join", self.cloud.token_text(self.cloud.token(USER, "ada")), "--as", "ada")
        for context, name in (("local", "admin"), ("ada", "ada")):
            self.mccli("context", "use", context)
            (key,) = [one["found"] for one in self.json("doctor") if one["check"] == "key"]
            self.assertIn(f"known as {name}", key)
        (self.cloud.folder / "config/minicloud/contexts/ada.context").chmod(0o644)
        self.assertIn("ada.context holds a secret key", self.mccli("list", code=1).stderr, "nobody else's key is used")


class DoctorOfUsers(CommandTest):
    with_keys = True

    def test_users_are_not_told_of_nodes(self):
        self.mccli("join", self.cloud.token_text(self.cloud.token(USER, "ada")), "--as", "ada")
        checks = {one["check"]: one for one in self.json("doctor", "--context", "ada")}
        self.assertEqual((checks["node"]["state"], checks["room"]["state"]), ("not_asked", "not_asked"))
        self.assertIn("known as ada, role user", checks["key"]["found"])
        (self.cloud.folder / "config/minicloud/contexts/ada.context").chmod(0o644)
        found = self.json("doctor", "--context", "ada", code=1)[0]
        self.assertEqual((found["check"], found["state"]), ("context", "failed"))
        self.assertIn("chmod 600", found["next"])


class Completing(WithVms):
    """In a real bash, as Tab does it: the function that `complete` registered, on what is typed."""

    def completed(self, *words, env=None):
        script = """
            source <(mccli completion bash)
            [[ $(complete -p mccli) == *_mccli* ]] || exit 1
            COMP_WORDS=(mccli "$@") COMP_CWORD=$#
            _mccli
            printf '%s\\n' "${COMPREPLY[@]}"
        """
        env = {**self.cloud.env(), "PATH": f"{BIN.resolve()}:{os.environ['PATH']}", "MC_BROKER": self.cloud.clients, **(env or {})}
        env = {name: value for name, value in env.items() if value is not None}
        done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, timeout=30, env=env)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_verbs_options_and_live_names(self):
        self.create("lab-1", "lab-2", "web")
        self.assertEqual(self.completed("del"), ["delete"])
        self.assertEqual(self.completed("nodes", "un"), ["uncordon"])
        self.assertEqual(self.completed("create", "--pass"), ["--password"])
        self.assertEqual(self.completed("list", "-o", ""), ["csv", "json", "name", "table", "wide", "yaml"])
        self.assertEqual(self.completed("stop", "web", "lab"), ["lab-1", "lab-2"])
        self.assertEqual(self.completed("--broker", self.cloud.clients, "ssh", "w", env={"MC_BROKER": NOBODY}), ["web"])
        self.assertEqual(self.completed("create", "--node", "n"), ["node-a"])
        self.assertEqual(self.completed("nodes", "cordon", ""), ["node-a"])
        self.assertEqual(self.completed("exec", "web", "--", "l"), [])
        self.assertEqual(self.completed("port-forward", "web", ""), [])
        self.assertEqual(self.completed("cp", "lab-1"), ["lab-1:"])

    def test_broker_that_is_away_is_not_felt(self):
        begun = time.monotonic()
        self.assertEqual(self.completed("ssh", "", env={"MC_BROKER": NOBODY, "MC_CONNECT_TIMEOUT": None}), [])
        self.assertLess(time.monotonic() - begun, 3 * SLOWNESS, "as long as for any other verb")

    def test_who_has_said_how_long_a_broker_may_take_waits_so_long(self):
        begun = time.monotonic()
        self.assertEqual(self.completed("ssh", "", env={"MC_BROKER": NOBODY, "MC_CONNECT_TIMEOUT": "1s"}), [])
        self.assertGreaterEqual(time.monotonic() - begun, 1)


class CreatingMany(WithVms):
    def test_each_name_of_a_pattern_has_its_own_result(self):
        self.create("lab-02")
        done = self.mccli("create", "lab-{01..03}", "{web,db}", "web", "-o", "json", code=7)
        results = [(vm["name"], vm["status"]) for vm in json.loads(done.stdout)]
        wanted = [("lab-01", "created"), ("lab-02", "failed"), ("lab-03", "created"), ("web", "created"), ("db", "created")]
        self.assertEqual(results, wanted)
        self.assertIn("lab-02", done.stderr)
        self.assertEqual(len(self.names()), 5)
        self.mccli("create", "lab-{1..", code=2)
        self.mccli("create", "lab-{1..2}", "-n", "2", code=2)

    def test_more_than_are_under_way_at_once(self):
        done = self.mccli("create", "lab-{1..50}", "-q", code=7)
        self.assertEqual(len(done.stdout.split()), 12, "there are as many slots")
        self.assertIn("lab-50", done.stderr)

    def test_sheet_of_a_class(self):
        sheet = self.cloud.folder / "class.csv"
        done = self.mccli("create", "-n", "5", "--password", "--sheet", sheet)
        self.assertEqual(sheet.stat().st_mode & 0o777, 0o600)
        rows = list(csv.DictReader(sheet.open(newline="")))
        self.assertEqual([row["name"] for row in rows], self.names("--sort", "name"))
        self.assertEqual(len({row["password"] for row in rows}), 5, "each its own")
        for row in rows:
            self.assertGreaterEqual(len(row["password"]), 16)
            self.assertNotIn(row["password"], done.stdout + done.stderr)
            self.assertEqual(row["ssh"], f"ssh -p {row['port']} {row['user']}@{row['host']}")
        self.mccli("create", "--sheet", sheet, code=1)
        self.assertEqual(len(self.names()), 5, "the sheet of others is kept, before anything is made")

    def test_detached(self):
        done = self.mccli("create", "lab-{1..3}", "--image", "slow", "--detach", "-o", "json")
        accepted = json.loads(done.stdout)
        self.assertEqual([one["name"] for one in accepted], ["lab-1", "lab-2", "lab-3"])
        self.assertFalse(self.json("job", accepted[0]["request"])["done"])
        self.worker.finish_slow.set()
        wait_for(lambda: len(self.names("--state", "running")) == 3, "they run in the end")
        self.mccli("create", "--detach", "--password", code=2)


class ExitCodes(WithVms):
    def test_each_is_what_the_documentation_says(self):
        self.mccli("create", "web", code=0)
        self.mccli("create", "web", code=1)  # there is one already
        self.mccli("create", "--cpus", "lots", code=2)
        self.mccli("crate", code=2)
        self.mccli("list", "--broker", NOBODY, "--connect-timeout", "200ms", code=3)
        self.mccli("info", "nosuch", code=4)
        self.mccli("create", "--image", "slow", "--timeout", "1s", "-q", code=5)
        self.mccli("create", "--memory", "512G", code=6)
        self.mccli("stop", "web", "nosuch", code=7)
        self.mccli("start", "web")
        self.mccli("exec", "web", "--", "exit", "42", code=42)
        self.mccli("ssh", "web", "--", "true", code=255)  # nobody listens at its port

    def test_interrupted(self):
        process = self.start("create", "--image", "slow", stderr=subprocess.PIPE, text=True)
        wait_for(lambda: self.worker.orders, "it is under way")
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20 * SLOWNESS)[1]
        self.assertEqual(process.returncode, 130)
        self.assertIn("mccli job", said)

    def test_reader_that_went_away(self):
        self.mccli("create", "web")
        process = self.start("exec", "web", "--", "flood", "10000000", stdout=subprocess.PIPE)
        process.stdout.read(1)
        process.stdout.close()
        self.assertIn(process.wait(20 * SLOWNESS), (141, -signal.SIGPIPE))


class Quota(CommandTest):
    with_keys = True

    def test_quota_that_is_used_up_is_no_room(self):
        self.cloud.worker("node-a", 1, keys=self.cloud.keys("node-a", WORKER))
        token = self.cloud.token(USER, "ada", quota=wire.new("Quota", vms=1))
        self.mccli("join", self.cloud.token_text(token), "--as", "ada")
        self.mccli("create", "--context", "ada")
        said = self.mccli("create", "--context", "ada", "-o", "json", code=6).stderr
        self.assertEqual(json.loads(said)["error"]["code"], "quota_exceeded")


if __name__ == "__main__":
    unittest.main(verbosity=2)
