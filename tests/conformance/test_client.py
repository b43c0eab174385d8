"""What docs/protocol.md promises a client, tried on the real broker."""

import os
import unittest

import minicloud_wire as wire
from client import Refused, Watcher
from cloud import SLOWNESS, Cloud, wait_for


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.cloud = Cloud()
        self.addCleanup(self.cloud.end)
        self.client = self.cloud.client()

    def refused(self, code, call, *args, **kwargs):
        with self.assertRaises(Refused) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.code, code, caught.exception)
        self.assertTrue(caught.exception.message)

    def create_one(self, **spec):
        code, reply = self.client.create(**spec)
        self.assertEqual((code, len(reply.items)), (wire.OK, 1), reply)
        return reply.items[0].vm

    def test_hello_says_who_the_broker_is(self):
        hello = self.client.hello()
        self.assertTrue(hello.version)
        self.assertNotEqual(hello.cloud, 0)
        self.assertEqual(hello.events_endpoint, self.cloud.events)
        self.assertEqual(self.client.hello().cloud, hello.cloud)

    def test_create_gives_names_in_turn_and_the_name_asked_for(self):
        self.cloud.worker("a", 1)
        first, named, second = self.create_one(), self.create_one(name="web"), self.create_one()
        self.assertEqual([first.name, named.name, second.name], ["vm-1", "web", "vm-2"])
        self.assertEqual(first.state, wire.RUNNING)
        self.assertEqual((first.node, first.ssh_host, first.username), ("a", "192.0.2.1", "root"))
        self.assertTrue(first.host_key.startswith("ssh-ed25519 "))
        self.assertGreater(first.ssh_port, 0)
        self.assertEqual(
            (first.image, first.cpus_milli, first.memory_bytes, first.pids), ("minicloud/vm:latest", 1000, 512 << 20, 512)
        )
        self.assertIn("accepted", [p.stage for p in self.client.progress])

    def test_numbers_are_not_used_again(self):
        self.cloud.worker("a", 1)
        self.create_one()
        self.client.act("delete", "vm-1")
        self.assertEqual(self.create_one().name, "vm-2")

    def test_spec_reaches_the_worker(self):
        worker = self.cloud.worker("a", 1)
        key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me"
        request_id = wire.new_id()
        code, reply = self.client.create(
            name="web", image="debian:12", cpus_milli=500, memory_bytes=64 << 20, pids=99, env=["A=b"],
            authorized_keys=[key], password_hash="$6$a$b", labels=[wire.new("Label", key="k", value="v")],
            ttl_seconds=3600, request_id=request_id,
        )  # fmt: skip
        self.assertEqual(code, wire.OK)
        verb, _, order = worker.orders[0]
        spec = order.spec
        self.assertEqual((verb, order.vm, order.request), ("vm_create", reply.items[0].vm.id, request_id))
        self.assertEqual((spec.name, spec.image, spec.cpus_milli, spec.memory_bytes), ("web", "debian:12", 500, 64 << 20))
        self.assertEqual((spec.pids, spec.env, spec.authorized_keys), (99, ["A=b"], [key]))
        self.assertEqual((spec.password_hash, spec.labels[0].value, spec.ttl_seconds), ("$6$a$b", "v", 3600))
        view = reply.items[0].vm
        self.assertTrue(view.password)
        self.assertEqual(view.expires, view.created + 3600 * 1000)

    def test_batch_has_one_item_each(self):
        self.cloud.worker("a", 1, slots=8)
        code, reply = self.client.create(count=5)
        self.assertEqual(code, wire.OK)
        self.assertEqual([i.vm.name for i in reply.items], [f"vm-{n}" for n in range(1, 6)])
        self.assertEqual(len({i.vm.id for i in reply.items}), 5)

    def test_largest_batch_has_a_reply_that_fits(self):
        worker = self.cloud.worker("a", 1, slots=1000)
        labels = [wire.new("Label", key=f"k{i}", value="v" * 255) for i in range(8)]
        code, reply = self.client.create(
            count=1000, labels=labels, cpus_milli=10, memory_bytes=16 << 20, timeout=60 * SLOWNESS
        )
        self.assertEqual((code, len(reply.items)), (wire.OK, 1000))
        self.assertEqual({(i.code, i.vm) for i in reply.items}, {(wire.OK, None)})
        vms, pages = self.client.list()
        self.assertEqual(({vm.name for vm in vms}, len(worker.vms)), ({i.target for i in reply.items}, 1000))
        self.assertGreater(pages, 1)

    def test_repeat_of_a_create_is_answered_and_not_carried_out(self):
        worker = self.cloud.worker("a", 1)
        request_id = wire.new_id()
        first = self.client.create(name="web", request_id=request_id)
        again = self.cloud.client().create(name="web", request_id=request_id)
        self.assertEqual(first, again)
        self.assertEqual([o[0] for o in worker.orders], ["vm_create"])
        self.assertEqual(len(self.client.list()[0]), 1)

    def test_repeat_under_way_waits_for_the_same_outcome(self):
        worker = self.cloud.worker("a", 1)
        request_id = wire.new_id()
        body = wire.pack("CreateRequest", wire.new("CreateRequest", spec=wire.new("VmSpec", image="slow")))
        other = self.cloud.client()
        for client in (self.client, self.client, other):
            client.send(wire.message(wire.REQUEST, "create", request_id, body))
        for client in (self.client, other):
            client.hello()  # what was sent before it has been heard
        worker.finish_slow.set()
        one, two = self.client.reply_to(request_id), other.reply_to(request_id)
        self.assertEqual((one.code, one.body), (wire.OK, two.body))
        self.assertEqual([o[0] for o in worker.orders], ["vm_create"])

    def test_same_id_with_other_contents_is_a_conflict(self):
        self.cloud.worker("a", 1)
        request_id = wire.new_id()
        self.client.create(name="web", request_id=request_id)
        self.refused(wire.REQUEST_CONFLICT, self.client.create, name="other", request_id=request_id)
        self.refused(wire.REQUEST_CONFLICT, self.client.act, "delete", "web", request_id=request_id)
        self.assertEqual([vm.name for vm in self.client.list()[0]], ["web"])

    def test_failed_create_leaves_nothing(self):
        self.cloud.worker("a", 1)
        code, reply = self.client.create(name="web", image="missing")
        self.assertEqual((code, reply.items[0].code), (wire.IMAGE_NOT_FOUND, wire.IMAGE_NOT_FOUND))
        self.assertIn("missing", reply.items[0].message)
        self.assertEqual(self.client.list()[0], [])
        self.assertEqual(self.create_one(name="web").name, "web")

    def test_bad_creates_are_refused(self):
        self.cloud.worker("a", 1)
        self.refused(wire.INVALID_ARGUMENT, self.client.create, name="Not-A-Label")
        self.refused(wire.INVALID_ARGUMENT, self.client.create, image="a b")
        self.refused(wire.INVALID_ARGUMENT, self.client.create, env=["9=x"])
        self.refused(wire.INVALID_ARGUMENT, self.client.create, pids=15)
        self.refused(wire.INVALID_ARGUMENT, self.client.create, count=0)
        self.refused(wire.INVALID_ARGUMENT, self.client.create, count=1001)
        self.refused(wire.INVALID_ARGUMENT, self.client.create, count=2, name="web")
        self.refused(wire.TOO_LARGE, self.client.create, name="x" * 64)
        self.refused(wire.TOO_LARGE, self.client.create, authorized_keys=["k"] * 65)
        self.assertEqual(self.client.list()[0], [])

    def test_name_that_is_taken(self):
        self.cloud.worker("a", 1)
        self.create_one(name="web")
        code, reply = self.client.create(name="web")
        self.assertEqual((code, reply.items[0].code), (wire.ALREADY_EXISTS, wire.ALREADY_EXISTS))

    def test_full_cloud(self):
        self.cloud.worker("a", 1, slots=2)
        code, reply = self.client.create(count=3)
        self.assertEqual(code, wire.NO_CAPACITY)
        self.assertEqual(sorted(i.code for i in reply.items), [wire.OK, wire.OK, wire.NO_CAPACITY])

    def test_list_pages_in_the_order_of_names(self):
        self.cloud.worker("a", 1, slots=20)
        self.client.create(count=11)
        whole, pages = self.client.list()
        self.assertEqual((len(whole), pages), (11, 1))
        paged, pages = self.client.list(limit=4)
        self.assertEqual((paged, pages), (whole, 3))
        self.assertEqual([vm.name for vm in whole], sorted(vm.name for vm in whole))

    def test_info_by_name_and_by_id(self):
        self.cloud.worker("a", 1)
        vm = self.create_one()
        self.assertEqual(self.client.info("vm-1").id, vm.id)
        self.assertEqual(self.client.info(f"{vm.id:016x}").name, "vm-1")
        self.refused(wire.NOT_FOUND, self.client.info, "nobody")

    def test_stop_start_restart(self):
        worker = self.cloud.worker("a", 1)
        self.create_one()
        for verb, state in (("stop", wire.STOPPED), ("start", wire.RUNNING), ("restart", wire.RUNNING)):
            code, reply = self.client.act(verb, "vm-1")
            self.assertEqual((verb, code, reply.items[0].vm.state), (verb, wire.OK, state))
        self.assertEqual([o[0] for o in worker.orders], ["vm_create", "vm_stop", "vm_start", "vm_restart"])
        self.assertEqual(self.client.act("start", "vm-1")[0], wire.OK)

    def test_delete_with_one_bad_name_goes_on(self):
        worker = self.cloud.worker("a", 1)
        self.client.create(count=2)
        code, reply = self.client.act("delete", "vm-1", "nobody", "vm-2")
        self.assertEqual([i.code for i in reply.items], [wire.OK, wire.NOT_FOUND, wire.OK])
        self.assertEqual((code, reply.items[1].target), (wire.NOT_FOUND, "nobody"))
        self.assertEqual((self.client.list()[0], worker.vms), ([], {}))

    def test_empty_targets_are_an_error(self):
        self.cloud.worker("a", 1)
        self.create_one()
        for verb in ("delete", "stop", "start", "restart"):
            self.refused(wire.INVALID_ARGUMENT, self.client.act, verb)
        self.assertEqual(len(self.client.list()[0]), 1)

    def test_job_and_jobs(self):
        self.cloud.worker("a", 1)
        request_id = wire.new_id()
        self.client.create(request_id=request_id)
        job = self.client.job(request_id)
        self.assertEqual((job.request, job.verb, job.done, len(job.items)), (request_id, 2, True, 1))
        self.client.act("stop", "vm-1")
        jobs = self.client.call("jobs")[1].jobs
        self.assertEqual([j.verb for j in jobs], [wire.VERBS["stop"], wire.VERBS["create"]])
        self.refused(wire.NOT_FOUND, self.client.job, wire.new_id())

    def test_deadline_is_unknown_and_the_request_goes_on(self):
        worker = self.cloud.worker("a", 1)
        request_id = wire.new_id()
        self.refused(
            wire.DEADLINE_EXCEEDED, self.client.create, name="web", image="slow", request_id=request_id, deadline_ms=300
        )
        worker.finish_slow.set()
        code, reply = self.client.create(name="web", image="slow", request_id=request_id)
        self.assertEqual((code, reply.items[0].vm.state), (wire.OK, wire.RUNNING))
        self.assertEqual(len(self.client.list()[0]), 1)

    def test_cancel_of_a_create_removes_what_it_began(self):
        worker = self.cloud.worker("a", 1)
        request_id = wire.new_id()
        body = wire.pack("CreateRequest", wire.new("CreateRequest", spec=wire.new("VmSpec", image="slow")))
        self.client.send(wire.message(wire.REQUEST, "create", request_id, body))
        wait_for(lambda: worker.orders, "the worker has its order")
        self.cloud.client().call("cancel", "JobRequest", wire.new("JobRequest", request=request_id))
        reply = self.client.reply_to(request_id)
        self.assertEqual(reply.code, wire.CANCELLED)
        wait_for(lambda: not self.client.list()[0], "the VM is gone")
        self.assertEqual(worker.vms, {})

    def test_without_a_node_a_create_fails_in_time(self):
        self.cloud.end()
        self.cloud.__init__("--placement-wait", "1s")
        self.client = self.cloud.client()
        code, reply = self.client.create(timeout=20)
        self.assertEqual((code, reply.items[0].code), (wire.NO_NODE, wire.NO_NODE))
        self.assertEqual(self.client.list()[0], [])


