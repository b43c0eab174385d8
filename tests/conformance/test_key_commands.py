"""mccli's commands about keys, tokens, the audit log and owners, on a real broker with the clients and workers in Python."""

import base64
import contextlib
import json
import sqlite3
import subprocess
import unittest

import msgpack
import zmq.utils.z85

import minicloud_wire as wire
from client import Refused
from cloud import BIN, Cloud, Keys
from test_keys_and_audit import ADMIN, USER, fingerprint

WORKER = 1


class CommandTest(unittest.TestCase):
    with_keys = False

    def setUp(self):
        self.cloud = Cloud(with_keys=self.with_keys)
        self.addCleanup(self.cloud.end)
        self.client = self.cloud.client()
        self.addCleanup(self.client.close)

    def mccli(self, *argv, code=0, env=None):
        done = subprocess.run(
            [BIN / "mccli", "--broker", self.cloud.clients, *argv], capture_output=True, text=True, timeout=30,
            env=env or self.cloud.env(),
        )  # fmt: skip
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def json(self, *argv, **options):
        return json.loads(self.mccli(*argv, "-o", "json", **options).stdout)


class KeyCommandsTest(CommandTest):
    def token(self, byte, **fields):
        request = wire.new("TokenCreateRequest", key=byte * 32, **{"role": USER, **fields})
        self.assertEqual(self.client.call("token_create", "TokenCreateRequest", request)[1].items[0].code, wire.OK)
        return fingerprint(byte * 32)

    def test_broker_that_asks_nobody_for_a_key_has_no_tokens(self):
        said = self.mccli("token", "create", "--role", "user", code=1).stderr
        self.assertIn("without --plaintext", said)
        self.assertEqual(self.json("token"), [])

    def test_nothing_is_there_at_first(self):
        self.assertEqual(self.json("keys"), [])
        self.assertEqual(self.json("token", "list"), [])
        self.assertIn("no tokens", self.mccli("token").stderr)

    def test_tokens_are_listed_and_taken_back(self):
        quota = wire.new("Quota", vms=5, cpus_milli=2500)
        ada = self.token(b"1", name="ada", uses=3, quota=quota)
        anybody = self.token(b"2", role=ADMIN)
        tokens = {token["fingerprint"]: token for token in self.json("token")}
        self.assertEqual(sorted(tokens), sorted([ada, anybody]))
        self.assertEqual((tokens[ada]["name"], tokens[ada]["role"], tokens[ada]["uses_left"]), ("ada", "user", 3))
        self.assertEqual(tokens[ada]["quota"], {"vms": 5, "cpus": 2.5, "memory_bytes": None, "ttl_seconds": None})
        self.assertIsNone(tokens[anybody]["name"])
        self.assertEqual(self.json("keys"), [], "a token is no key")
        self.assertRegex(self.mccli("token").stdout, rf"{ada} +user +ada +3 .* 5 VMs, 2.5 cpus")
        self.assertEqual(self.mccli("token", "-q").stdout.split(), [anybody, ada])
        self.assertEqual(self.mccli("token", "revoke", "ada").stdout, f"{ada} revoked\n")
        self.assertIn("mccli token list", self.mccli("token", "revoke", "ada", code=4).stderr)
        self.assertEqual(self.json("keys", "revoke", anybody)[0]["status"], "revoked")
        self.assertEqual(self.json("token"), [])
        self.assertEqual({job["verb"] for job in self.json("jobs")}, {"token_create", "revoke"})

    def test_part_of_what_is_to_be_revoked_is_not_there(self):
        self.token(b"1", name="ada")
        done = self.mccli("keys", "revoke", "ada", "bob", code=7)
        self.assertEqual(done.stdout, "ada revoked\n")
        self.assertIn("bob", done.stderr)
        self.mccli("keys", "revoke", "bob", code=4)
        self.mccli("keys", "revoke", code=2)

    def test_audit_log_is_shown_and_verified(self):
        self.assertIn("empty", self.mccli("audit", "--verify").stdout)
        for byte in b"12345":
            self.token(bytes([byte]), name="ada")
        self.mccli("keys", "revoke", "nobody", code=4)
        log = self.json("audit")
        told = [(entry["seq"], entry["name"], entry["action"], entry["target"], entry["code"]) for entry in log]
        self.assertEqual(told[0], (1, "local", "token_create", "ada", "ok"))
        self.assertEqual(told[-1], (6, "local", "revoke", "nobody", "not_found"))
        self.assertEqual([e["seq"] for e in self.json("audit", "-n", "2")], [5, 6])
        self.assertEqual([e["seq"] for e in self.json("audit", "--since", "2", "-n", "2")], [3, 4])
        self.assertRegex(self.mccli("audit").stdout, "6 .* local +revoke +nobody +not_found")
        noted = self.mccli("audit", "--verify", "-q").stdout.strip()
        self.assertEqual(noted, log[-1]["hash"])
        self.token(b"6")
        check = self.json("audit", "--verify", "--noted", noted)
        self.assertEqual((check["first"], check["last"], check["entries"], check["noted"]), (1, 7, 7, 6))
        self.mccli("audit", "--noted", "0" * 64, code=1)

    def test_audit_log_that_was_tampered_with(self):
        for byte in b"12345":
            self.token(bytes([byte]), name="ada")
        noted = self.mccli("audit", "--verify", "-q").stdout.strip()
        self.tamper("DELETE FROM entries WHERE tbl = 10 AND key = ?", 5)
        self.mccli("audit", "--verify")  # the end alone can't be seen to be gone
        said = self.mccli("audit", "--noted", noted, code=1).stderr
        self.assertIn("no entry of the audit log has the hash that was noted", said)
        self.tamper("DELETE FROM entries WHERE tbl = 10 AND key = ?", 3)
        done = self.mccli("audit", "--verify", "-o", "json", code=1)
        self.assertIn("between entries 2 and 4 some are missing", json.loads(done.stderr)["error"]["message"])
        self.assertEqual(done.stdout, "")

    def tamper(self, statement, number):
        """As who can write the broker's disk could."""
        self.cloud.kill()
        (store,) = (self.cloud.folder / "state").glob("*.db")
        with contextlib.closing(sqlite3.connect(store)) as db, db:
            self.assertEqual(db.execute(statement, (number.to_bytes(8, "big"),)).rowcount, 1)
        self.cloud.start()


