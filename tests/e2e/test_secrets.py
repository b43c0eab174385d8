"""Secrets that go through a cloud, and everything that it says of itself: none of those is in any of these."""

import base64
import contextlib
import json
import os
import pathlib
import re
import threading
import unittest

import msgpack
import zmq.utils.z85

from cloud import CloudTest, free_endpoints

NAME = "talkative"  # of the VM and its node: what is meant to be seen everywhere: whoever finds it would have found a secret


def forms(raw):
    """How somebody who is careless might write bytes."""
    base64_text = base64.b64encode(raw).decode().rstrip("=")
    texts = {raw.hex(), raw.hex().upper(), base64_text, base64_text.replace("+", "-").replace("/", "_")}
    if len(raw) % 4 == 0:
        texts.add(zmq.utils.z85.encode(raw).decode())
    return {raw, *(text.encode() for text in texts)}


def private_lines(ssh_key):
    """Not the first, which is alike in all, nor what is left for the last."""
    return [line for line in ssh_key.splitlines()[2:-1] if len(line) == 70]


class ProcessLists:
    """All command lines of this machine, again and again, as anybody on it may read them."""

    def __init__(self):
        self.seen = set()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.sample)
        self.thread.start()

    def sample(self):
        while not self.over.wait(0.002):
            for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):  # it has ended
                    self.seen.add(path.read_bytes())

    def end(self):
        self.over.set()
        self.thread.join()


