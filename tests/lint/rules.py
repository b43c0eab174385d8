"""The house's rules for source files (design.md "The house"), checked on text alone.

Each check takes the root of a tree and the files in it, and returns sentences, one per fault.
"""

import pathlib
import re

LINES_MAX = 600
ROLES = ("broker", "worker", "cli")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

# Where headers of a library may be included; anywhere else is a fault.
THIRD_PARTY = {
    r"(zmq|zmq_addon)\.hpp|zmq\.h|curl/.*|libssh2\.h|SQLiteCpp/.*|sqlite3\.h|spdlog/.*|fmt/.*|boost/program_options.*|archive(_entry)?\.h|crypt\.h":
        ("src/io/",),
    # Containers are no I/O.
    r"boost/container/.*": ("src/broker/core/", "src/protocol/codec.cpp"),
    r"boost/intrusive/.*": ("src/broker/core/",),
    r"boost/(?!container/|intrusive/|program_options).*": (),
    r"msgpack.*": ("src/protocol/codec.cpp",),
    r"nlohmann/.*": ("src/worker/", "src/cli/"),
    r"yaml-cpp/.*": ("src/cli/core/output.cpp", "src/cli/core/yaml_tree.cpp"),
}  # fmt: skip

# What a pure core must not do. base/assert.cpp writes its last words itself.
IMPURE_HEADERS = {
    "thread", "mutex", "shared_mutex", "condition_variable", "future", "random", "iostream", "fstream", "cstdio", "stdio.h",
    "filesystem", "csignal", "signal.h", "unistd.h", "fcntl.h", "poll.h", "ctime", "time.h",
}  # fmt: skip
IMPURE_PATHS = re.compile(r"^(sys|netinet|arpa|net)/")
IMPURE_CALLS = re.compile(
    r"\b(steady_clock|system_clock|high_resolution_clock|sleep_for|sleep_until|usleep|nanosleep|random_device|mt19937(_64)?"
    r"|f?printf|std::(cout|cerr|clog)|getenv|gettimeofday|clock_gettime|std::rand|fopen|popen|std::system)\b"
)
# No text becomes a command anywhere: programs are run by their arguments.
SHELLS = re.compile(r"\b(system|popen|wordexp)\s*\(")
PURE_EXCEPTIONS = ("src/base/assert.cpp",)


def code_of(text):
    """`text` without comments and string literals, line by line as before."""
    keep_lines = lambda found: re.sub(r"[^\n]", " ", found.group(0))
    return re.sub(r'R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*(?:.|\n)*?\*/', keep_lines, text)


def layer_of(path):
    """base, protocol, io, <role>/core, <role>/shell or <role>/main of a file below src."""
    parts = pathlib.PurePosixPath(path).parts[1:]
    if parts[0] in ROLES:
        return f"{parts[0]}/{parts[1] if len(parts) > 2 else 'main'}"
    return parts[0]


def may_include(layer, other):
    if other == "base" or other == layer:
        return True
    if layer in ("base", "protocol", "io"):
        return False
    role, part = layer.split("/")
    allowed = {"core": {"protocol"}, "shell": {"protocol", "io", f"{role}/core"}}
    allowed["main"] = allowed["shell"] | {f"{role}/shell"}
    return other in allowed.get(part, set())


def sources(files):
    return [f for f in files if f.startswith("src/") and f.endswith((".cpp", ".hpp"))]


def check_layers(root, files):
    faults = []
    for path in sources(files):
        text = (root / path).read_text()
        for mark, target in INCLUDE.findall(text):
            first = target.split("/")[0]
            if mark == '"' and first in ("base", "protocol", "io", *ROLES):
                other = layer_of("src/" + target)
                if not may_include(layer_of(path), other):
                    faults.append(f"{path}: {layer_of(path)} must not include {target} of {other}")
            for pattern, folders in THIRD_PARTY.items():
                if re.fullmatch(pattern, target) and not path.startswith(folders):
                    faults.append(f"{path}: <{target}> may be included in {', '.join(folders)} only")
    return faults


