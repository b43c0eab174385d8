#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/protocol anew from tests/golden/wire, one seed per body type and decoder, and that of files; and
of the others what a search does not find by itself."""

import hashlib
import io
import pathlib
import re
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lint"))
from protocol_page import golden_frames  # noqa: E402

HEADER, FRAMES, RULES = b"\xff", b"\xfe", b"\xfd"


# The pair that the specification of CurveZMQ gives as an example.
KEY_FILE = (b"public-key=rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\n"
            b"secret-key=JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6\n")
BROKER = b"# a comment\nendpoint=tcp://cloud.lan:7710\nbroker-key=rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\n"
USAGE = (b'{"read":"2026-11-26T15:22:13.6Z","cpu_stats":{"cpu_usage":{"total_usage":58242391}},"memory_stats":{"usage":2031616,'
         b'"stats":{"total_inactive_file":16384}},"networks":{"eth0":{"rx_bytes":806,"tx_bytes":5}}}')
IMAGES = (b'[{"Id":"sha256:4f1a","RepoTags":["debian:12","x/y:1"],"Size":124000000,"Created":1795476000},'
          b'{"Id":"sha256:5e","RepoTags":["<none>:<none>"],"Size":1}]')
STATE = b"node=000000000000000d\ncloud=00000000000000c1\nepoch=5\n"


EVERY_FIELD = b"""defaults: {labels: {class: unix1}, memory: 256M}
vms:
  - name: lab-{01..03}
    cpus: 0.5
    ttl: 2h
    password: true
  - {name: web, image: "debian:12", pids: 100, keys: [a.pub], env: {A: "b=c"}, labels: {x: 1}, node: n, on-lost: replace}
"""
ODD_FILES = (b"a: &x [b]\nvms: [*x, *x]", b"vms: [[[[[[[[[[[[", b"vms: [{name: '{a,b}'}]\n---\nx", b"? - !!a b\n: |\n  c",
             b"%TAG ! a\n--- >-\n x", b'vms: [{name: a, labels: {"\\uD800": "\\x00"}}]', b"\xff\xfev\0m\0s\0")


def archive():
    """A host key's file, as the engine sends it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        content = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA root@vm\n"
        entry = tarfile.TarInfo("ssh_host_ed25519_key.pub")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
        tar.addfile(link)
    return out.getvalue()[:4096]


def blob(kind):
    return len(kind).to_bytes(4, "big") + kind + b"\x00\x00\x00\x20" + bytes(range(32))


def write(target, seeds):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed in seeds.items():
        (folder / f"{name}-{hashlib.sha1(seed).hexdigest()[:8]}").write_bytes(seed)


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
    write("protocol", seeds)
    write("files", {"key": b"\x00" + KEY_FILE, "connection": b"\x01" + BROKER + KEY_FILE, "state": b"\x02" + STATE})
    write("engine", {"usage": b"\x00" + USAGE, "images": b"\x00" + IMAGES, "archive": b"\xff" + archive(), "host_key": b"\xfe" + blob(b"ssh-ed25519"),
                     "host_key_odd": b"\xfe" + blob(b"ssh\n")})
    # Choices: a page after the other, changed ones, a reply to a join.
    choices = bytes(range(1, 250, 3))
    write("cli", {"audit": b"\xff\x00\x00\x00" + choices, "audit_check": b"\xff\x00\x1d\x00\x01" + b"\x05" * 60,
                  "audit_changed": b"\xff\x01" + bytes([4, 8, 0, 7]) * 30,
                  "vm_file": b"\xfd" + EVERY_FIELD, **{f"vm_file{i}": b"\xfd" + odd for i, odd in enumerate(ODD_FILES)},
                  "join": b"\xfe\x01" + choices, "join_other": b"\xfe\x02\x03" + choices[::-1]})


if __name__ == "__main__":
    main()