class EventsTest(unittest.TestCase):
    def setUp(self):
        self.cloud = Cloud()
        self.addCleanup(self.cloud.end)
        self.client = self.cloud.client()

    def test_watcher_sees_each_event_once_and_in_order(self):
        watcher = Watcher(self.cloud.events, self.client)
        self.addCleanup(watcher.close)
        self.cloud.worker("a", 1)
        request_id = wire.new_id()
        self.client.create(request_id=request_id)
        self.client.act("stop", "vm-1")
        self.client.act("delete", "vm-1")
        deleted = watcher.until("vm.deleted", "vm-1")
        kinds = [e.kind for e in watcher.seen if e.name == "vm-1"]
        self.assertEqual(kinds, ["vm.creating", "vm.running", "vm.stopped", "vm.deleting", "vm.deleted"])
        self.assertIn("node.joined", [e.kind for e in watcher.seen])
        running = next(e for e in watcher.seen if e.kind == "vm.running")
        self.assertEqual((running.node, running.request), ("a", request_id))
        self.assertEqual(deleted.seq, watcher.last)

    def test_replay_has_no_hole(self):
        self.cloud.worker("a", 1)
        self.client.create(count=5)
        whole = self.client.events()
        self.assertEqual([e.seq for e in whole.events], list(range(1, whole.last + 1)))
        self.assertEqual(whole.events[0].kind, "broker.started")
        part = self.client.events(after=3, limit=4)
        self.assertEqual([e.seq for e in part.events], [4, 5, 6, 7])
        self.assertEqual((part.last, part.cloud), (whole.last, self.client.hello().cloud))
        self.assertEqual(self.client.events(after=whole.last).events, [])

    def test_replay_says_what_is_gone(self):
        self.cloud.end()
        self.cloud.__init__("--events-kept", "5")
        self.client = self.cloud.client()
        self.cloud.worker("a", 1)
        self.client.create(count=4)
        reply = self.client.events(after=1)
        self.assertEqual(reply.first_kept, reply.last - 4)
        self.assertEqual([e.seq for e in reply.events], list(range(reply.first_kept, reply.last + 1)))

    def test_watcher_that_was_away_closes_the_hole(self):
        watcher = Watcher(self.cloud.events, self.client)
        self.addCleanup(watcher.close)
        self.cloud.worker("a", 1)
        watcher.socket.disconnect(self.cloud.events)
        while watcher.socket.poll(50):
            watcher.socket.recv_multipart()
        self.client.create(count=3)
        watcher.socket.connect(self.cloud.events)
        watcher.until("vm.running", "vm-3")
        self.assertGreater(watcher.replayed, 0)
        self.assertEqual([e.seq for e in watcher.seen], list(range(watcher.seen[0].seq, watcher.last + 1)))