class Secrets(CloudTest):
    def setUp(self):
        super().setUp()
        self.new_cloud(endpoints=free_endpoints(), log_level="trace")
        self.cloud.env["MC_LOG_LEVEL"] = "trace"  # the workers'
        self.lists = ProcessLists()
        self.addCleanup(self.lists.end)
        self.secrets, self.said = {}, []

    def mccli(self, *argv, **options):
        """What it prints is no place for a secret."""
        done = self.cloud.mccli(*argv, **options)
        self.said.append(done.stdout + done.stderr)
        return done.stdout

    def keep(self, name, *secrets):
        self.secrets[name] = {secret.encode() if isinstance(secret, str) else secret for secret in secrets}

    def new_token(self, role, name):
        text = self.cloud.mccli("token", "create", "--role", role, "--name", name, "--quiet").stdout.strip()
        packed = text.removeprefix("mc1-")
        secret = msgpack.unpackb(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))[2]
        # As packed it may begin anywhere in a base64 character: so without its ends.
        self.keep(f"token of {name}, {len(self.secrets)}", text, packed[-40:-2], *forms(secret))
        return text

    def note_secret_keys(self):
        """Of everybody, as they are on this machine's disk."""
        for path in pathlib.Path(self.cloud.dir).rglob("*"):
            if path.is_file() and path.suffix in ("", ".key", ".context"):
                for key in re.findall(rb"^secret-key=(.{40})$", path.read_bytes(), re.M):
                    self.keep(str(path), key, *forms(zmq.utils.z85.decode(key)))
        self.keep("SSH key", *private_lines(pathlib.Path(self.cloud.dir, "home/.ssh/id_ed25519").read_text()))

    def live(self):
        """Whatever has to do with secrets."""
        cloud = self.cloud
        ada, carol = ({"XDG_CONFIG_HOME": f"{cloud.dir}/{name}"} for name in ("ada", "carol"))
        cloud.start_worker(NAME)  # joins by a token
        self.mccli("join", "-", stdin=self.new_token("user", "ada"), env=ada)
        damaged = self.new_token("user", "bob")[:-3]
        self.mccli("join", "-", stdin=damaged, env=carol, check=False)
        self.mccli("join", "-", "--as", "wrong", stdin=self.new_token("worker", "other"), env=carol, check=False)
        used = self.new_token("admin", "carol")
        for name in ("first", "second"):
            self.mccli("join", "-", "--as", name, stdin=used, env=carol, check=False)
        self.mccli("token", "revoke", "bob")

        created = json.loads(cloud.mccli("create", "--name", NAME, "--password", "--env", "PIN=environment-1387", "-o", "json",
                                         env=ada).stdout)
        self.keep("password", created["password"])
        shadow = cloud.mccli("exec", NAME, "--", "getent", "shadow", "root", env=ada).stdout
        self.keep("crypt hash", re.search(r"\$6\$[^:]+", shadow).group(0), shadow.split(":")[1].split("$")[-1])
        host_key = cloud.mccli("exec", NAME, "--", "cat", "/etc/ssh/ssh_host_ed25519_key", env=ada).stdout
        self.keep("host key", *private_lines(host_key))
        typed = cloud.mccli("exec", "-i", NAME, "--", "tee", "/root/typed", stdin="input-2441", env=ada).stdout
        self.assertEqual(typed, "input-2441")
        self.keep("exec's input and output", typed)
        self.mccli("exec", NAME, "--", "sh", "-c", ": argument-6173", env=ada)
        self.mccli("ssh", NAME, "--", "true", env=ada)
        self.mccli("create", "--password", "--image", "minicloud-test/is-not:there", env=ada, check=False)
        self.mccli("info", NAME, "-o", "json", env=ada)
        self.mccli("restart", NAME, env=ada)
        self.mccli("context", "show", env=ada)
        for whom in (ada, {}):
            self.mccli("keys", "list", "-o", "json", env=whom, check=False)
        self.mccli("token", "list", "-o", "json")
        # All of it is read again.
        for program in (cloud.broker, cloud.workers[NAME]):
            program.stop()
        cloud.start_broker()
        cloud.start_worker(NAME)
        self.mccli("exec", NAME, "--", "true", env=ada)
        self.note_secret_keys()
        self.mccli("keys", "revoke", "ada")
        self.mccli("list", env=ada, check=False)

    def places(self):
        """Everything that others than a secret's owner may read, by name."""
        cloud = self.cloud
        read = lambda path: pathlib.Path(path).read_bytes()
        inspected = cloud.engines[NAME].docker("inspect", *cloud.containers())
        store = b"".join(read(path) for path in pathlib.Path(cloud.dir, "broker").glob("broker.db*"))
        watch = cloud.watch("--since", "0")
        self.mccli("delete", f"ada/{NAME}")
        cloud.wait_event(watch, kind="vm.deleted", name=NAME)
        self.lists.end()
        jobs = [request["request"] for request in cloud.json("jobs")]
        return {
            "the broker's log": read(f"{cloud.dir}/broker.log"),
            "the worker's log": read(f"{cloud.dir}/worker-{NAME}.log"),
            "what mccli said": "\n".join(self.said).encode(),
            "events": read(watch.events_path),
            "the audit log": cloud.mccli("audit", "-o", "json", "--limit", "1000").stdout.encode(),
            "jobs": "".join(cloud.mccli("job", job, "-o", "json").stdout for job in jobs).encode(),
            "lists of processes": b"\n".join(self.lists.seen),
            "docker inspect": inspected.encode(),
            "the broker's store": store,
        }

    def test_no_secret_is_in_logs_events_jobs_the_audit_log_or_lists_of_processes(self):
        self.live()
        places = self.places()
        for place, content in places.items():
            self.assertIn(NAME.encode(), content, f"{place}: what is there is not found")
        found = {(name, place) for name, secrets in self.secrets.items() for place, content in places.items()
                 if any(secret in content for secret in secrets)}
        # Which the broker needs to have the VM made.
        self.assertEqual(found, {("crypt hash", "the broker's store")})
        # These are for whoever runs the VM: no secret, but nobody else's business either.
        for place in ("the broker's log", "the worker's log", "events", "the audit log", "jobs"):
            for private in (b"argument-6173", b"environment-1387"):
                self.assertNotIn(private, places[place], place)
        # 4 tokens, the keys of broker, admin, worker, 2 who joined and one whose join failed, and the VM's.
        self.assertEqual(len(self.secrets), 16, self.secrets.keys())


if __name__ == "__main__":
    unittest.main(verbosity=2)