def is_pure(path):
    return (layer_of(path).endswith("/core") or layer_of(path) in ("base", "protocol")) and path not in PURE_EXCEPTIONS


def check_purity(root, files):
    faults = []
    for path in filter(is_pure, sources(files)):
        text = (root / path).read_text()
        for _, target in INCLUDE.findall(text):
            if target in IMPURE_HEADERS or IMPURE_PATHS.match(target):
                faults.append(f"{path}: a pure core has no use for <{target}>")
        for number, line in enumerate(code_of(text).splitlines(), 1):
            for found in IMPURE_CALLS.finditer(line):
                faults.append(f"{path}:{number}: a pure core does not use {found.group(0)}: pass its result in")
    return faults


def check_no_shell(root, files):
    faults = []
    for path in sources(files):
        for number, line in enumerate(code_of((root / path).read_text()).splitlines(), 1):
            for found in SHELLS.finditer(line):
                faults.append(f"{path}:{number}: nothing goes through a shell: no {found.group(1)}()")
    return faults


def check_unit_tests(root, files):
    """No sleep, socket, clock or thread in unit tests."""
    faults = []
    for path in files:
        if path.startswith("tests/unit/") and path.endswith((".cpp", ".hpp")):
            text = (root / path).read_text()
            for _, target in INCLUDE.findall(text):
                if target in {"thread", "mutex", "future", "random", "zmq.hpp"} or target.startswith(("io/", "sys/socket")):
                    faults.append(f"{path}: a unit test has no use for {target}")
            for number, line in enumerate(code_of(text).splitlines(), 1):
                found = re.search(r"\b(steady_clock|system_clock|sleep_for|sleep_until|usleep|random_device)\b", line)
                if found:
                    faults.append(f"{path}:{number}: a unit test does not use {found.group(0)}")
    return faults


def check_lengths(root, files):
    faults = []
    for path in files:
        if path.startswith(("src/", "tests/", "scripts/")) and not path.endswith((".hex", ".txt", ".json")):
            try:
                count = len((root / path).read_text().splitlines())
            except UnicodeDecodeError:
                continue
            if count > LINES_MAX:
                faults.append(f"{path}: {count} lines, over {LINES_MAX}: split it by subject")
    return faults


# Names are put together so that this file does not contain them.
FORBIDDEN = [
    (re.compile(r"/work" + r"/(main|shared|\.)"), "a path of one particular machine"),
    (re.compile(r"/tmp" + r"/b-[a-z]+"), "a path of one particular machine"),
    (re.compile(r"\b(deb|security|ftp\.\w+|snapshot)\." + r"debian\.org|\barchive\." + r"ubuntu\.com|\bpypi\."
                + r"org|\bregistry\." + r"npmjs\.org|\bdl-cdn\." + r"alpinelinux\.org|\bdeb\." + r"nodesource\.com"),
     "the name of a package mirror: leave it to the machine's own set-up"),
    (re.compile(r"^(<<<<<<<|>>>>>>>) ", re.M), "a merge conflict"),
]  # fmt: skip


def check_hygiene(root, files):
    faults = []
    for path in files:
        try:
            text = (root / path).read_text()
        except UnicodeDecodeError:
            continue
        for pattern, what in FORBIDDEN:
            for found in pattern.finditer(text):
                line = text.count("\n", 0, found.start()) + 1
                faults.append(f"{path}:{line}: {what} ({found.group(0).strip()})")
    return faults


def check_headers(root, files):
    """Every header guards itself."""
    return [
        f"{path}: begins without #pragma once"
        for path in files
        if path.endswith(".hpp") and "#pragma once" not in (root / path).read_text()
    ]


CHECKS = [check_layers, check_purity, check_no_shell, check_unit_tests, check_lengths, check_hygiene, check_headers]
