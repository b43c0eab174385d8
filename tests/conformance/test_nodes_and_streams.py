"""What docs/protocol.md promises a worker, a stream, and everybody across restarts."""

import time
import unittest

import minicloud_wire as wire
from client import Client, Refused, Watcher
from cloud import Cloud, wait_for
from worker import Worker


class CloudTest(unittest.TestCase):
    def setUp(self):
        self.cloud = Cloud()
        self.addCleanup(self.cloud.end)
        self.client = self.cloud.client()


class NodesTest(CloudTest):
    def test_node_is_shown_as_it_registered(self):
        self.cloud.worker("a", 7, slots=5)
        node = self.client.nodes()[0]
        self.assertEqual((node.name, node.id, node.state, node.slots, node.slots_used), ("a", 7, 0, 5, 0))
        self.assertEqual((node.advertise, node.engine_version, node.worker_version), ("192.0.2.1", "memory", "py"))

    def test_two_nodes_get_vms_in_turn(self):
        one, two = self.cloud.worker("a", 1), self.cloud.worker("b", 2)
        for _ in range(3):
            self.client.create(count=2)
        self.assertEqual((len(one.vms), len(two.vms)), (3, 3))
        self.client.create(node="b")
        self.assertEqual((len(one.vms), len(two.vms)), (3, 4))
        self.assertEqual({n.name: n.slots_used for n in self.client.nodes()}, {"a": 3, "b": 4})

    def test_later_jobs_go_to_the_node_that_has_the_vm(self):
        one, two = self.cloud.worker("a", 1), self.cloud.worker("b", 2)
        self.client.create(count=2)
        self.client.act("stop", "vm-1", "vm-2")
        for worker in (one, two):
            self.assertEqual([o[0] for o in worker.orders], ["vm_create", "vm_stop"])
            self.assertEqual(worker.orders[0][2].vm, worker.orders[1][2].vm)

    @unittest.skipIf(wire.RELEASE, "spares came after 0.1.0")
    def test_a_spare_becomes_the_next_vm_that_it_can(self):
        worker = self.cloud.worker("a", 1)
        worker.spares[0xBEEF] = "minicloud/vm:latest"
        orders = len(worker.orders)
        # Its next inventory is up to 3 s away.
        wait_for(lambda: self.made_from(worker, 0xBEEF), "the spare is used", timeout=10)
        self.assertEqual(list(worker.vms), [0xBEEF])
        self.assertFalse(worker.spares)
        self.client.create(name="next")
        self.assertNotEqual(worker.orders[-1][2].vm, 0xBEEF)
        self.assertGreater(len(worker.orders), orders)

    def made_from(self, worker, spare):
        self.client.create(name="box")
        if spare in worker.vms:
            return True
        self.client.act("delete", "box")
        return False

    def test_name_of_another_node_is_taken(self):
        self.cloud.worker("a", 1)
        stranger = Client(self.cloud.workers, self.cloud.context)
        body = wire.new("RegisterRequest", name="a", node=2, boot=2, advertise="192.0.2.1")
        request_id = wire.new_id()
        stranger.send(wire.message(wire.REQUEST, "node_register", request_id, wire.pack("RegisterRequest", body)))
        self.assertEqual(stranger.reply_to(request_id).code, 52)
        self.assertEqual([n.id for n in self.client.nodes()], [1])

    def test_vms_of_a_silent_node_are_unknown_and_come_back(self):
        watcher = Watcher(self.cloud.events, self.client)
        self.addCleanup(watcher.close)
        worker, _ = self.cloud.worker("a", 1), self.cloud.worker("b", 2)
        self.client.create(node="a")
        worker.mute.set()
        watcher.until("vm.unknown", "vm-1", timeout=10)
        vm = self.client.info("vm-1")
        self.assertEqual((vm.state, vm.node), (wire.UNKNOWN, "a"))
        self.assertTrue(vm.reason)
        self.assertEqual({n.name: n.state for n in self.client.nodes()}, {"a": 2, "b": 0})
        code, reply = self.client.act("stop", "vm-1")
        self.assertEqual((code, reply.items[0].code), (wire.NODE_UNREACHABLE, wire.NODE_UNREACHABLE))
        self.client.create(count=2)
        self.assertEqual(len(worker.vms), 1)
        worker.mute.clear()
        wait_for(lambda: self.client.info("vm-1").state == wire.RUNNING, "vm-1 is back")

    def test_vm_of_a_worker_that_vanished_is_kept_and_taken_up_again(self):
        worker = self.cloud.worker("a", 1)
        self.client.create()
        worker.end()
        wait_for(lambda: self.client.info("vm-1").state == wire.UNKNOWN, "vm-1 is unknown")
        self.cloud.worker("a", 1, vms=worker.vms)
        wait_for(lambda: self.client.info("vm-1").state == wire.RUNNING, "vm-1 is back")

    @unittest.skipIf(wire.RELEASE, "that release does not measure")
    def test_what_vms_use_is_measured_while_somebody_asks(self):
        worker, idle = self.cloud.worker("a", 1), self.cloud.worker("b", 2)
        self.client.create(node="a")
        ask = lambda: self.client.call("usage", "ListRequest", wire.new("ListRequest"))[1]  # noqa: E731
        self.assertEqual(worker.usages_sent, 0)
        self.assertEqual((ask().vms, ask().next), ([], ""))
        wait_for(lambda: ask().vms, "its worker has told what it uses")
        vm = ask().vms[0]
        self.assertEqual((vm.vm, vm.cpu_milli, vm.span_ms), (self.client.info("vm-1").id, 500, 1000))
        self.assertEqual(idle.usages_sent, 0, "it has no VM of who asks")
        sent = worker.usages_sent
        wait_for(lambda: worker.usages_sent > sent, "it goes on without being asked each time")
        worker.mute.set()
        wait_for(lambda: not ask().vms, "nothing is known of a silent node")
        worker.mute.clear()
        wait_for(lambda: ask().vms, "it is measured again when it is back")

    def images(self, node, action=wire.LIST, image="", **call):
        request = wire.new("ImagesRequest", node=node, action=action, image=image)
        return [view.name for view in self.client.call("images", "ImagesRequest", request, **call)[1].images]

    def assertRefused(self, code, act):
        with self.assertRaises(Refused) as refused:
            act()
        self.assertEqual(refused.exception.code, code, refused.exception.message)
        return refused.exception.message

    @unittest.skipIf(wire.RELEASE, "that release knows no images")
    def test_images_are_listed_pulled_and_removed_on_the_node_that_is_named(self):
        one, two = self.cloud.worker("a", 1), self.cloud.worker("b", 2)
        self.assertEqual(self.images("a"), ["used:1"])
        self.client.progress.clear()
        self.assertEqual(self.images("a", wire.PULL, "debian:12"), ["debian:12"])
        self.assertEqual([(p.stage, p.percent, p.name) for p in self.client.progress],
                         [("accepted", 0, ""), ("pulling", 43, "a")])
        self.assertEqual(self.images("a"), ["debian:12", "used:1"])
        self.assertEqual((self.images("b"), two.orders[-1][2].owner), (["used:1"], "local"))
        self.assertEqual(self.images("a", wire.REMOVE, "debian:12"), [])
        self.assertEqual(one.images, {"used:1"})
        self.assertRefused(wire.NOT_FOUND, lambda: self.images("a", wire.REMOVE, "debian:12"))
        self.assertRefused(wire.WRONG_STATE, lambda: self.images("a", wire.REMOVE, "used:1"))
        self.assertRefused(wire.IMAGE_NOT_FOUND, lambda: self.images("a", wire.PULL, "missing"))
        self.assertRefused(wire.NOT_FOUND, lambda: self.images("c"))
        self.assertRefused(wire.INVALID_ARGUMENT, lambda: self.images("a", wire.PULL, "no such//name"))

    @unittest.skipIf(wire.RELEASE, "that release knows no images")
    def test_a_pull_lives_as_long_as_somebody_waits_for_it(self):
        worker = self.cloud.worker("a", 1)
        ended = lambda: all(job.reply for job in worker.jobs.values())  # noqa: E731
        self.assertRefused(wire.DEADLINE_EXCEEDED, lambda: self.images("a", wire.PULL, "slow", deadline_ms=500))
        wait_for(ended, "the worker was told to give up")
        request_id = wire.new_id()
        request = wire.pack("ImagesRequest", wire.new("ImagesRequest", node="a", action=wire.PULL, image="slow"))
        ask = wire.message(wire.REQUEST, "images", request_id, request)
        other = self.cloud.client()
        self.client.send(ask)
        wait_for(lambda: len(worker.jobs) == 2, "the pull is under way")
        other.send(ask)
        cancel = lambda: other.call("cancel", "JobRequest", wire.new("JobRequest", request=request_id))  # noqa: E731
        self.assertEqual(other.receive().kind, wire.PROGRESS)
        cancel()
        wait_for(ended, "the worker was told to give up")
        self.assertEqual(len(worker.jobs), 2, "asked once more it was the same")

    @unittest.skipIf(wire.RELEASE, "it is about that release")
    def test_a_worker_is_not_asked_for_what_it_does_not_know(self):
        worker = Worker(self.cloud.workers, "old", 9)
        worker.verb_max = wire.VERBS["job_cancel"]
        worker.start()
        self.addCleanup(worker.end)
        wait_for(lambda: [n for n in self.client.nodes() if n.state == 0], "the node is there")
        sentence = self.assertRefused(wire.UNKNOWN_VERB, lambda: self.images("old"))
        self.assertIn("node old runs mcworker py", sentence)
        self.assertEqual(worker.orders, [])

    @unittest.skipIf(wire.RELEASE, "it is about that release")
    def test_a_worker_that_knows_no_set_up_scripts_gets_none(self):
        worker = Worker(self.cloud.workers, "old", 9)
        worker.verb_max = wire.VERBS["node_images"] - 1
        worker.start()
        self.addCleanup(worker.end)
        wait_for(lambda: [n for n in self.client.nodes() if n.state == 0], "the node is there")

        def create(name, setup):
            body = wire.new("CreateRequest", spec=wire.new("VmSpec", name=name), setup=setup)
            return self.client.call("create", "CreateRequest", body)

        code, reply = create("web", "#!/bin/sh\n")
        self.assertEqual((code, reply.items[0].code), (wire.NO_CAPACITY, wire.NO_CAPACITY))
        self.assertIn("old: its mcworker is py, an older release", reply.items[0].message)
        self.assertEqual(worker.orders, [])
        create("plain", "")
        self.assertEqual([order[0] for order in worker.orders], ["vm_create"])

    def test_what_a_worker_says_of_its_engine_is_shown(self):
        worker = self.cloud.worker("a", 1)
        said = lambda: vars(self.client.nodes()[0].engine)  # noqa: E731
        disk = wire.new("DiskSpace")
        self.assertEqual(said(), {"live_restore": 0, "seccomp": 0, "userns_remap": 0, "disk": disk}, "it says nothing")
        if wire.RELEASE:
            return
        disk = wire.new("DiskSpace", free_bytes=1 << 40, bytes=(1 << 63) + 1)
        worker.engine = wire.new("EngineFacts", live_restore=wire.NO, seccomp=wire.YES, disk=disk)
        wait_for(lambda: said() == vars(worker.engine), "the next heartbeat has come")

    def test_lost_reply_of_a_job_is_given_again(self):
        worker = self.cloud.worker("a", 1)
        worker.drop_replies = 1
        request_id = wire.new_id()
        body = wire.pack("CreateRequest", wire.new("CreateRequest"))
        self.client.send(wire.message(wire.REQUEST, "create", request_id, body))
        wait_for(lambda: worker.vms, "the worker has made it")
        worker.mute.set()
        time.sleep(0.1)  # until its loop has seen it
        worker.registered.clear()  # as after a broken connection: it registers again and is asked again
        worker.next_beat = 0
        worker.mute.clear()
        reply = self.client.reply_to(request_id, timeout=20)
        self.assertEqual(reply.code, wire.OK)
        self.assertEqual(len(worker.vms), 1)
        self.assertEqual([o[0] for o in worker.orders], ["vm_create"])

    def test_vm_that_stopped_by_itself_is_cleaned_up(self):
        self.cloud.end()
        self.cloud.__init__("--cleanup-grace", "1s")
        self.client = self.cloud.client()
        watcher = Watcher(self.cloud.events, self.client)
        self.addCleanup(watcher.close)
        worker = self.cloud.worker("a", 1)
        self.client.create(count=2)
        self.client.act("stop", "vm-2")
        vm = worker.vms[self.client.info("vm-1").id]
        vm.state, vm.exit_code, vm.started = wire.EXITED, 3, 0
        stopped = watcher.until("vm.stopped", "vm-1")
        self.assertIn("3", stopped.reason)
        self.assertTrue(watcher.until("vm.cleanup", "vm-1").reason)
        watcher.until("vm.deleted", "vm-1")
        self.assertEqual([v.name for v in self.client.list()[0]], ["vm-2"])
        self.assertEqual(len(worker.vms), 1)

    def test_expired_vm_is_removed(self):
        watcher = Watcher(self.cloud.events, self.client)
        self.addCleanup(watcher.close)
        worker = self.cloud.worker("a", 1)
        self.client.create(ttl_seconds=1)
        self.assertTrue(watcher.until("vm.cleanup", "vm-1").reason)
        watcher.until("vm.deleted", "vm-1")
        self.assertEqual(worker.vms, {})

    def test_deleted_vm_never_comes_back(self):
        worker = self.cloud.worker("a", 1)
        self.client.create()
        ghost = dict(worker.vms)
        self.client.act("delete", "vm-1")
        worker.vms.update(ghost)
        wait_for(lambda: not worker.vms, "the ghost was ordered away")
        self.assertEqual(self.client.list()[0], [])

    def test_container_that_nobody_knows_is_left_alone_during_its_grace(self):
        worker = self.cloud.worker("a", 1)
        worker.vms[0xABC] = wire.new("VmReport", vm=0xABC, state=wire.CONTAINER_RUNNING)
        worker.next_inventory = 0
        self.client.create()
        time.sleep(1)
        self.assertEqual(([v.name for v in self.client.list()[0]], len(worker.vms)), (["vm-1"], 2))


