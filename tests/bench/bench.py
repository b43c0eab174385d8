#!/usr/bin/python3
"""Measures minicloud beside what one would run instead. scripts/bench --help."""

import argparse
import importlib

import world  # noqa: F401  (finds the modules of other folders)
from report import Part

PARTS = ("cli", "create", "dispatch", "durable", "scale", "fanout", "streams", "micro")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all without")
    parser.add_argument("--quick", action="store_true", help="see that everything runs: short, and nothing is written")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    for name in asked.parts or PARTS:
        part = Part(name, asked.quick)
        print(f"== {name}", flush=True)
        importlib.import_module(f"part_{name}").run(part)
        if not asked.quick:
            part.write()


if __name__ == "__main__":
    main()
