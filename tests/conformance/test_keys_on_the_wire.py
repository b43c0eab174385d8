"""A broker that asks for keys, and peers that have the right one, a wrong one, none, or had one."""

import re
import subprocess
import time
import unittest
from unittest.mock import ANY

import zmq
from zmq.utils.monitor import recv_monitor_message

import minicloud_wire as wire
from client import Client, Refused, Watcher
from cloud import BIN, SLOWNESS, Cloud, KeyedCloudTest, Keys, wait_for
from loopback import free_endpoints
from raw_peer import RawPeer

WORKER, USER, VIEWER = 1, 2, 3
FAILURES = {
    zmq.Event.HANDSHAKE_FAILED_AUTH: "refused", zmq.Event.HANDSHAKE_FAILED_PROTOCOL: "no common mechanism",
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL: "broken off", zmq.Event.DISCONNECTED: "broken off",
    zmq.Event.HANDSHAKE_SUCCEEDED: "done",
}  # fmt: skip

# What a program says whose key was revoked: it was told so, or is not let in again once its connection was ended.
REVOKED = "key [0-9a-f]{16} is not authorised here|does not let this key in"


class KeysOnTheWireTest(KeyedCloudTest):
    def client(self, keys):
        client = self.cloud.client(keys)
        self.addCleanup(client.close)
        return client

    def handshake(self, endpoint, keys, kind=zmq.DEALER):
        """How a connection's first handshake ends."""
        socket = self.cloud.context.socket(kind)
        socket.linger = 0
        monitor = socket.get_monitor_socket()
        try:
            if keys:
                keys.use(socket)
            socket.connect(endpoint)
            while monitor.poll(10_000):
                event = recv_monitor_message(monitor)["event"]
                if event in FAILURES:
                    return FAILURES[event]
            return "nothing"
        finally:
            socket.disable_monitor()
            monitor.close()
            socket.close()

    def endpoints(self):
        return ((self.cloud.clients, zmq.DEALER), (self.cloud.workers, zmq.DEALER), (self.cloud.events, zmq.SUB))

    def test_strangers_are_refused_at_every_socket(self):
        broker = self.cloud.admin.broker
        for endpoint, kind in self.endpoints():
            with self.subTest(endpoint):
                self.assertEqual(self.handshake(endpoint, Keys(broker), kind), "refused")
                # Which of the two depends on who of both is faster.
                self.assertIn(self.handshake(endpoint, None, kind), ("no common mechanism", "broken off"))
                # Who takes another broker for this one learns nothing, and tells it nothing.
                other = Keys(zmq.curve_keypair()[0], self.cloud.admin.secret)
                self.assertEqual(self.handshake(endpoint, other, kind), "broken off")
        self.assertIn("refused key", self.cloud.log_text())

    def test_keys_open_the_sockets_of_their_role_only(self):
        user, viewer, worker = self.cloud.keys("ada", USER), self.cloud.keys("eve", VIEWER), self.cloud.keys("n", WORKER)
        may = {(0, user), (2, user), (0, viewer), (2, viewer), (1, worker), (0, self.cloud.admin), (2, self.cloud.admin)}
        for at, (endpoint, kind) in enumerate(self.endpoints()):
            for keys in (user, viewer, worker, self.cloud.admin):
                expected = "done" if (at, keys) in may else "refused"
                self.assertEqual(self.handshake(endpoint, keys, kind), expected, endpoint)

    def test_first_start_makes_one_admin(self):
        hello = self.admin.hello()
        self.assertEqual((hello.name, hello.role), ("admin", 4))
        self.assertEqual(self.cloud.admin_file.stat().st_mode & 0o777, 0o600)
        before = self.cloud.admin_file.read_text()
        self.cloud.kill()
        self.cloud.start()
        self.assertEqual(self.cloud.admin_file.read_text(), before)
        self.assertEqual(len(self.client(self.cloud.admin).call("keys", "KeysRequest", wire.new("KeysRequest"))[1].keys), 1)

    def test_user_sees_its_own_vms_and_events(self):
        ada, bob = self.client(self.cloud.keys("ada", USER)), self.client(self.cloud.keys("bob", USER))
        self.cloud.worker("node-1", 1, keys=self.cloud.keys("node-1", WORKER))
        watch = Watcher(self.cloud.events, ada)
        self.addCleanup(watch.close)
        everything = Watcher(self.cloud.events, self.admin)
        self.addCleanup(everything.close)
        for who, name in ((bob, "hers-not"), (ada, "hers")):
            self.assertEqual(who.create(name=name)[1].items[0].code, wire.OK)
        self.assertEqual([vm.name for vm in ada.list()[0]], ["hers"])
        with self.assertRaises(Refused) as refused:
            ada.info("bob/hers-not")
        self.assertEqual(refused.exception.code, wire.NOT_FOUND)
        everything.until("vm.running", "hers-not")
        everything.until("vm.running", "hers")
        # Straight from the channel, without a replay: what is not hers is not sent to her.
        topics, socket = set(), watch.socket
        self.assertEqual(ada.create(name="more")[1].items[0].code, wire.OK)
        while not any(topic.startswith(b"event/") for topic in topics):
            self.assertTrue(socket.poll(10_000))
            topics.add(socket.recv_multipart()[0])
        while socket.poll(300):
            topics.add(socket.recv_multipart()[0])
        self.assertLessEqual(topics, {b"event/ada/", b"beacon"})

    def test_revoked_key_is_out_at_once(self):
        keys = self.cloud.keys("ada", USER)
        ada = self.client(keys)
        self.cloud.worker("node-1", 1, keys=self.cloud.keys("node-1", WORKER))
        ada.create(name="web")
        watch = Watcher(self.cloud.events, ada)
        self.addCleanup(watch.close)
        stream = ada.open_stream("exec", "web", "ExecSpec", wire.new("ExecSpec", argv=["cat"], input=True))
        while stream.may_send is None:
            self.assertTrue(stream.turn())
        self.admin.call("revoke", "RevokeRequest", wire.new("RevokeRequest", targets=["ada"]))
        with self.assertRaises(Refused) as refused:
            stream.finish()
        self.assertEqual(refused.exception.code, wire.NOT_AUTHORISED)
        # The events socket is being bound anew, and may hang up on who comes too early.
        for endpoint, kind in self.endpoints():
            wait_for(lambda: self.handshake(endpoint, keys, kind) == "refused", f"the key is refused at {endpoint}")
        # Its watch was cut off, and others' go on.
        while watch.socket.poll(0):
            watch.socket.recv_multipart()
        others = Watcher(self.cloud.events, self.admin)
        self.addCleanup(others.close)
        self.assertEqual(self.admin.act("delete", "ada/web")[1].items[0].code, wire.OK)
        others.until("vm.deleted", "web")
        self.assertFalse(watch.socket.poll(1500), "a revoked watcher hears nothing, not even a beacon")

    def peer(self, endpoint, keys):
        """One that has said something, and lives as long as the broker lets it."""
        peer = RawPeer(endpoint, keys)
        self.addCleanup(peer.close)
        peer.say_hello()
        return peer

    def assert_all_end(self, peers, seconds=5):
        """Sooner than a heartbeat that is not answered would end them."""
        end = time.monotonic() + seconds * SLOWNESS
        while not all(ended := [peer.has_ended() for peer in peers]):
            self.assertLess(time.monotonic(), end, f"ended: {ended}")
            time.sleep(0.02)

    def test_all_connections_of_a_revoked_key_are_ended(self):
        clients, workers = self.cloud.clients, self.cloud.workers
        ada, bob, node = self.cloud.keys("ada", USER), self.cloud.keys("bob", USER), self.cloud.keys("node-1", WORKER)
        stays = self.peer(clients, bob)
        go = [self.peer(clients, ada), self.peer(clients, ada), self.peer(workers, node)]
        self.assertEqual([peer.has_ended() for peer in go], [False] * 3)
        self.admin.call("revoke", "RevokeRequest", wire.new("RevokeRequest", targets=["ada", "node-1"]))
        self.assert_all_end(go)
        self.assertFalse(stays.has_ended())
        self.assertIn("which is no longer authorised", self.cloud.log_text())

    def test_connections_of_a_key_that_expires_are_ended(self):
        short, joiner = Keys(self.cloud.admin.broker), self.client(self.cloud.token(USER, "ada", key_ttl_seconds=4))
        joiner.call("join", "JoinRequest", wire.new("JoinRequest", key=short.bytes, name="ada"))
        self.assert_all_end([self.peer(self.cloud.clients, short)], 9)

    def test_other_watchers_survive_a_revocation(self):
        self.cloud.keys("ada", USER)
        watch = Watcher(self.cloud.events, self.admin)
        self.addCleanup(watch.close)
        self.admin.call("revoke", "RevokeRequest", wire.new("RevokeRequest", targets=["ada"]))
        # It has connected again when it hears a beacon that was asked for now.
        while watch.socket.poll(0):
            watch.socket.recv_multipart()

        def heard():
            self.admin.call("beacon")
            return watch.turn(0.2)

        wait_for(heard, "a beacon")

    def test_worker_is_bound_to_its_key(self):
        keys = self.cloud.keys("node-1", WORKER)
        self.cloud.worker("node-1", 1, keys=keys)
        [node] = self.admin.nodes()
        self.assertEqual(node.name, "node-1")