class OwnersTest(CommandTest):
    def test_vm_is_named_with_its_owner(self):
        self.cloud.worker("node-a", 1)
        self.mccli("create", "web")
        self.assertEqual(self.json("info", "local/web")["owner"], "local")
        self.assertEqual([vm["owner"] for vm in self.json("list")], ["local"])
        self.assertNotIn("OWNER", self.mccli("list").stdout, "there is but one")
        self.assertRegex(self.mccli("list", "-o", "wide").stdout, "NAME +OWNER.*\nweb +local")
        self.assertEqual(self.mccli("stop", "local/web").stdout, "local/web stopped\n")
        self.assertIn("mccli start local/web", self.mccli("ssh", "local/web", code=1).stderr)
        self.assertIn("did you mean local/web?", self.mccli("info", "loacl/web", code=4).stderr)
        self.assertIn("did you mean web?", self.mccli("info", "wbe", code=4).stderr)
        done = self.mccli("start", "web", "local/wbe", code=7)
        self.assertIn("did you mean local/web?", done.stderr)
        self.assertEqual(done.stdout.split(",")[0], "web started")
        self.mccli("info", "local/web/x", code=2)
        self.assertEqual(self.mccli("delete", "local/web").stdout, "local/web deleted\n")


class TokensTest(CommandTest):
    """On a broker that asks for keys; mccli is the admin of its first start."""

    with_keys = True

    def keys_in(self, token):
        """What a joiner reads in a token, with a library of its own."""
        self.assertRegex(token, "^mc1-[A-Za-z0-9_-]+$")
        endpoint, broker, secret, _role = msgpack.unpackb(base64.urlsafe_b64decode(token[4:] + "=" * (-len(token[4:]) % 4)))
        self.assertEqual(endpoint, self.cloud.clients)
        z85 = zmq.utils.z85.encode
        self.assertEqual(z85(broker), self.cloud.admin.broker)
        return Keys(z85(broker), z85(secret))

    def join(self, token, name):
        own = Keys(self.cloud.admin.broker)
        joiner = self.cloud.client(self.keys_in(token))
        reply = joiner.call("join", "JoinRequest", wire.new("JoinRequest", key=own.bytes, name=name))[1]
        joiner.close()
        return own, reply

    def user(self, name):
        client = self.cloud.client(self.cloud.keys(name, USER))
        self.addCleanup(client.close)
        return client

    def test_somebody_joins_with_a_token(self):
        made = self.json("token", "create", "--role", "user", "--name", "ada", "--quota-vms", "1", "--key-ttl", "7d")
        self.assertEqual((made["role"], made["uses"], made["ttl_seconds"]), ("user", 1, 900))
        self.assertEqual(fingerprint(self.keys_in(made["token"]).bytes), made["fingerprint"])
        self.assertEqual(self.json("token")[0]["uses_left"], 1)
        own, reply = self.join(made["token"], "somebody")
        self.assertEqual((reply.name, reply.role), ("ada", USER))
        keys = {key["name"]: key for key in self.json("keys")}
        self.assertEqual(sorted(keys), ["ada", "admin"])
        self.assertEqual((keys["ada"]["fingerprint"], keys["ada"]["made_by"]), (fingerprint(own.bytes), made["fingerprint"]))
        self.assertEqual(keys["ada"]["quota"]["vms"], 1)
        self.assertIsNotNone(keys["ada"]["expires"])
        self.assertEqual(self.json("token")[0]["uses_left"], 0)
        self.assertEqual([e["action"] for e in self.json("audit")], ["admin_key", "token_create", "join"])
        with self.assertRaises(Refused) as refused:
            self.join(made["token"], "bob")
        self.assertEqual(refused.exception.code, wire.NOT_AUTHORISED)
        self.assertIn("the key you use", self.mccli("keys", "revoke", "admin", code=2).stderr)

    def test_what_a_user_may_and_sees(self):
        self.cloud.worker("node-a", 1, keys=self.cloud.keys("node-a", WORKER))
        self.user("bob").create(name="db")
        token = self.mccli("token", "create", "-r", "user", "--name", "ada", "--quota-vms", "1", "-q").stdout.strip()
        ada = {**self.cloud.env(), "XDG_CONFIG_HOME": str(self.cloud.folder / "ada")}
        self.mccli("join", token, env=ada)
        for verb in (["keys"], ["audit"], ["token"], ["keys", "revoke", "bob"], ["token", "create", "-r", "admin"]):
            self.assertIn("a key of role user may not", self.mccli(*verb, code=1, env=ada).stderr)
        self.assertEqual(self.mccli("list", "-q", env=ada).stdout, "")
        self.assertEqual(self.json("create", "web", env=ada)["owner"], "ada")
        self.mccli("create", "more", code=6, env=ada)
        for name in ("db", "bob/db"):
            self.assertIn("there is no VM", self.mccli("delete", name, code=4, env=ada).stderr)
        self.assertEqual(self.mccli("list", "-q", env=ada).stdout, "web\n")
        self.assertEqual(self.mccli("list", "-q").stdout, "ada/web\nbob/db\n")
        denied = [entry for entry in self.json("audit", "--since", "0") if entry["code"] == "denied"]
        self.assertEqual({entry["name"] for entry in denied}, {"ada"})

    def test_what_is_printed_for_people(self):
        said = self.mccli("token", "create", "-r", "worker", "-n", "3")
        self.assertRegex(said.stdout, "a token for 3 workers, good for 15m;(.|\n)* mcworker join mc1-")
        self.assertIn("only programs on the broker's own machine", said.stderr)
        self.keys_in(self.mccli("token", "create", "-r", "user", "-q").stdout.strip())
        self.mccli("token", "create", code=2)
        self.assertIn("has the role admin", self.mccli("token", "create", "-r", "user", "--name", "admin", code=1).stderr)
        self.assertEqual(len(self.json("token")), 2, "a token that was refused is none")

    def test_vms_of_several_owners(self):
        self.cloud.worker("node-a", 1, keys=self.cloud.keys("node-a", WORKER))
        ada, bob = self.user("ada"), self.user("bob")
        for client, name in ((ada, "web"), (bob, "web"), (bob, "db")):
            client.create(name=name)
        self.assertRegex(self.mccli("list").stdout, "NAME +OWNER.*\nweb +ada .*\ndb +bob .*\nweb +bob ")
        self.assertEqual(self.mccli("list", "-q").stdout.split(), ["ada/web", "bob/db", "bob/web"])
        self.assertEqual(self.json("info", "db")["owner"], "bob", "there is no other")
        self.assertIn("say one of ada/web, bob/web", self.mccli("stop", "web", code=2).stderr)
        self.assertEqual(self.mccli("stop", "bob/web", "db").stdout, "bob/web stopped\ndb stopped\n")
        self.assertEqual([vm.state for vm in ada.list()[0]], [wire.RUNNING])
        self.assertIn("did you mean bob/web?", self.mccli("info", "bbo/web", code=4).stderr)
        self.mccli("create", "web")
        self.assertEqual(self.json("info", "web")["owner"], "admin", "one's own comes first")


if __name__ == "__main__":
    unittest.main()