class StreamsTest(CloudTest):
    def setUp(self):
        super().setUp()
        self.worker = self.cloud.worker("a", 1)
        self.client.create()

    def exec(self, *argv, window=262144, **spec):
        body = wire.new("ExecSpec", argv=list(argv), **spec)
        return self.client.open_stream("exec", "vm-1", "ExecSpec", body, window)

    def test_exec_gives_output_and_exit_code(self):
        stream = self.exec("hello", "world")
        self.assertEqual(stream.finish()[1].exit_code, 0)
        self.assertEqual(stream.output, b"hello world\n")
        self.assertEqual(self.exec("exit", "42").finish()[1].exit_code, 42)

    def test_exec_takes_input_within_its_credit(self):
        sent = bytes(range(256)) * 4096  # 1 MiB: eight times the worker's window
        stream = self.exec("cat", input=True, window=4 << 20)
        stream.write(sent)
        stream.say(wire.CONTROL, wire.pack("Resize", wire.new("Resize", rows=50, columns=132)))
        stream.say(wire.END)
        self.assertEqual(stream.finish()[1].exit_code, 0)
        self.assertEqual(stream.output, sent)

    def fills(self, stream, bytes):
        """That much comes, and then nothing more."""
        while len(stream.output) < bytes:
            self.assertTrue(stream.turn(20), len(stream.output))
        self.assertFalse(stream.turn(0.5))
        self.assertEqual((len(stream.output), stream.reply), (bytes, None))

    def test_output_waits_for_credit(self):
        stream = self.exec("flood", "1000000", window=100000)
        self.fills(stream, 100000)
        stream.give_credit(50000)
        self.fills(stream, 150000)
        self.cloud.client().hello()
        stream.finish()
        self.assertEqual(len(stream.output), 1000000)

    def test_window_over_the_limit_is_cut(self):
        stream = self.exec("flood", str(5 << 20), window=100 << 20)
        self.fills(stream, 4 << 20)
        stream.finish()

    def test_logs(self):
        body = wire.new("LogsSpec", tail=3)
        stream = self.client.open_stream("logs", "vm-1", "LogsSpec", body)
        self.assertEqual(stream.finish(), (wire.OK, None))
        self.assertEqual(stream.output, b"line 8\nline 9\nline 10\n")

    @unittest.skipIf(wire.RELEASE, "that release has no tunnels")
    def test_tunnel_carries_bytes_both_ways(self):
        stream = self.client.open_stream("tunnel", "vm-1", None, None)
        sent = bytes(range(256)) * 4096
        stream.write(sent)
        stream.say(wire.END)
        self.assertEqual(stream.finish(), (wire.OK, None))
        self.assertEqual(stream.output, b"SSH-2.0-fake\r\n" + sent)
        with self.assertRaises(Refused) as caught:
            self.client.open_stream("tunnel", "nobody", None, None).finish()
        self.assertEqual(caught.exception.code, wire.NOT_FOUND)

    def test_streams_that_can_not_be(self):
        with self.assertRaises(Refused) as caught:
            self.client.open_stream("exec", "nobody", "ExecSpec", wire.new("ExecSpec")).finish()
        self.assertEqual(caught.exception.code, wire.NOT_FOUND)
        self.client.act("stop", "vm-1")
        with self.assertRaises(Refused) as caught:
            self.exec("id").finish()
        self.assertEqual(caught.exception.code, wire.WRONG_STATE)

    def test_cancel_ends_a_stream(self):
        stream = self.exec("cat", input=True)
        stream.write(b"x")
        other = self.cloud.client()
        other.call("cancel", "JobRequest", wire.new("JobRequest", request=stream.id))
        with self.assertRaises(Refused) as caught:
            stream.finish()
        self.assertEqual(caught.exception.code, wire.CANCELLED)
        wait_for(lambda: not self.worker.streams, "the worker has ended it")

    def test_oversized_chunk_ends_only_its_stream(self):
        stream = self.exec("cat", input=True)
        stream.write(b"x")
        stream.say(wire.DATA, data=bytes(65537), value=wire.INPUT, sequence=1)
        with self.assertRaises(Refused) as caught:
            stream.finish()
        self.assertEqual(caught.exception.code, wire.TOO_LARGE)
        self.assertEqual(self.exec("still", "here").finish()[1].exit_code, 0)

    def test_stream_of_a_silent_node_ends(self):
        stream = self.exec("cat", input=True)
        stream.write(b"x")
        self.worker.mute.set()
        with self.assertRaises(Refused) as caught:
            stream.finish()
        self.assertEqual(caught.exception.code, wire.NODE_UNREACHABLE)
        self.worker.mute.clear()

    def test_two_streams_do_not_mix(self):
        other = self.cloud.client()
        first = self.exec("cat", input=True)
        second = other.open_stream("exec", "vm-1", "ExecSpec", wire.new("ExecSpec", argv=["cat"], input=True))
        for stream, text in ((first, b"one"), (second, b"two"), (first, b"uno"), (second, b"due")):
            stream.write(text)
        for stream, text in ((first, b"oneuno"), (second, b"twodue")):
            stream.say(wire.END)
            stream.finish()
            self.assertEqual(stream.output, text)


