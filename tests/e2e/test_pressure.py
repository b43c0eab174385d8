"""Clients that ask more than they read, and a broker that is ended while it is at work."""

import os
import subprocess
import time
import unittest

import zmq

from cloud import BIN, SANITIZER, SLOWNESS, CloudTest, wait_until

import minicloud_wire as wire
from client import Client


def resident_bytes(process):
    with open(f"/proc/{process.popen.pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class SlowReaders(CloudTest):
    requests = 3000
    # One client's share: 64 replies of half a MiB in libzmq, 8 MiB in the broker's own queue, what one
    # turn makes, and what the allocator keeps of it. Unbounded it would be 1500 MiB.
    growth_bytes_max = 160 * 1024 * 1024
    # Each turn is two events, which are kept, and two requests, which are remembered: some 3 KiB.
    turns = 3000
    turns_bytes_max = turns * 8 * 1024

    def filled_cloud(self):
        cloud = self.new_cloud()
        cloud.broker.stop()
        os.remove(f"{cloud.dir}/broker/broker.db")
        subprocess.run([f"{BIN}/fill_store", f"{cloud.dir}/broker/broker.db", "3000", "100", "1000"], check=True)
        cloud.start_broker()
        return cloud

    def flood(self, cloud, read_buffer=1):
        context = zmq.Context.instance()
        dealer = context.socket(zmq.DEALER)
        dealer.linger = 0
        dealer.rcvhwm = read_buffer
        dealer.sndhwm = 100000
        dealer.connect(cloud.endpoints["clients"])
        self.addCleanup(dealer.close)
        for i in range(self.requests):
            body = wire.pack("ListRequest", wire.new("ListRequest"))
            dealer.send_multipart(wire.message(wire.REQUEST, "list", wire.new_id(), body).frames())
        return dealer

    def test_a_client_that_never_reads_hurts_only_itself(self):
        cloud = self.filled_cloud()
        cloud.mccli("list")
        before = resident_bytes(cloud.broker)
        self.flood(cloud)
        slowest = 0
        most = before
        end = time.monotonic() + 8
        while time.monotonic() < end:
            begin = time.monotonic()
            self.assertEqual(len(cloud.mccli("list", "--quiet").stdout.split()), 3000)
            slowest = max(slowest, time.monotonic() - begin)
            most = max(most, resident_bytes(cloud.broker))
        print(f"another client's list took {slowest:.2f} s at most; the broker grew by {(most - before) >> 20} MiB")
        self.assertLess(slowest, 5 * SLOWNESS)
        if not SANITIZER:
            self.assertLess(most - before, self.growth_bytes_max)

    def test_a_watcher_that_never_reads_hurts_only_itself(self):
        cloud = self.new_cloud()
        cloud.start_worker("node-a")
        context = zmq.Context.instance()
        sub = context.socket(zmq.SUB)
        sub.linger = 0
        sub.rcvhwm = 1
        sub.subscribe(b"")
        sub.connect(cloud.endpoints["events"])
        self.addCleanup(sub.close)
        sub.recv_multipart()  # it is live; and the last one that is read
        watch = cloud.watch("--since", "0")
        client = Client(cloud.endpoints["clients"], context)
        self.addCleanup(client.close)
        before = resident_bytes(cloud.broker)
        node = wire.new("NodeActionRequest", targets=["node-a"])
        for _ in range(self.turns):
            client.call("cordon", "NodeActionRequest", node)
            client.call("uncordon", "NodeActionRequest", node)
        if not SANITIZER:
            self.assertLess(resident_bytes(cloud.broker) - before, self.turns_bytes_max)

        def all_seen():
            return sum(e.get("kind") in ("node.cordoned", "node.uncordoned") for e in cloud.events(watch))

        wait_until("the other watcher has seen each event", lambda: all_seen() == 2 * self.turns, 60)
        numbers = [e["seq"] for e in cloud.events(watch)]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))


class GracefulEnd(CloudTest):
    def test_ends_in_an_orderly_way_and_says_so(self):
        cloud = self.new_cloud()
        watch = cloud.watch("--since", "0")
        cloud.wait_event(watch, kind="broker.started")
        self.assertEqual(cloud.broker.stop(10), 0)  # docs/operations.md: under 5 s; the rest is for a loaded machine
        cloud.wait_event(watch, kind="broker.stopping")
        cloud.start_broker()
        wait_until("the watcher goes on",
                   lambda: [e["kind"] for e in cloud.events(watch)].count("broker.started") == 2)

    def test_a_stream_ends_with_a_word(self):
        cloud = self.new_cloud()
        cloud.start_worker("node-a")
        cloud.create("--name", "box")
        running = cloud.mccli_start("exec", "box", "--", "sh", "-c", "echo begun; sleep 600", stdout=-1, stderr=-1)
        self.assertEqual(running.stdout.readline().strip(), "begun")
        cloud.broker.stop()
        _, said = running.communicate(timeout=10)
        self.assertIn("stopping", said)
        cloud.start_broker()

    def test_rolling_restart_loses_no_create(self):
        cloud = self.new_cloud()
        cloud.start_worker("node-a")
        cloud.start_worker("node-b")
        creates = [cloud.mccli_start("create", "--timeout", "150s", stdout=-1, stderr=-1) for _ in range(20)]
        wait_until("they are under way", lambda: len(cloud.json("jobs")) >= 5)
        cloud.broker.stop()
        cloud.start_broker()
        for node in ("node-a", "node-b"):
            cloud.workers[node].stop(10)
            cloud.start_worker(node, wait=False)
        for create in creates:
            _, said = create.communicate(timeout=180)
            self.assertEqual(create.returncode, 0, said)
        self.assertEqual(len(cloud.vms()), 20)
        wait_until("the engine has the same", lambda: len(cloud.containers()) == 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
