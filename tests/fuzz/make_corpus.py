#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/protocol anew from tests/golden/wire: one seed per body type and decoder."""

import hashlib
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lint"))
from protocol_page import golden_frames  # noqa: E402

HEADER, FRAMES, RULES = b"\xff", b"\xfe", b"\xfd"


def main():
    samples = (HERE.parent / "unit/protocol/samples.hpp").read_text()
    listed = samples.split("return std::tuple{")[1]
    order = re.findall(r"^        (?:(\w+)\{|(\w+)\(\),)", listed, re.M)
    helpers = dict(re.findall(r"^inline (\w+) (\w+)\(\)", samples, re.M))
    types = [a or {v: k for k, v in helpers.items()}.get(b, "") for a, b in order]
    seeds = {}
    for path in sorted((HERE.parent / "golden/wire").glob("*.hex")):
        frames = [f for f in golden_frames(path.read_text()) if f[0] != "topic"]
        for title, kind, raw in frames:
            if kind and kind in types:
                seeds.setdefault(kind, bytes([types.index(kind)]) + bytes(raw))
        seeds.setdefault("header", HEADER + bytes(frames[0][2]))
        if len(frames) > 2:
            seeds["frames"] = FRAMES + b"".join(len(f[2]).to_bytes(2, "big") + bytes(f[2]) for f in frames)
    for i, text in enumerate((b"vm-1", b"minicloud/vm:latest", b"A=b", b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA", b"$6$a$b")):
        seeds[f"rules{i}"] = RULES + text
    folder = HERE / "corpus/protocol"
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed in seeds.items():
        (folder / f"{name}-{hashlib.sha1(seed).hexdigest()[:8]}").write_bytes(seed)


if __name__ == "__main__":
    main()
