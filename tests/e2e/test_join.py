"""Machines that join a cloud: a node with mcworker join, a person with mccli join, each in a network of its own.

Run it with tests/e2e/in_private.
"""

import json
import os
import subprocess
import unittest

import node
from cloud import BIN, wait_until


class Person:
    """Somebody on another machine: no file of the admin's is read."""

    def __init__(self, name, machine):
        self.home, self.inside = f"{node.PRIVATE_DIR}/home-{name}", machine.inside
        os.makedirs(f"{self.home}/.ssh", mode=0o700)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.home}/.ssh/id_ed25519"], check=True)
        self.env = {"PATH": os.environ["PATH"], "HOME": self.home, "LC_ALL": "C.UTF-8", "USER": name,
                    **{key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")}}

    def mccli(self, *argv, check=True, **options):
        done = subprocess.run([*self.inside, f"{BIN}/mccli", *argv], capture_output=True, text=True, timeout=120,
                              stdin=options.pop("stdin", subprocess.DEVNULL), env=self.env, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"mccli {' '.join(argv)}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done


class Join(unittest.TestCase):
    def test_two_machines_join(self):
        node.make_network()
        machines = [node.Node("n1", 1), node.Node("n2", 2)]
        for machine in machines:
            machine.start()
            self.addCleanup(machine.close)
            machine.load_image()
        cloud = node.new_cloud()
        self.addCleanup(cloud.close)
        # Nobody gets in without a key, and is told how to get one.
        ada, bob = Person("ada", machines[1]), Person("bob", machines[0])
        stranger = ada.mccli("--broker", node.ENDPOINTS["clients"], "list", check=False)
        self.assertIn("mccli token create", stranger.stderr)
        # Two nodes, each with a token (Cloud.join_worker).
        cloud.start_worker("lab-1", machines[0])
        cloud.start_worker("lab-2", machines[1])
        # Two users.
        for person in (ada, bob):
            name = person.env["USER"]
            token = cloud.mccli("token", "create", "--role", "user", "--name", name, "--quiet").stdout.strip()
            self.assertTrue(token.startswith("mc1-"))
            self.assertIn(f"as {name}", person.mccli("join", token).stdout)
            self.assertNotEqual(ada.mccli("join", token, "--as", "again", check=False).returncode, 0)
        vm = json.loads(ada.mccli("create", "web", "--node", "lab-1", "-o", "json").stdout)
        self.assertEqual((vm["name"], vm["node"]), ("web", "lab-1"))
        self.assertEqual(ada.mccli("ssh", "web", "--", "hostname").stdout, "web\n")
        self.assertEqual(ada.mccli("exec", "web", "--", "hostname").stdout, "web\n")
        # Its port is open on the node's advertised address, and on no other.
        container = json.loads(machines[0].docker("inspect", *machines[0].containers(cloud.cloud_id())))[0]
        published = container["NetworkSettings"]["Ports"]["22/tcp"]
        self.assertEqual([port["HostIp"] for port in published], [machines[0].advertise])
        self.assertNotIn("web", bob.mccli("list").stdout)
        self.assertNotEqual(bob.mccli("exec", "ada/web", "--", "true", check=False).returncode, 0)
        self.assertIn("web", cloud.mccli("list").stdout)
        # What is said can't be read on the way; what is said in the clear can.
        self.assertFalse(self.is_overheard(machines[1], lambda: ada.mccli("info", "secretive", check=False)))
        in_the_clear = [*machines[1].inside, "bash", "-c", f"echo secretive >/dev/tcp/{node.BROKER_ADDRESS}/7710"]
        self.assertTrue(self.is_overheard(machines[1], lambda: subprocess.run(in_the_clear, check=True)))
        # After a restart of the broker all keys are still good.
        cloud.broker.kill()
        cloud.start_broker()
        for name in ("lab-1", "lab-2"):
            cloud.wait_node(name, "ready")
        self.assertIn("web", ada.mccli("list").stdout)
        # And one that was revoked is not.
        cloud.mccli("keys", "revoke", "ada")
        self.assertIn("not let this key in", ada.mccli("list", check=False).stderr)
        cloud.mccli("keys", "revoke", "lab-2")
        wait_until("the node is silent", lambda: cloud.nodes()["lab-2"]["state"] == "silent", 30)
        cloud.mccli("delete", "ada/web")

    def is_overheard(self, machine, act):
        """Whether a word that `act` sends to the broker is in the packets of that machine's network."""
        watch = subprocess.Popen([*machine.inside, "/usr/bin/python3", "-c", SNIFF], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        self.assertEqual(watch.stdout.readline(), "ready\n")
        act()
        packets, heard = watch.communicate("end\n", timeout=20)[0].split()
        self.assertGreater(int(packets), 0)
        return heard == "secretive"


# Prints how many packets of the broker's port there were, and whether the word was in one.
SNIFF = """
import select, socket, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
print("ready", flush=True)
packets = []
over = False
while not over:
    over = select.select([sys.stdin], [], [], 0)[0]
    while select.select([raw], [], [], 0.1)[0]:
        packets.append(raw.recv(65536))
ours = [p for p in packets if (7710).to_bytes(2, "big") in p[34:38]]
print(len(ours), "secretive" if any(b"secretive" in p for p in packets) else "nothing")
"""

if __name__ == "__main__":
    unittest.main()
