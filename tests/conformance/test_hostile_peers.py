"""Peers that have a key, and use it for what is not theirs; and peers that have none, and use up what they can."""

import ctypes
import pathlib
import socket
import struct
import threading
import time
import unittest

import zmq

import minicloud_wire as wire
from client import Client, Refused, Watcher
from cloud import KeyedCloudTest, wait_for
from loopback import address_of
from raw_peer import GREETING
from worker import Worker

WORKER, USER = 1, 2


class HostileClient(Client):
    """Chooses its routing id, which a client is told not to."""

    def __init__(self, endpoint, context, keys, routing_id):
        self.routing_id = routing_id
        super().__init__(endpoint, context, keys)

    def connect(self):
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.routing_id = self.routing_id
        self.keys.use(self.socket)
        self.socket.connect(self.endpoint)


class HostileWorker(Worker):
    """Likewise."""

    def __init__(self, endpoint, name, node, routing_id, keys):
        super().__init__(endpoint, name, node, keys=keys)
        self.routing_id = routing_id

    def connect(self):
        super().connect(self.routing_id)


class HostilePeersTest(KeyedCloudTest):
    def setUp(self):
        super().setUp()
        self.ada, self.eve = self.cloud.keys("ada", USER), self.cloud.keys("eve", USER)

    def hostile(self, keys, routing_id=b"same"):
        client = HostileClient(self.cloud.clients, self.cloud.context, keys, routing_id)
        self.addCleanup(client.close)
        return client

    def hostile_watcher(self):
        eve = self.cloud.context.socket(zmq.XSUB)
        eve.linger, eve.sndhwm = 0, 0
        self.eve.use(eve)
        self.addCleanup(eve.close)
        eve.connect(self.cloud.events)
        return eve

    def node(self, name="node-1", number=1):
        return self.cloud.worker(name, number, keys=self.cloud.keys(name, WORKER))

    def slow_create(self, client):
        """A create that takes until the worker's `finish_slow` and was accepted. Returns its id."""
        request_id = wire.new_id()
        body = wire.new("CreateRequest", spec=wire.new("VmSpec", name="web", image="slow"), count=1)
        client.send(wire.message(wire.REQUEST, "create", request_id, wire.pack("CreateRequest", body)))
        accepted = client.receive()
        self.assertEqual((accepted.kind, accepted.id), (wire.PROGRESS, request_id))
        return request_id

    def test_a_routing_id_in_use_can_not_be_taken_over(self):
        node = self.node()
        ada = self.hostile(self.ada)
        request_id = self.slow_create(ada)
        eve = self.hostile(self.eve)
        eve.send(wire.message(wire.REQUEST, "hello", wire.new_id(), wire.pack("HelloRequest", wire.new("HelloRequest"))))
        self.assertIsNone(eve.receive(1))
        node.finish_slow.set()
        self.assertEqual(ada.reply_to(request_id).code, wire.OK)
        self.assertIsNone(eve.receive(0.5))

    def test_a_routing_id_that_was_anothers_brings_nothing_of_theirs(self):
        node = self.node()
        ada = self.hostile(self.ada)
        request_id = self.slow_create(ada)
        ada.close()
        # The broker has noticed once the name is free: then this one is answered.
        eve = self.hostile(self.eve)
        ids, answered = set(), None
        end = time.monotonic() + 10
        while not answered and time.monotonic() < end:
            ids.add(one := wire.new_id())
            eve.send(wire.message(wire.REQUEST, "hello", one, wire.pack("HelloRequest", wire.new("HelloRequest"))))
            answered = eve.receive(0.2)
            if not answered:
                eve.close()
                eve.connect()
        self.assertIn(answered.id, ids)
        node.finish_slow.set()
        wait_for(lambda: [vm.state for vm in self.admin.list()[0]] == [wire.RUNNING], "the VM runs")
        while message := eve.receive(0.3):
            self.assertNotEqual(message.id, request_id)
        # Who made it gets to know by asking again, as always.
        again = self.cloud.client(self.ada)
        self.addCleanup(again.close)
        self.assertEqual(again.job(request_id).request, request_id)

    def test_routing_ids_can_not_be_foretold(self):
        # libzmq 4.3.4 begins with two numbers of rand(), seeds it nowhere, and ends the process when the next id is taken.
        c = ctypes.CDLL(None)
        c.srand(1)
        unseeded = [c.rand() for _ in range(8)]
        for low, high in zip(unseeded[::2], unseeded[1::2]):
            first = (low | high << 31) & 0xFFFFFFFF
            for ahead in range(60):
                peer = self.hostile(self.cloud.admin, b"\0" + struct.pack(">I", (first + ahead) & 0xFFFFFFFF))
                if ahead == 59:
                    peer.hello()  # it is in, and so are those before it
        for _ in range(30):
            client = self.cloud.client(self.ada)
            self.addCleanup(client.close)
            client.hello()
        self.assertIsNone(self.cloud.broker.poll())

    def test_a_replayed_request_does_nothing_for_another(self):
        self.node()
        ada = self.cloud.client(self.ada)
        self.addCleanup(ada.close)
        request_id, spec = wire.new_id(), dict(name="web")
        self.assertEqual(ada.create(request_id=request_id, **spec)[1].items[0].code, wire.OK)
        eve = self.cloud.client(self.eve)
        self.addCleanup(eve.close)
        with self.assertRaises(Refused) as refused:
            eve.create(request_id=request_id, **spec)
        self.assertEqual(refused.exception.code, wire.REQUEST_CONFLICT)
        with self.assertRaises(Refused) as refused:
            eve.job(request_id)
        self.assertEqual(refused.exception.code, wire.NOT_FOUND)
        # On a new connection of the same key it is the same request, and has the same outcome.
        ada.close()
        ada.connect()
        self.assertEqual(ada.create(request_id=request_id, **spec)[1].items[0].code, wire.OK)
        self.assertEqual(len(self.admin.list()[0]), 1)

    def test_a_worker_can_not_register_as_another_node(self):
        self.node()
        other = Worker(self.cloud.workers, "node-1", 1, keys=self.cloud.keys("other", WORKER))
        self.cloud.members.append(other)
        other.start()
        wait_for(lambda: other.errors, "it was refused")
        self.assertEqual(other.errors[0][:2], ("node_register", wire.NOT_AUTHORISED))
        self.assertFalse(other.registered.is_set())
        [node] = self.admin.nodes()
        self.assertEqual((node.name, node.state), ("node-1", 0))

    def test_a_worker_can_not_speak_for_another_nodes_vm(self):
        self.node()
        vm_id = self.admin.create(name="web")[1].items[0].vm.id
        lies = {vm_id: wire.new("VmReport", vm=vm_id, state=wire.EXITED, container="c", ssh_port=1, host_key="ssh-ed25519 LIE")}
        liar = self.cloud.worker("node-2", 2, keys=self.cloud.keys("node-2", WORKER), vms=lies)
        wait_for(lambda: liar.registrations >= 1, "it has reported")
        self.admin.act("restart", "web")  # by then what it said has been heard
        vm = self.admin.info("web")
        self.assertEqual((vm.state, vm.node), (wire.RUNNING, "node-1"))
        self.assertNotIn("LIE", vm.host_key)

    def start(self, worker):
        self.cloud.members.append(worker)
        worker.start()
        return worker

    def test_a_workers_routing_id_can_not_be_taken_over(self):
        def hostile(name, number, keys):
            return self.start(HostileWorker(self.cloud.workers, name, number, b"same", keys))

        node, mallory = hostile("node-1", 1, self.cloud.keys("node-1", WORKER)), self.cloud.keys("node-2", WORKER)
        wait_for(lambda: self.admin.nodes() and self.admin.nodes()[0].state == 0, "the node is ready")
        vm = self.admin.create(name="web", node="node-1")[1].items[0].vm
        other = hostile("node-2", 2, mallory)
        self.assertFalse(other.registered.wait(2), "it has that connection's place")
        self.admin.act("restart", "web")
        self.assertEqual((len(node.orders), other.orders), (2, []))
        other.end()
        # Even when the first is gone, and the name is free: what is behind it goes by the key.
        node.end()
        others, end = [], time.monotonic() + 30
        while not (others and others[-1].errors) and time.monotonic() < end:
            others.append(hostile("node-2", 2, mallory))
            time.sleep(1)
            if not others[-1].errors:  # the broker had not noticed that the name was free
                others[-1].end()
        self.assertEqual(others[-1].errors[0][:2], ("node_register", wire.NOT_AUTHORISED))
        self.assertIn("routing id was used with another key", others[-1].errors[0][2])
        wait_for(lambda: [one.state for one in self.admin.nodes() if one.name == "node-1"] != [0], "the first node is silent")
        [item] = self.admin.act("delete", "web")[1].items
        self.assertNotEqual(item.code, wire.OK)  # it is written down, and done when the node is back
        self.assertEqual([one.orders for one in others], [[] for _ in others], "an order for the first node's VM came to the second")
        # Whoever has the right key gets them, on whatever connection.
        again = self.start(Worker(self.cloud.workers, "node-1", 1, keys=node.keys, vms=node.vms))
        wait_for(lambda: not self.admin.list()[0], "the VM is removed")
        self.assertIn(vm.id, [order.vm for *_, order in again.orders])

    def test_a_worker_that_says_a_huge_epoch_disturbs_no_other(self):
        node = self.node()
        for number, epoch in enumerate((2**64 - 1, 2**63, 10**12), 2):
            liar = Worker(self.cloud.workers, f"node-{number}", number, keys=self.cloud.keys(f"node-{number}", WORKER))
            liar.epoch_seen = epoch
            self.start(liar)
            wait_for(lambda: liar.errors, "it was refused")
            self.assertEqual(liar.errors[0][:2], ("node_register", wire.INVALID_ARGUMENT))
        # One that is believed raises it for all, and no order is refused for that.
        liar = Worker(self.cloud.workers, "node-9", 9, keys=self.cloud.keys("node-9", WORKER))
        liar.epoch_seen = 100_000
        self.start(liar)
        wait_for(lambda: liar.registered.is_set(), "it has registered")
        self.assertEqual(self.admin.create(name="web", node="node-1")[1].items[0].code, wire.OK)
        self.assertEqual(self.admin.act("restart", "web")[0], wire.OK)
        self.assertEqual((node.errors, node.registrations), ([], 1))

    def test_what_is_no_subscription_brings_nobody_the_events_of_others(self):
        # libzmq 4.3.4 loses count of whose subscription is which when an XSUB sends it something else in between.
        self.node()
        eve = self.hostile_watcher()
        enough, watchers = threading.Event(), []

        def flood():
            while not enough.is_set():
                for frame in [b"no subscription"] * 50 + [b"\x01event/eve/"]:
                    eve.send(frame)

        flooding = threading.Thread(target=flood)
        flooding.start()
        for _ in range(20):
            watch = self.cloud.context.socket(zmq.SUB)
            watch.linger = 0
            self.cloud.admin.use(watch)
            watch.subscribe(b"")
            watch.connect(self.cloud.events)
            self.addCleanup(watch.close)
            watchers.append(watch)
            time.sleep(0.05)
        enough.set()
        flooding.join()
        wait_for(lambda: "refused key" in self.cloud.log_text(), "who did it is not let in again")
        self.assertIn("what no subscriber sends", self.cloud.log_text())
        for one in watchers:
            wait_for(lambda: self.admin.call("beacon") and one.poll(100), "the others are connected again")
        ada = self.cloud.client(self.ada)
        self.addCleanup(ada.close)
        watch = Watcher(self.cloud.events, ada)
        self.addCleanup(watch.close)
        ada.create(name="web")
        watch.until("vm.running", "web")
        for one in watchers:
            wait_for(lambda: one.poll(100) and one.recv_multipart()[0] == b"events", "the others hear it")
        while eve.poll(200):
            self.assertIn(eve.recv_multipart()[0], (b"event/eve/", b"beacon"))

    def test_a_flood_of_subscriptions_ends_at_the_door(self):
        watch = Watcher(self.cloud.events, self.admin)
        self.addCleanup(watch.close)
        eve = self.hostile_watcher()
        for number in range(100_000):
            eve.send(b"\x01event/eve/%d" % number)
        wait_for(lambda: "a flood of subscriptions" in self.cloud.log_text(), "it was noticed")
        wait_for(lambda: "refused key" in self.cloud.log_text(), "who did it is not let in again")
        self.node()
        watch.until("node.ready", "node-1")
        self.assert_audited("a flood of subscriptions")

    def test_a_drip_of_subscriptions_ends_at_the_door_too(self):
        watch = Watcher(self.cloud.events, self.admin)
        self.addCleanup(watch.close)
        eve = self.hostile_watcher()
        # Slow enough to be no flood; a prefix that is there already costs nothing, and others' are not counted.
        for _ in range(50):
            eve.send(b"\x01event/eve/")
        number, end = 0, time.monotonic() + 60
        while "more subscriptions than one key may have" not in self.cloud.log_text() and time.monotonic() < end:
            for _ in range(50):
                eve.send(b"\x01event/eve/%0100d" % number)
                number += 1
            time.sleep(0.05)
            self.admin.hello()  # a broker that stands still is not sent more meanwhile
        self.assertNotIn("a flood of subscriptions", self.cloud.log_text())
        self.assertGreater(number, 64 * 1024 // 120)
        self.assertLess(number, 3 * 64 * 1024 // 110)
        wait_for(lambda: "refused key" in self.cloud.log_text(), "who did it is not let in again")
        self.assert_audited("more subscriptions than one key may have")
        self.node()
        watch.until("node.ready", "node-1")

    def test_a_subscription_as_long_as_no_topic_is_takes_no_memory(self):
        eve = self.hostile_watcher()
        monitor = eve.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        eve.send(b"\x01" + b"x" * 8192)
        self.assertTrue(monitor.poll(10_000), "the connection was ended")
        eve.disable_monitor()
        monitor.close()
        self.assertNotIn("bar", [entry.action for entry in self.audit()])

    def test_a_port_that_is_not_given_back_is_asked_for_less_and_less_often(self):
        address = address_of(self.cloud.events)
        over, taken = threading.Event(), []

        def take():
            """Whoever is first when the broker lets the port go for a moment."""
            while not over.is_set() and not taken:
                one = socket.socket()
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    one.bind(address)
                    one.listen()
                    taken.append(one)
                except OSError:
                    one.close()

        taker = threading.Thread(target=take)
        taker.start()
        end = time.monotonic() + 30
        while not taken and time.monotonic() < end:  # a revocation makes all watchers connect anew
            self.cloud.keys("bob", USER)
            self.admin.call("revoke", "RevokeRequest", wire.new("RevokeRequest", targets=["bob"]))
            time.sleep(0.2)
        over.set()
        taker.join()
        self.assertTrue(taken, "the port could not be taken")
        time.sleep(1.5)  # what is shown is that nothing more is said
        self.assertEqual(self.cloud.log_text().count("watchers were made to connect anew, and"), 1 + self.cloud.log_text().count(" again, after"))
        self.admin.hello()
        taken[0].close()
        told = self.cloud.log_text().count(" again, after")
        wait_for(lambda: self.cloud.log_text().count(" again, after") == told + 1, "the port is asked for again")
        watch = Watcher(self.cloud.events, self.admin)
        self.addCleanup(watch.close)
        self.node()
        watch.until("node.ready", "node-1")

    def audit(self):
        return self.admin.call("audit", "AuditRequest", wire.new("AuditRequest", limit=100))[1].entries

    def assert_audited(self, what):
        [entry] = [one for one in self.audit() if one.action == "bar"]
        self.assertEqual((entry.name, entry.target, entry.code), ("broker", "eve", wire.OK))
        self.assertIn(what, entry.detail)

    def test_frames_before_a_key_was_proved_take_no_memory(self):
        host, port = self.cloud.clients.removeprefix("tcp://").split(":")

        def resident_kib():
            status = pathlib.Path(f"/proc/{self.cloud.broker.pid}/status").read_text()
            return int(status.split("VmRSS:")[1].split()[0])

        before = resident_kib()
        for _ in range(10):
            with socket.create_connection((host, int(port)), timeout=5) as raw:
                began, ended = time.monotonic(), False
                # A long command of 512 MiB is announced, and a part of it sent.
                try:
                    raw.sendall(GREETING + b"\x06" + (512 << 20).to_bytes(8, "big") + bytes(1 << 20))
                    while raw.recv(4096):
                        pass
                    ended = True
                except ConnectionError:
                    ended = True
                except TimeoutError:
                    pass
            # At once, and not when the time for its handshake is over, which is 5 s: it was for its length.
            self.assertTrue(ended, "the connection still stands")
            self.assertLess(time.monotonic() - began, 4.5)
        self.assertLess(resident_kib() - before, 64 * 1024)
        self.assertEqual(self.admin.hello().name, "admin")


if __name__ == "__main__":
    unittest.main()
