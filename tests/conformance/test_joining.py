"""What mccli join and mcworker join keep: a stored connection is given up only when that is said, and one join is at work at a time."""

import fcntl
import json
import os
import pathlib
import re
import socket
import subprocess
import unittest
from unittest.mock import ANY

import minicloud_wire as wire
from cloud import BIN, KeyedCloudTest, wait_for
from curve_keys import Keys

WORKER, USER = 1, 2


class JoiningTest(KeyedCloudTest):
    def setUp(self):
        super().setUp()
        self.config, self.state = self.cloud.folder / "ada", self.cloud.folder / "worker"
        self.env = {**self.cloud.env(), "XDG_CONFIG_HOME": str(self.config)}
        # Program, what it stores, its lock, and a way around: the two are to behave alike.
        self.programs = {
            "mccli": (USER, ["--as", "lab"], self.config / "minicloud/contexts/lab.context", "joining.lock", "--as NAME"),
            "mcworker": (WORKER, ["--node", "lab", "--state-dir", self.state], self.state / "connection", "lock", "--node"),
        }

    def command(self, program, token=None, *more):
        role, options, *_ = self.programs[program]
        text = token or self.cloud.token_text(self.cloud.token(role, "lab" if role == WORKER else "ada"))
        return [BIN / program, "join", text, *options, *more]

    def join(self, program, token=None, *more, code=0):
        done = subprocess.run(self.command(program, token, *more), capture_output=True, text=True, timeout=40, env=self.env)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def fingerprints(self):
        return {k.fingerprint for k in self.admin.call("keys", "KeysRequest", wire.new("KeysRequest"))[1].keys}

    def test_a_stored_connection_is_given_up_only_when_that_is_said(self):
        for program, (role, _, stored, _, way_around) in self.programs.items():
            with self.subTest(program):
                self.join(program)
                before = stored.read_bytes()
                token = self.cloud.token_text(self.cloud.token(role, "lab" if role == WORKER else "ada"))
                said = self.join(program, token, code=1)
                for words in (" already", str(stored), "--replace", way_around):
                    self.assertIn(words, said)
                self.assertEqual(stored.read_bytes(), before)
                # The token was not used up by that.
                said = self.join(program, token, "--replace")
                self.assertNotEqual(stored.read_bytes(), before)
                self.assertEqual(stored.stat().st_mode & 0o777, 0o600)
                [given_up] = re.findall("mccli keys revoke ([0-9a-f]{16})", said)
                self.assertIn(given_up, self.fingerprints())

    def test_what_is_damaged_is_not_given_up_silently_either(self):
        for program, (_, _, stored, *_) in self.programs.items():
            with self.subTest(program):
                stored.parent.mkdir(parents=True, mode=0o700)
                stored.write_text("a key that somebody may still want\n")
                stored.chmod(0o600)
                self.assertIn("--replace", self.join(program, code=1))
                self.assertIn("joined cloud", self.join(program, None, "--replace"))

    def test_one_join_at_a_time(self):
        for program, (_, _, stored, lock, _) in self.programs.items():
            with self.subTest(program):
                stored.parent.mkdir(parents=True, mode=0o700)
                with open(stored.parent / lock, "w") as held:
                    held.write(f"{os.getpid()}\n")
                    held.flush()
                    fcntl.flock(held, fcntl.LOCK_EX)
                    said = self.join(program, code=1)
                    self.assertIn(f"in use by process {os.getpid()}", said)
                    self.assertIn("join again", said)
                    self.assertFalse(stored.exists())
                self.join(program)

    def test_two_that_join_at_once_store_one_connection_whose_key_is_known(self):
        for program, (_, _, stored, *_) in self.programs.items():
            with self.subTest(program):
                both = [
                    subprocess.Popen(self.command(program), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.env)
                    for _ in range(2)
                ]
                said = [one.communicate(timeout=40) for one in both]
                self.assertEqual(sorted(one.returncode for one in both), [0, ANY], said)
                self.assertNotEqual([one.returncode for one in both], [0, 0], said)
                self.assertEqual(list(stored.parent.glob("joining-*")), [])
                keys = Keys.of_context(stored)
                if program == "mccli":
                    self.cloud.client(keys).hello()

    def test_no_list_of_processes_shows_a_token_while_its_broker_is_awaited(self):
        token = Keys(self.cloud.admin.broker)
        for program, (role, *_) in self.programs.items():
            with self.subTest(program), socket.create_server(("127.0.0.1", 0)) as silent:
                silent.settimeout(40)
                text = self.cloud.token_text(token, f"tcp://127.0.0.1:{silent.getsockname()[1]}")
                joining = subprocess.Popen(self.command(program, text), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.env)
                try:
                    with silent.accept()[0]:
                        shown = pathlib.Path(f"/proc/{joining.pid}/cmdline").read_bytes().decode().split("\0")
                finally:
                    joining.kill()
                    joining.wait()
                self.assertEqual(shown[1:3], ["join", "mc1-" + "*" * (len(text) - 4)])

    def test_worker_that_runs_is_not_given_another_key_under_its_feet(self):
        self.join("mcworker")
        log = open(self.cloud.folder / "worker.log", "wb")
        self.addCleanup(log.close)
        worker = subprocess.Popen(
            [BIN / "mcworker", "--docker", "unix:///nonexistent.sock", "--state-dir", self.state, "--node", "lab"],
            stdout=log, stderr=log, env=self.env,
        )  # fmt: skip
        self.addCleanup(worker.wait)
        self.addCleanup(worker.terminate)

        wait_for(lambda: [node.name for node in self.admin.nodes()] == ["lab"], "the node is there")
        self.assertIn(f"in use by process {worker.pid}", self.join("mcworker", None, "--replace", code=1))

    def show(self, *argv, code=0):
        done = subprocess.run([BIN / "mccli", "context", "show", *argv], capture_output=True, text=True, timeout=40, env=self.env)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout) if "json" in argv else done.stdout + done.stderr

    def test_what_one_has_joined_is_shown(self):
        self.assertIn("no context is used", self.show(code=4))
        self.assertIn("there is no context nope", self.show("nope", code=4))
        self.join("mccli")
        said = self.show()
        for words in ("lab", self.cloud.clients, self.cloud.events, "ada", "user"):
            self.assertIn(words, said)
        shown = self.show("lab", "-o", "json")
        self.assertEqual((shown["name"], shown["owner"], shown["role"]), ("lab", "ada", "user"))
        self.assertEqual((shown["endpoint"], shown["events_endpoint"]), (self.cloud.clients, self.cloud.events))
        self.assertEqual((shown["trouble"], shown["silence"]), (None, None))
        self.assertIn(shown["key"], self.fingerprints())
        self.assertEqual(self.show(str(self.cloud.admin_file), "-o", "json")["role"], "admin")
        # A key that was revoked, and a broker that is gone: what is stored is shown all the same.
        self.admin.call("revoke", "RevokeRequest", wire.new("RevokeRequest", targets=["ada"]))
        shown = self.show("-o", "json")
        self.assertEqual((shown["name"], shown["role"]), ("lab", None))
        self.assertIn("does not let this key in", shown["silence"])
        stored = self.programs["mccli"][2]
        stored.chmod(0o644)
        shown = self.show("-o", "json")
        self.assertEqual((shown["endpoint"], shown["key"]), (None, None))
        self.assertIn("chmod 600", shown["trouble"])

    def test_a_services_user_joins_works_and_joins_anew(self):
        """As docs/operations.md "As services": what systemd gives a unit with DynamicUser= and StateDirectory=."""
        user = 61184  # the first of systemd's dynamic ones
        if os.geteuid() != 0:
            self.skipTest("only root can be another user")
        given = self.cloud.folder / "mcworker"
        given.mkdir(mode=0o700)
        self.cloud.folder.chmod(0o711)
        os.chown(given, user, user)
        as_user = {"user": user, "group": user, "extra_groups": []}
        env = {"STATE_DIRECTORY": str(given), "PATH": os.environ["PATH"]}
        env |= {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
        try:
            subprocess.run([BIN / "mcworker", "--version"], check=True, capture_output=True, env=env, **as_user)
        except PermissionError:
            self.skipTest("the programs are where other users don't get to")

        def join(*more, code=0):
            token = self.cloud.token_text(self.cloud.token(WORKER, "lab"))
            done = subprocess.run(
                [BIN / "mcworker", "join", "-", "--node", "lab", *more], input=token + "\n", capture_output=True, text=True,
                timeout=40, env=env, **as_user,
            )  # fmt: skip
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)

        join()
        stored = given / "worker-lab" / "connection"
        self.assertEqual((stored.stat().st_uid, stored.stat().st_mode & 0o777), (user, 0o600))
        join(code=1)
        join("--replace")
        with open(self.cloud.folder / "worker.log", "wb") as log:
            worker = subprocess.Popen(
                [BIN / "mcworker", "--docker", "unix:///nonexistent.sock", "--node", "lab"], stdout=log, stderr=log, env=env, **as_user
            )
        self.addCleanup(worker.wait)
        self.addCleanup(worker.terminate)
        wait_for(lambda: [node.name for node in self.admin.nodes()] == ["lab"], "the node is there")

    def test_replace_is_for_join(self):
        done = subprocess.run([BIN / "mcworker", "--replace"], capture_output=True, text=True, timeout=20, env=self.env)
        self.assertEqual(done.returncode, 2)
        self.assertIn("mcworker join TOKEN --replace", done.stderr)


if __name__ == "__main__":
    unittest.main()
