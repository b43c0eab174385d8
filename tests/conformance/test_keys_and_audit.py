"""Keys, tokens and the audit log, as the admin `local` over ipc sees them."""

import hashlib
import unittest

import minicloud_wire as wire
from client import Refused
from cloud import Cloud

USER, ADMIN = 2, 4


def fingerprint(key):
    return hashlib.blake2b(key, digest_size=16).hexdigest()[:16]


def hash_of(entry):
    """As docs/protocol.md says under AuditEntry."""
    pieces = [
        entry.previous, str(entry.seq), str(entry.time), entry.key, entry.name, entry.action, entry.target,
        str(entry.code), entry.request.hex(), entry.detail,
    ]  # fmt: skip
    text = b"".join(str(len(piece.encode())).encode() + b":" + piece.encode() for piece in pieces)
    return hashlib.blake2b(text, digest_size=32).hexdigest()


class KeysAndAuditTest(unittest.TestCase):
    def setUp(self):
        self.cloud = Cloud()
        self.addCleanup(self.cloud.end)
        self.client = self.cloud.client()
        self.addCleanup(self.client.close)

    def token(self, key, **fields):
        request = wire.new("TokenCreateRequest", key=key, **{"role": USER, **fields})
        return self.client.call("token_create", "TokenCreateRequest", request)[1].items[0]

    def keys(self, **fields):
        return self.client.call("keys", "KeysRequest", wire.new("KeysRequest", **fields))[1]

    def revoke(self, *targets):
        return self.client.call("revoke", "RevokeRequest", wire.new("RevokeRequest", targets=list(targets)))[1].items

    def audit(self, **fields):
        return self.client.call("audit", "AuditRequest", wire.new("AuditRequest", **fields))[1]

    def test_caller_without_a_key_is_the_admin_local(self):
        hello = self.client.hello()
        self.assertEqual((hello.name, hello.role), ("local", ADMIN))

    def test_token_is_listed_until_it_is_revoked(self):
        one, two = b"1" * 32, b"2" * 32
        self.assertEqual(self.token(one, name="ada", uses=3).code, wire.OK)
        self.assertEqual(self.token(two).code, wire.OK)
        self.assertEqual(self.token(two).code, wire.ALREADY_EXISTS)
        listed = {key.fingerprint: key for key in self.keys().keys}
        self.assertEqual(sorted(listed), sorted([fingerprint(one), fingerprint(two)]))
        ada = listed[fingerprint(one)]
        self.assertEqual((ada.name, ada.role, ada.grants, ada.uses_left), ("ada", 0, USER, 3))
        self.assertEqual(ada.expires - ada.created, 900_000)
        first = self.keys(limit=1)
        self.assertEqual(first.next, first.keys[0].fingerprint)
        self.assertEqual(len(self.keys(after=first.next).keys), 1)
        self.assertEqual([item.code for item in self.revoke("ada", "nobody")], [wire.OK, wire.NOT_FOUND])
        self.assertEqual([key.fingerprint for key in self.keys().keys], [fingerprint(two)])
        with self.assertRaises(Refused) as refused:
            self.revoke()
        self.assertEqual(refused.exception.code, wire.INVALID_ARGUMENT)

    def test_joining_takes_a_token(self):
        with self.assertRaises(Refused) as refused:
            self.client.call("join", "JoinRequest", wire.new("JoinRequest", key=b"3" * 32, name="ada"))
        self.assertEqual(refused.exception.code, wire.DENIED)

    def test_audit_log_is_a_chain(self):
        self.cloud.worker("node-a", 1)
        self.token(b"1" * 32, name="ada")
        self.client.call("create", "CreateRequest", wire.new("CreateRequest", spec=wire.new("VmSpec", name="web")))
        self.assertEqual(self.client.list()[0][0].owner, "local")
        self.client.call("delete", "ActionRequest", wire.new("ActionRequest", targets=["web", "nothing"]))
        log = self.audit()
        told = [(e.name, e.action, e.target, e.code) for e in log.entries]
        self.assertEqual(
            told[:3],
            [
                ("local", "node_register", "node-a", wire.OK),
                ("local", "token_create", "ada", wire.OK),
                ("local", "create", "local/web", wire.OK),
            ],
        )
        self.assertEqual(
            sorted(told[3:]),
            sorted([("local", "delete", "nothing", wire.NOT_FOUND), ("local", "delete", "local/web", wire.OK)]),
        )
        self.assertEqual((log.first_kept, log.last), (1, 5))
        before = ""
        for number, entry in enumerate(log.entries, 1):
            self.assertEqual((entry.seq, entry.previous, entry.hash), (number, before, hash_of(entry)))
            before = entry.hash
        self.assertEqual([e.seq for e in self.audit(after=2, limit=1).entries], [3])
        self.cloud.kill()
        self.cloud.start()
        self.assertEqual(self.audit().entries[-1].hash, before)


if __name__ == "__main__":
    unittest.main()
