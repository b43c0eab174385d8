"""A client of the release before this one, in a cloud where things are in use that it does not know."""

import unittest
from contextlib import contextmanager

import minicloud_wire as wire
from cloud import Cloud, wait_for


@contextmanager
def as_release(name):
    before, wire.RELEASE = wire.RELEASE, name
    try:
        yield
    finally:
        wire.RELEASE = before


class ReleasesTest(unittest.TestCase):
    def setUp(self):
        self.cloud = Cloud("--lost-after", "5s")
        self.addCleanup(self.cloud.end)
        self.client = self.cloud.client()
        self.addCleanup(self.client.close)

    def act(self, verb, **fields):
        return self.client.call(verb, "NodeActionRequest", wire.new("NodeActionRequest", **fields))[1].items

    def test_old_client_reads_what_is_new(self):
        self.cloud.worker("node-a", 1)
        self.cloud.worker("node-b", 2)
        request = wire.new("CreateRequest", spec=wire.new("VmSpec", name="spare"), node="node-a", on_lost=1)
        self.client.call("create", "CreateRequest", request)
        self.assertEqual(self.act("cordon", targets=["node-b"])[0].code, wire.OK)
        self.assertEqual(self.act("uncordon", targets=["node-b"])[0].code, wire.OK)
        self.assertEqual(self.act("drain", targets=["node-a"])[0].code, wire.OK)
        wait_for(lambda: self.client.list()[0][0].node == "node-b", "spare was moved")
        self.assertEqual(self.client.list()[0][0].on_lost, 1)
        with as_release("0.1.0"):
            self.assertEqual([vm.name for vm in self.client.list()[0]], ["spare"])
            self.assertEqual([(n.name, n.state) for n in self.client.nodes()], [("node-a", 0), ("node-b", 0)])
            jobs = self.client.call("jobs")[1].jobs
            self.assertEqual([job.verb for job in jobs], [wire.VERBS["create"]])
            self.assertIn("vm.replaced", [event.kind for event in self.client.events().events])
        known = wire.new("JobsRequest", verb_max=20)
        jobs = self.client.call("jobs", "JobsRequest", known)[1].jobs
        self.assertEqual([job.verb for job in jobs], [wire.VERBS[v] for v in ("drain", "uncordon", "cordon", "create")])


if __name__ == "__main__":
    unittest.main()