class RestartTest(CloudTest):
    def test_killed_broker_keeps_everything(self):
        worker = self.cloud.worker("a", 1)
        request_id = wire.new_id()
        outcome = self.client.create(count=2, request_id=request_id)
        self.client.act("stop", "vm-2")
        before = self.client.hello()
        self.cloud.kill()
        self.cloud.start()
        after = self.client.hello()
        self.assertEqual((after.cloud, after.epoch), (before.cloud, before.epoch + 1))
        wait_for(lambda: worker.registrations >= 2, "the worker has registered again")
        wait_for(lambda: self.client.info("vm-1").state == wire.RUNNING, "vm-1 runs")
        self.assertEqual(self.client.info("vm-2").state, wire.STOPPED)
        again = self.client.create(count=2, request_id=request_id)
        self.assertEqual([i.vm.id for i in again[1].items], [i.vm.id for i in outcome[1].items])
        self.assertEqual(len(worker.vms), 2)
        events = self.client.events()
        self.assertEqual([e.seq for e in events.events], list(range(1, events.last + 1)))
        self.assertEqual([e.kind for e in events.events].count("broker.started"), 2)
        wait_for(lambda: self.client.create(name="later")[0] == wire.OK, "it serves again", timeout=20)

    def test_create_under_way_survives_the_broker(self):
        worker = self.cloud.worker("a", 1)
        request_id = wire.new_id()
        body = wire.pack("CreateRequest", wire.new("CreateRequest", spec=wire.new("VmSpec", image="slow"), count=4))
        request = wire.message(wire.REQUEST, "create", request_id, body)
        self.client.send(request)
        wait_for(lambda: len(worker.orders) == 4, "the worker has its orders")
        self.cloud.kill()
        self.cloud.start()
        self.client.send(request)
        worker.finish_slow.set()
        reply = self.client.reply_to(request_id, timeout=30)
        items = wire.unpack("ItemsReply", reply.body).items
        self.assertEqual((reply.code, len(items)), (wire.OK, 4), items)
        self.assertEqual(sorted(i.vm.id for i in items), sorted(worker.vms))
        self.assertEqual(len(self.client.list()[0]), 4)

    def test_watcher_sees_no_hole_across_a_restart(self):
        watcher = Watcher(self.cloud.events, self.client)
        self.addCleanup(watcher.close)
        self.cloud.worker("a", 1)
        self.client.create()
        watcher.until("vm.running", "vm-1")
        self.cloud.kill()
        self.cloud.start()
        wait_for(lambda: self.client.create(name="later")[0] == wire.OK, "it serves again", timeout=20)
        watcher.until("vm.running", "later", timeout=15)
        self.assertEqual([e.seq for e in watcher.seen], list(range(watcher.seen[0].seq, watcher.last + 1)))
        self.assertIn("broker.started", [e.kind for e in watcher.seen])

    def test_sigterm_ends_it_well(self):
        self.assertEqual(self.cloud.kill(15), 0, self.cloud.log_text())


if __name__ == "__main__":
    unittest.main()