class HostileTest(unittest.TestCase):
    """Nothing that a peer sends ends the broker or changes a thing."""

    def setUp(self):
        self.cloud = Cloud()
        self.addCleanup(self.cloud.end)
        self.client = self.cloud.client()

    def answer(self, frames, client=None):
        """(code, id) of the refusal of those frames."""
        client = client or self.client
        client.socket.send_multipart(frames)
        reply = client.receive()
        self.assertIsNotNone(reply, frames)
        self.assertEqual((reply.kind, reply.value), (wire.REPLY, 1))
        self.assertTrue(wire.unpack("ErrorBody", reply.body).message)
        return reply.code, reply.id

    def header(self, **change):
        fields = dict(magic=b"MC", version=1, kind=1, verb=1, code=0, id=b"i" * 16, value=0, sequence=0) | change
        return wire.HEADER.pack(*fields.values())

    def test_headers(self):
        mine = b"i" * 16
        for frames, code, request_id in (
            ([self.header(version=2), b""], wire.UNSUPPORTED_VERSION, mine),
            ([self.header(version=2) + b"longer", b""], wire.UNSUPPORTED_VERSION, mine),
            ([self.header(verb=999), b""], wire.UNKNOWN_VERB, mine),
            ([self.header(verb=wire.VERBS["vm_create"]), b""], wire.UNKNOWN_VERB, mine),
            ([self.header(verb=wire.VERBS["node_register"]), b""], wire.UNKNOWN_VERB, mine),
            ([self.header(kind=0), b""], wire.BAD_MESSAGE, mine),
            ([self.header(kind=9), b""], wire.BAD_MESSAGE, mine),
            ([self.header(kind=wire.REPLY), b""], wire.BAD_MESSAGE, mine),
            ([self.header(magic=b"XX"), b""], wire.BAD_MESSAGE, mine),
            ([self.header(id=wire.ZERO_ID), b""], wire.BAD_MESSAGE, wire.ZERO_ID),
            ([self.header()], wire.BAD_MESSAGE, mine),
            ([self.header(), b"", b"", b""], wire.BAD_MESSAGE, mine),
            ([b"garbage"], wire.BAD_MESSAGE, wire.ZERO_ID),
            ([b"", b""], wire.BAD_MESSAGE, wire.ZERO_ID),
        ):
            self.assertEqual(self.answer(frames), (code, request_id), frames)
        self.client.hello()

    def test_bodies(self):
        create = self.header(verb=wire.VERBS["create"])
        for body, code in (
            (b"\xc1", wire.BAD_MESSAGE),
            (b"\x05", wire.BAD_MESSAGE),
            (b"\x93\x9a", wire.BAD_MESSAGE),
            (b"\x80", wire.BAD_MESSAGE),
            (b"\x91\x91\xa1\xff", wire.BAD_MESSAGE),
            (b"\xdd\xff\xff\xff\xff", wire.TOO_LARGE),
            (b"\x91" * 200000, wire.TOO_LARGE),
        ):
            self.assertEqual(self.answer([create, body])[0], code, body[:8])
        self.assertIn(self.answer([create, b"\xdb\xff\xff\xff\xff"])[0], (wire.BAD_MESSAGE, wire.TOO_LARGE))
        self.client.hello()

    def test_worker_side_refuses_clients_and_strangers(self):
        stranger = type(self.client)(self.cloud.workers, self.cloud.context)
        heartbeat = wire.message(wire.NOTICE, "node_heartbeat")
        self.assertEqual(self.answer(heartbeat.frames(), stranger)[0], wire.NOT_REGISTERED)
        self.assertEqual(self.answer([self.header(verb=wire.VERBS["list"]), b""], stranger)[0], wire.UNKNOWN_VERB)
        self.assertEqual(self.answer([b"garbage"], stranger)[0], wire.BAD_MESSAGE)
        bad = wire.new("RegisterRequest", name="../a", node=1, boot=1)
        frames = wire.message(wire.REQUEST, "node_register", b"i" * 16, wire.pack("RegisterRequest", bad)).frames()
        self.assertEqual(self.answer(frames, stranger)[0], wire.INVALID_ARGUMENT)
        self.assertEqual(self.client.nodes(), [])

    def test_oversized_frames_hurt_only_their_sender(self):
        flooder = self.cloud.client()
        flooder.socket.send_multipart([self.header(verb=wire.VERBS["create"]), bytes(2 << 20)])
        self.assertIsNone(flooder.receive(0.5))
        self.client.hello()
        flooder.close()
        whole = bytes((1 << 20) - 8)
        self.assertEqual(self.answer([self.header(verb=wire.VERBS["create"]), whole])[0], wire.BAD_MESSAGE)

    def test_random_bytes(self):
        for size in (0, 1, 24, 31, 32, 33, 100, 5000):
            self.client.socket.send_multipart([os.urandom(size), os.urandom(size)])
            self.client.socket.send_multipart([self.header(verb=2), os.urandom(size)])
            self.client.socket.send_multipart([self.header(kind=wire.DATA, verb=9), b"", os.urandom(size)])
        while self.client.receive(0.3):
            pass
        self.client.hello()


if __name__ == "__main__":
    unittest.main()
