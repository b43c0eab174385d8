"""docs/protocol.md says what the headers and the golden files say."""

import pathlib
import unittest

import headers
from protocol_page import Page, annotated, bytes_of_example, golden_frames, with_examples

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/wire"


class PageTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.page = Page((ROOT / "docs/protocol.md").read_text())

    def test_limits(self):
        self.assertEqual({r[0]: int(r[1]) for r in self.page.rows("Limits")}, headers.limits(ROOT))

    def test_defaults(self):
        shown = {r[0]: int(r[1]) if r[1].isdigit() else r[1] for r in self.page.rows("Defaults")}
        self.assertEqual(shown, headers.defaults(ROOT))

    def test_errors(self):
        shown = {int(r[0]): (r[1], r[2]) for r in self.page.rows("Errors")}
        self.assertEqual(shown, headers.errors(ROOT))

    def test_verbs(self):
        self.assertEqual({int(r[0]): r[1] for r in self.page.rows("Verbs")}, headers.verbs(ROOT))

    def test_kinds_and_states(self):
        for heading, enum in (
            ("Kinds", "Kind"),
            ("VmState", "VmState"),
            ("VmIntent", "VmIntent"),
            ("OnLost", "OnLost"),
            ("Ended", "Ended"),
            ("ContainerState", "ContainerState"),
            ("NodeState", "NodeState"),
            ("Role", "Role"),
            ("Fact", "Fact"),
        ):
            shown = {int(r[0]): r[1] for r in self.page.rows(heading)}
            self.assertEqual(shown, headers.enumeration(ROOT, enum), heading)

    def test_bodies(self):
        self.assertEqual(self.page.bodies(), headers.bodies(ROOT))

    def test_event_kinds(self):
        text = (ROOT / "src/protocol/event.hpp").read_text()
        for row in self.page.rows("Event kinds"):
            self.assertIn(f'"{row[0]}"', text)
        self.assertEqual(text.count("inline constexpr const char* vm_") + text.count("inline constexpr const char* node_")
                         + text.count("inline constexpr const char* broker_"), len(self.page.rows("Event kinds")))  # fmt: skip

    def test_examples_are_the_golden_files(self):
        golden = {p.stem: [bytes(f[2]) for f in golden_frames(p.read_text())] for p in GOLDEN.glob("*.hex")}
        shown = {name: bytes_of_example(text) for name, text in self.page.examples().items()}
        self.assertEqual(sorted(shown), sorted(golden))
        for name in golden:
            self.assertEqual(shown[name], golden[name], name)

    def test_notes_are_fresh(self):
        made = with_examples(self.page, ROOT, headers.verbs(ROOT))
        self.assertTrue(made == self.page.text, "run tests/lint/protocol_page.py --write")

    def test_every_verb_has_its_section_and_links_lead_somewhere(self):
        import re

        text = re.sub(r"```.*?```", "", self.page.text, flags=re.S)
        titles = re.findall(r"^#+ (.+)$", text, re.M)
        for verb in headers.verbs(ROOT).values():
            if verb != "job_cancel":
                self.assertIn(verb, titles)
        anchors = {re.sub(r"[^a-z0-9_ -]", "", t.lower()).replace(" ", "-") for t in titles}
        self.assertEqual([], sorted(set(re.findall(r"\]\(#([^)]+)\)", text)) - anchors))

    def test_conformance_client_knows_the_same_bodies(self):
        import sys

        sys.path.insert(0, str(ROOT / "tests/conformance"))
        import minicloud_wire

        self.assertEqual(
            {name: list(fields) for name, fields in minicloud_wire.BODIES.items()},
            {name: [f[0] for f in fields] for name, fields in headers.bodies(ROOT).items()},
        )


class SecurityPageTest(unittest.TestCase):
    def test_roles_are_those_of_the_core(self):
        import re

        text = (ROOT / "src/broker/core/roles.hpp").read_text()
        names = {word: number for number, word in headers.verbs(ROOT).items()}
        enumerators = re.findall(r'Verb::(\w+), "([a-z-]{5})"', text)
        code = {word.replace("remove", "delete") if word == "remove" else word: cells for word, cells in enumerators}
        page = {
            row[0]: "".join(letter if cell == "yes" else "-" for letter, cell in zip("jwuva", row[1:]))
            for row in Page((ROOT / "docs/security.md").read_text()).rows("Roles")
        }
        self.assertEqual(page, code)
        self.assertEqual(set(code) - set(names), set())


class BadPageTest(unittest.TestCase):
    """A page that lies is found out."""

    def test_changed_cells_are_seen(self):
        text = (ROOT / "docs/protocol.md").read_text()
        for before, after, look, truth in (
            ("| `name_bytes_max` | 63 |", "| `name_bytes_max` | 64 |",
             lambda p: {r[0]: int(r[1]) for r in p.rows("Limits")}, headers.limits(ROOT)),
            ("| 22 | `busy` | later |", "| 22 | `busy` | never |",
             lambda p: {int(r[0]): (r[1], r[2]) for r in p.rows("Errors")}, headers.errors(ROOT)),
            ("| 1 | `count` | `u32` |", "| 1 | `count` | `u16` |", lambda p: p.bodies(), headers.bodies(ROOT)),
        ):  # fmt: skip
            self.assertIn(before, text)
            self.assertNotEqual(look(Page(text.replace(before, after))), truth, before)

    def test_changed_bytes_are_seen(self):
        page = Page((ROOT / "docs/protocol.md").read_text())
        golden = (GOLDEN / "list_request.hex").read_text()
        changed = golden.replace("4d 43 01", "4d 43 02", 1)
        self.assertNotEqual(changed, golden)
        notes = annotated(changed, page.bodies(), headers.verbs(ROOT))
        self.assertNotEqual(bytes_of_example(notes), bytes_of_example(page.examples()["list_request"]))


if __name__ == "__main__":
    unittest.main()