class ProgramsTest(unittest.TestCase):
    """mccli and mcworker against a broker that asks for keys."""

    def setUp(self):
        self.cloud = Cloud(with_keys=True)
        self.addCleanup(self.cloud.end)

    def run_program(self, name, *argv, code=0, **env):
        done = subprocess.run(
            [BIN / name, *argv], capture_output=True, text=True, timeout=30, env={**self.cloud.env(), **env}
        )
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_plaintext_is_for_loopback_only(self):
        clients, workers, events = free_endpoints(3)
        state = self.cloud.folder / "plain"
        usual = ("--plaintext", "--state-dir", state, "--workers", workers, "--events", events, "--clients")
        for everywhere in ("tcp://0.0.0.0:17710", "tcp://*:17710", "tcp://[::]:17710"):
            refused = self.run_program("mcbroker", *usual, everywhere, code=2)
            self.assertIn("mccli token create", refused.stderr)
        # Plaintext too, and nothing keeps others out there: not asked for, so not even without --plaintext.
        for open_to_all in ("ws://127.0.0.1:17710", "ipc://@minicloud-test", "inproc://clients"):
            for options in (usual, usual[1:]):
                self.assertIn("ipc://PATH", self.run_program("mcbroker", *options, open_to_all, code=2).stderr)
        self.start("mcbroker", *usual, clients)
        client = Client(clients)
        self.addCleanup(client.close)
        self.assertEqual(client.hello().name, "local")
        # Where a context leads there, its keys would be used.
        context = self.cloud.folder / "plain.context"
        context.write_text(self.cloud.admin_file.read_text().replace(self.cloud.clients, clients))
        context.chmod(0o600)
        refused = self.run_program("mccli", "--context", context, "list", code=1)
        self.assertIn("--plaintext", refused.stderr)
        self.run_program("mccli", "--context", "none", "--broker", clients, "list")

    def test_mccli_uses_the_context_that_the_first_start_made(self):
        self.assertIn("admin", self.run_program("mccli", "keys").stdout)
        self.run_program("mccli", "--broker", self.cloud.clients, "keys")
        self.run_program("mccli", "--context", "local", "keys")
        self.run_program("mccli", "--context", self.cloud.admin_file, "keys", XDG_CONFIG_HOME="/nonexistent")

    def test_mccli_without_a_key_says_how_to_get_one_at_once(self):
        without = {"XDG_CONFIG_HOME": "/nonexistent"}
        start = time.monotonic()
        for verb in (("list",), ("logs", "vm-1"), ("watch",), ("exec", "vm-1", "--", "true")):
            done = self.run_program("mccli", "--broker", self.cloud.clients, *verb, code=ANY, **without)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("mccli token create", done.stderr)
        self.assertLess(time.monotonic() - start, 10)

    def test_mccli_watch_ends_with_its_key(self):
        keys = self.cloud.keys("ada", USER)
        context = self.cloud.folder / "ada.context"
        context.write_text(
            f"endpoint={self.cloud.clients}\nbroker-key={keys.broker.decode()}\nsecret-key={keys.secret.decode()}\n"
        )
        context.chmod(0o600)
        watch = subprocess.Popen(
            [BIN / "mccli", "--context", context, "watch", "--since", "0"], stderr=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env=self.cloud.env(),
        )  # fmt: skip
        self.addCleanup(watch.kill)
        admin = self.cloud.client()
        self.addCleanup(admin.close)
        self.cloud.worker("node-1", 1, keys=self.cloud.keys("node-1", WORKER))
        ada = self.cloud.client(keys)
        self.addCleanup(ada.close)
        ada.create(name="web")
        self.assertIn("web", watch.stdout.readline())
        admin.call("revoke", "RevokeRequest", wire.new("RevokeRequest", targets=["ada"]))
        _, said = watch.communicate(timeout=20)
        self.assertRegex(said, REVOKED)
        self.assertNotEqual(watch.returncode, 0)

    def test_context_that_others_can_read_is_refused(self):
        self.cloud.admin_file.chmod(0o644)
        done = self.run_program("mccli", "--context", self.cloud.admin_file, "keys", code=ANY)
        self.assertIn("chmod 600", done.stderr)

    def test_worker_with_its_key_joins_and_without_says_why_not(self):
        keys = self.cloud.keys("real", WORKER)
        key_file = self.cloud.folder / "key"
        key_file.write_text(f"secret-key={keys.secret.decode()}\n")
        key_file.chmod(0o600)
        admin = self.cloud.client()
        self.addCleanup(admin.close)
        usual = ("--broker", self.cloud.workers, "--docker", "unix:///nonexistent.sock", "--node")
        with_key = self.start("mcworker", *usual, "real", "--broker-key", keys.broker.decode(), "--key", key_file)
        wait_for(lambda: [node.name for node in admin.nodes()] == ["real"], "the node is there")
        without = self.start("mcworker", *usual, "plain")
        wait_for(lambda: "mccli token create" in without.text(), "the worker says what to do")
        wrong = self.start("mcworker", *usual, "wrong", "--broker-key", keys.broker.decode(), "--key", self.other_key())
        wait_for(lambda: "does not let this key in" in wrong.text(), "the worker says what to do")
        self.assertNotIn("token create", with_key.text())
        self.assertEqual([node.name for node in admin.nodes()], ["real"])

    def test_worker_joins_with_a_token(self):
        token = self.cloud.token(WORKER)
        state = self.cloud.folder / "worker"
        said = self.run_program(
            "mcworker", "join", self.cloud.token_text(token), "--node", "lab-1", "--state-dir", state
        ).stdout
        self.assertIn("as lab-1", said)
        self.assertEqual((state / "connection").stat().st_mode & 0o777, 0o600)
        self.assertEqual(list(state.glob("joining-*")), [])
        admin = self.cloud.client()
        self.addCleanup(admin.close)
        running = self.start("mcworker", "--docker", "unix:///nonexistent.sock", "--state-dir", state, "--node", "lab-1")
        wait_for(lambda: [node.name for node in admin.nodes()] == ["lab-1"], "the node is there")
        # Once it is revoked, it says so itself.
        admin.call("revoke", "RevokeRequest", wire.new("RevokeRequest", targets=["lab-1"]))
        wait_for(lambda: re.search(REVOKED, running.text()), "the worker says that its key was revoked")
        used = self.run_program(
            "mcworker", "join", self.cloud.token_text(token), "--node", "lab-2", "--state-dir", self.cloud.folder / "w2", code=1
        )
        self.assertIn("used up", used.stderr)

    def test_mccli_joins_with_a_token(self):
        home = {"XDG_CONFIG_HOME": str(self.cloud.folder / "ada")}
        text = self.cloud.token_text(self.cloud.token(USER, "ada"))
        said = self.run_program("mccli", "join", text, "--as", "lab", **home).stdout
        self.assertIn("as ada, role user; context lab", said)
        self.assertEqual(self.run_program("mccli", "list", **home).stdout, "")
        self.assertIn("context lab already", self.run_program("mccli", "join", text, "--as", "lab", code=1, **home).stderr)
        self.assertRegex(self.run_program("mccli", "context", **home).stdout, r"lab +\* +tcp://")
        self.run_program("mccli", "context", "use", "nope", code=4, **home)
        self.run_program("mccli", "context", "use", "lab", **home)
        denied = self.run_program("mccli", "keys", code=1, **home)
        self.assertIn("may not keys", denied.stderr)
        [stored] = (self.cloud.folder / "ada").rglob("*.context")
        self.assertEqual(stored.stat().st_mode & 0o777, 0o600)
        self.run_program("mccli", "context", "remove", "lab", **home)
        self.assertFalse(stored.exists())

    def test_tokens_that_are_none_are_told(self):
        home = {"XDG_CONFIG_HOME": str(self.cloud.folder / "eve")}
        stranger = self.cloud.token_text(Keys(self.cloud.admin.broker))
        for program, rest in (("mccli", ()), ("mcworker", ("--state-dir", self.cloud.folder / "eve-worker"))):
            self.assertIn("mc1-", self.run_program(program, "join", "mc1-abc", *rest, code=ANY, **home).stderr)
            self.assertIn("mccli token create", self.run_program(program, "join", stranger, *rest, code=1, **home).stderr)
        worker = self.cloud.token_text(self.cloud.token(WORKER, "n"))
        self.assertIn("mcworker join", self.run_program("mccli", "join", worker, code=ANY, **home).stderr)
        user = self.cloud.token_text(self.cloud.token(USER, "u"))
        said = self.run_program("mcworker", "join", user, "--state-dir", self.cloud.folder / "eve-worker", code=1, **home)
        self.assertIn("mccli join", said.stderr)

    def test_wrong_program_does_not_use_a_token_up(self):
        home = {"XDG_CONFIG_HOME": str(self.cloud.folder / "eve")}
        token = self.run_program("mccli", "token", "create", "--role", "worker", "--name", "lab", "--quiet").stdout.strip()
        self.assertIn("mcworker join", self.run_program("mccli", "join", token, code=ANY, **home).stderr)
        self.run_program("mcworker", "join", token, "--node", "lab", "--state-dir", self.cloud.folder / "lab")
        token = self.run_program("mccli", "token", "create", "--role", "user", "--name", "eve", "--quiet").stdout.strip()
        wrong = self.run_program("mcworker", "join", token, "--state-dir", self.cloud.folder / "lab2", code=1)
        self.assertIn("mccli join", wrong.stderr)
        self.run_program("mccli", "join", token, **home)

    def other_key(self):
        path = self.cloud.folder / "other"
        path.write_text(f"secret-key={zmq.curve_keypair()[1].decode()}\n")
        path.chmod(0o600)
        return path

    def start(self, name, *argv):
        log = self.cloud.folder / f"log-{'-'.join(str(word) for word in argv).replace('/', '-')[-40:]}"
        with open(log, "wb") as out:
            process = subprocess.Popen([BIN / name, *argv], stdout=out, stderr=out, env=self.cloud.env())

        def end():
            process.terminate()
            process.wait(10)

        self.addCleanup(end)
        process.text = lambda: log.read_text(errors="replace")
        return process


if __name__ == "__main__":
    unittest.main()
