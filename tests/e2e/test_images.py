"""The images of the nodes, as an operator sees them: listed, pulled from a registry, removed."""

import re
import signal
import subprocess
import unittest

from cloud import IMAGE, CloudTest, Engine, wait_until
from registry import Registry


class Images(CloudTest):
    def setUp(self):
        super().setUp()
        self.registry = Registry()
        self.addCleanup(self.registry.close)
        self.new_cloud()
        for node in ("node-a", "node-b"):  # with one engine
            self.cloud.start_worker(node)

    def add(self, name):
        image = self.registry.add(name)
        self.addCleanup(Engine().docker, "rmi", "-f", image, check=False)
        return image

    def listed(self, *argv):
        return {(image["node"], image["name"]): image for image in self.cloud.json("images", *argv)}

    def fails(self, code, *argv):
        done = self.cloud.mccli(*argv, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stderr

    def test_list(self):
        cloud = self.cloud
        cloud.create("-n", "2", "--node", "node-a")
        images = self.listed()
        here = Engine().docker("image", "inspect", "--format", "{{.Id}} {{.Size}}", IMAGE).split()
        for node, vms in (("node-a", 2), ("node-b", 0)):
            image = images[node, IMAGE]
            self.assertEqual([image["id"], str(image["size_bytes"]), image["vms"]], [*here, vms])
        shown = cloud.mccli("images", "--node", "node-a").stdout
        self.assertRegex(shown, rf"node-a +{re.escape(IMAGE)} +[0-9a-f]{{12}} +[0-9.]+M +\w+ +2\n")
        self.assertNotIn("node-b", shown)
        self.assertIn(IMAGE, cloud.mccli("complete", "--", "create", "--image", IMAGE[:5]).stdout.split())
        self.assertIn("there is no node \"node-x\"", self.fails(4, "images", "--node", "node-x"))

    def test_pull_and_remove(self):
        cloud = self.cloud
        image = self.add("class/unix:1")
        done = cloud.mccli("images", "pull", image)
        self.assertEqual(done.stdout, "".join(
            f"{image} pulled to {node}: {self.registry.id[7:19]}, 2M\n" for node in ("node-a", "node-b")))
        self.assertEqual(self.listed()["node-b", image]["id"], self.registry.id)
        again = cloud.json("images", "pull", image, "--node", "node-a")
        self.assertEqual([(one["status"], one["node"], one["error"]) for one in again], [("pulled", "node-a", None)])

        container = Engine().docker("create", image)
        refused = self.fails(1, "images", "remove", image, "--node", "node-a")
        self.assertIn("the engine does not remove image", refused)
        self.assertIn(f"container {container[:12]} is using its referenced image", refused)
        Engine().docker("rm", container)

        removed = cloud.mccli("images", "rm", image, "--node", "node-b").stdout
        self.assertEqual(removed, f"{image} removed from node-b\n")
        self.assertNotIn(("node-a", image), self.listed())  # they share an engine
        self.assertIn(f"there is no image {image} on node node-a", self.fails(4, "images", "remove", image))

        actions = [(entry["action"], entry["target"], entry["code"], entry["detail"]) for entry in
                   self.cloud.json("audit") if entry["action"].startswith("image_")]
        self.assertIn(("image_remove", "node-b", "ok", f"{image}: ended"), actions)
        self.assertTrue([a for a in actions if a[:3] == ("image_remove", "node-a", "wrong_state")], actions)

    def test_pull_of_what_is_not_there(self):
        unknown = f"{self.registry.address}/nosuch:1"
        image = self.add("there:1")
        why = self.fails(7, "images", "pull", image, unknown, "--node", "node-a")
        self.assertIn(f"image {unknown} can't be pulled to node node-a: ", why)
        self.assertIn("manifest unknown", why)
        [one] = self.cloud.json("images", "pull", unknown, "--node", "node-a", check=False)
        self.assertEqual(one["error"]["code"], "image_not_found")
        nobody = Registry()
        nobody.close()
        [one] = self.cloud.json("images", "pull", f"{nobody.address}/x", "--node", "node-a", check=False)
        self.assertEqual(one["error"]["code"], "pull_failed")

    def test_pull_that_is_interrupted(self):
        cloud = self.cloud
        image = self.add("large:1")
        self.registry.go_on.clear()
        pull = cloud.mccli_start("images", "pull", image, "--node", "node-a", stderr=subprocess.PIPE)
        self.assertTrue(self.registry.held.wait(30), "the engine is at the layer")
        pull.send_signal(signal.SIGINT)
        self.assertEqual(pull.wait(10), 130)
        self.assertIn("interrupted; what the pull had not done yet is given up", pull.stderr.read())
        ended = ("image_pull", "cancelled")
        wait_until("the broker has noticed",
                   lambda: ended in [(e["action"], e["code"]) for e in cloud.json("audit")])
        self.registry.go_on.set()
        self.assertEqual(cloud.mccli("images", "pull", image, "--timeout", "60s", "--node", "node-a").returncode, 0)

    def test_pull_that_takes_too_long(self):
        image = self.add("slow:1")
        self.registry.go_on.clear()
        why = self.fails(5, "images", "pull", image, "--node", "node-a", "--timeout", "2s")
        self.assertIn("node-a did not get it done in time", why)

    def test_a_node_that_does_not_answer(self):
        cloud = self.cloud
        cloud.workers["node-b"].signal(signal.SIGSTOP)
        cloud.wait_node("node-b", "silent")
        done = cloud.mccli("images", check=False)
        self.assertEqual(done.returncode, 7)
        self.assertIn(f"node-a  {IMAGE}", done.stdout)
        self.assertEqual(done.stderr, "mccli: node node-b is silent\n")
        self.assertIn("node node-b is silent", self.fails(1, "images", "pull", IMAGE, "--node", "node-b"))


if __name__ == "__main__":
    unittest.main()
