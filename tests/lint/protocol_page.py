#!/usr/bin/env python3
"""docs/protocol.md as data: its tables, and its byte examples.

The examples are the files of tests/golden/wire with a note per field. After a change of those:

    tests/lint/protocol_page.py --write
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
KINDS = ["", "request", "reply", "progress", "data", "credit", "end", "control", "notice"]
BYTES_PER_LINE = 16
FENCE = re.compile(r"<!-- wire: (\w+) -->\n```hex\n(.*?)```\n", re.S)
INTEGERS = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: -1, 0xD1: -2, 0xD2: -4, 0xD3: -8}
LENGTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}


class Page:
    def __init__(self, text):
        self.text = text

    def rows(self, heading):
        """Cells of the first table under `heading`, without its head; backquotes removed."""
        part = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", self.text, re.M | re.S)
        if not part:
            raise KeyError(f"docs/protocol.md has no heading {heading!r}")
        lines = [line for line in part.group(1).splitlines() if line.startswith("|")]
        cells = [[cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
        return cells[2:]

    def bodies(self):
        """Name -> list of (field, type, limit names), from the tables that begin `| # | field |`."""
        found = {}
        for part in re.split(r"^#+ ", self.text, flags=re.M):
            name = part.split("\n", 1)[0]
            if "\n| # | field |" in part:
                found[name] = [(r[1], r[2], re.findall(r"[a-z_]+_max\b", r[5])) for r in self.rows(name)]
        return found

    def examples(self):
        """Name -> the text inside its fence."""
        return dict(FENCE.findall(self.text))


def golden_frames(text):
    """List of (title, type, bytes) of one tests/golden/wire file."""
    frames = []
    for line in text.splitlines():
        if line.startswith("frame "):
            words = line.split()
            frames.append((words[1], words[2] if len(words) > 2 else "", bytearray()))
        else:
            frames[-1][2].extend(bytes.fromhex(line))
    return frames


def bytes_of_example(text):
    """The frames in a fence, without its notes."""
    frames = []
    for line in text.splitlines():
        if line.startswith("frame "):
            frames.append(bytearray())
        else:
            frames[-1].extend(bytes.fromhex(line.split("  ")[0]))
    return [bytes(f) for f in frames]


class Notes:
    """Writes `hex  note` lines for one frame."""

    def __init__(self, raw, bodies, verbs):
        self.raw, self.bodies, self.verbs = bytes(raw), bodies, verbs
        self.at = 0
        self.lines = []

    def put(self, size, note):
        piece = self.raw[self.at : self.at + size]
        self.at += size
        rows = [piece[i : i + BYTES_PER_LINE] for i in range(0, len(piece), BYTES_PER_LINE)] or [b""]
        for i, row in enumerate(rows):
            self.lines.append(f"{row.hex(' '):<{BYTES_PER_LINE * 3 - 1}}  {note if i == 0 else ''}".rstrip())

    def header(self):
        number = lambda size, at: int.from_bytes(self.raw[at : at + size], "big")
        kind, verb = KINDS[self.raw[3]], self.verbs[number(2, 4)]
        self.put(4, f'"MC", version {self.raw[2]}, kind {self.raw[3]} {kind}')
        self.put(4, f"verb {number(2, 4)} {verb}, code {number(2, 6)}")
        self.put(16, "id")
        self.put(8, f"value {number(4, 24)}, sequence {number(4, 28)}")

    def value(self, kind, name):
        first = self.raw[self.at]
        if kind.endswith("?"):
            if first == 0xC0:
                return self.put(1, f"{name}: nil, not there")
            kind = kind[:-1]
        if kind.startswith("["):
            count = self.array(f"{name}: list of")
            for i in range(count):
                self.value(kind[1:-1], f"{name}[{i}]")
        elif kind in self.bodies:
            count = self.array(f"{name}, a {kind}: array of" if name else f"{kind}: array of")
            for field, field_kind, _ in self.bodies[kind][:count]:
                self.value(field_kind, f"{name}.{field}" if name else field)
        elif first <= 0x7F or first >= 0xE0:
            self.put(1, f"{name} {first if first <= 0x7F else first - 256}")
        elif first in (0xC2, 0xC3):
            self.put(1, f"{name} {'true' if first == 0xC3 else 'false'}")
        elif first in INTEGERS:
            size = INTEGERS[first]
            number = int.from_bytes(self.raw[self.at + 1 : self.at + 1 + abs(size)], "big", signed=size < 0)
            self.put(1 + abs(size), f"{name} {number:#x}" if kind == "id64" else f"{name} {number}")
        else:
            self.text(first, name)

    def text(self, first, name):
        if 0xA0 <= first <= 0xBF:
            head, size = 1, first & 0x1F
        else:
            head = 1 + LENGTHS[first]
            size = int.from_bytes(self.raw[self.at + 1 : self.at + head], "big")
        content = self.raw[self.at + head : self.at + head + size]
        shown = f"{size} bytes" if first == 0xC4 else f'"{content.decode()}"' if size <= 40 else f"{size} bytes of text"
        self.put(head + size, f"{name} {shown}")

    def array(self, words):
        first = self.raw[self.at]
        size, count = (1, first & 0x0F) if first < 0xC0 else (3, int.from_bytes(self.raw[self.at + 1 : self.at + 3], "big"))
        self.put(size, f"{words} {count}")
        return count


def annotated(golden, bodies, verbs):
    out = []
    for title, kind, raw in golden_frames(golden):
        out.append(f"frame {title}" + ("" if raw else ": empty"))
        notes = Notes(raw, bodies, verbs)
        if title == "header":
            notes.header()
        elif kind:
            notes.value(kind, "")
        elif raw:
            notes.put(len(raw), ascii(bytes(raw).decode()))
        assert notes.at == len(raw), f"{title}: {len(raw) - notes.at} bytes without a note"
        out += notes.lines
    return "\n".join(out) + "\n"


def with_examples(page, root, verbs):
    """The page with every fence made anew from the golden files."""
    bodies = page.bodies()

    def fence(found):
        golden = (pathlib.Path(root) / "tests/golden/wire" / f"{found.group(1)}.hex").read_text()
        return f"<!-- wire: {found.group(1)} -->\n```hex\n{annotated(golden, bodies, verbs)}```\n"

    return FENCE.sub(fence, page.text)


def main():
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    import headers

    path = ROOT / "docs/protocol.md"
    made = with_examples(Page(path.read_text()), ROOT, headers.verbs(ROOT))
    if "--write" in sys.argv:
        path.write_text(made)
    elif made != path.read_text():
        sys.exit("docs/protocol.md is not what the golden files say; run tests/lint/protocol_page.py --write")


if __name__ == "__main__":
    main()
