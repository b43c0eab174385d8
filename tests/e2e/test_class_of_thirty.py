"""Thirty VMs by six parallel command lines over two engines side by side on one machine."""

import concurrent.futures
import csv
import json
import os
import subprocess
import unittest

from cloud import CloudTest, Engine, OwnEngine


class ClassOfThirty(CloudTest):
    def test_thirty_vms_by_six_clients_over_two_engines(self):
        second = OwnEngine("e30")
        self.addCleanup(second.close)
        second.load_image()
        cloud = self.new_cloud()
        cloud.start_worker("node-a", Engine(), slots=20)
        cloud.start_worker("node-b", second, slots=20)
        watch = cloud.watch("--since", "0")

        def one_client(_):
            return [json.loads(cloud.mccli("create", "-o", "json").stdout) for _ in range(5)]

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            vms = [vm for batch in pool.map(one_client, range(6)) for vm in batch]

        self.assertEqual(len({vm["name"] for vm in vms}), 30)
        self.assertEqual(len({vm["host_key"] for vm in vms}), 30)
        per_node = {node: sum(vm["node"] == node for vm in vms) for node in ("node-a", "node-b")}
        self.assertEqual(per_node, {"node-a": 15, "node-b": 15})
        self.assertEqual(len(Engine().containers(cloud.cloud_id(), "status=running")), 15)
        self.assertEqual(len(second.containers(cloud.cloud_id(), "status=running")), 15)

        def log_in(vm):
            return cloud.mccli("ssh", vm["name"], "--", "hostname").stdout.strip()

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            self.assertEqual(list(pool.map(log_in, vms)), [vm["name"] for vm in vms])

        names = sorted(vm["name"] for vm in vms)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda part: cloud.mccli("delete", *part), [names[i::6] for i in range(6)]))
        self.assertEqual(cloud.vms(), {})
        cloud.wait_removed()

        last = cloud.json("version")["last_event"]
        cloud.wait_event(watch, seq=last)
        events = cloud.events(watch)
        self.assertEqual([e["seq"] for e in events], list(range(1, last + 1)), "each event exactly once, in order")
        for kind in ("vm.creating", "vm.running", "vm.deleting", "vm.deleted"):
            self.assertEqual(sorted(e["name"] for e in events if e["kind"] == kind), names)


    def test_one_command_makes_the_class_and_its_sheet(self):
        cloud = self.new_cloud()
        cloud.start_worker("node-a", slots=30)
        sheet = f"{cloud.dir}/class.csv"
        shown = cloud.mccli("create", "lab-{01..30}", "-m", "64M", "--password", "--label", "class=unix1", "--sheet", sheet).stdout
        with open(sheet, newline="") as lines:
            pupils = list(csv.DictReader(lines))
        names = [f"lab-{number:02}" for number in range(1, 31)]
        self.assertEqual([pupil["name"] for pupil in pupils], names)
        self.assertEqual(len({pupil["password"] for pupil in pupils}), 30)
        for pupil in pupils:
            self.assertIn(pupil["name"], shown)

        def log_in(pupil):
            """As somebody who has nothing but a row of the sheet."""
            done = subprocess.run(
                ["sshpass", "-e", "ssh", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                 "-o", "PubkeyAuthentication=no", "-p", pupil["port"], f"{pupil['user']}@{pupil['host']}", "hostname"],
                capture_output=True, text=True, timeout=60, env={**os.environ, "SSHPASS": pupil["password"]})  # fmt: skip
            return done.stdout.strip()

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            self.assertEqual(list(pool.map(log_in, pupils)), names)
        cloud.mccli("delete", "-l", "class=unix1", "-y")
        self.assertEqual(cloud.vms(), {})


if __name__ == "__main__":
    unittest.main(verbosity=2)
