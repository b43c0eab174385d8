"""The tree as it is obeys the house's rules, and a bad one is seen to break each of them."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

import rules

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tracked(root):
    """Files that git knows of and that are there; without git, all of them."""
    listed = subprocess.run(["git", "-c", f"safe.directory={root}", "ls-files", "-z"], cwd=root, capture_output=True)
    if listed.returncode == 0:
        names = [n.decode() for n in listed.stdout.split(b"\0") if n]
    else:
        names = [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()]
        names = [n for n in names if not n.startswith((".git/", "build/", ".cache/"))]
    return [n for n in names if (root / n).is_file()]


class TreeTest(unittest.TestCase):
    maxDiff = None

    def test_tree_obeys_every_rule(self):
        files = tracked(ROOT)
        self.assertGreater(len(files), 50)
        for check in rules.CHECKS:
            with self.subTest(check.__name__):
                self.assertEqual([], check(ROOT, files))

    def test_every_file_is_formatted(self):
        program = shutil.which("clang-format-14")
        if not program:
            self.skipTest("clang-format-14 is not installed")
        files = [f for f in tracked(ROOT) if f.endswith((".cpp", ".hpp")) and f.startswith(("src/", "tests/"))]
        done = subprocess.run([program, "--dry-run", "-Werror", *files], cwd=ROOT, capture_output=True, text=True)
        bad = sorted({line.split(":")[0] for line in done.stderr.splitlines() if ": error:" in line})
        self.assertEqual([], bad, "run scripts/format")


class BadTreeTest(unittest.TestCase):
    """Each rule is able to fail: a tree with one fault of each kind."""

    BAD = [
        ("check_layers", "src/base/a.cpp", '#include "protocol/message.hpp"\n'),
        ("check_layers", "src/protocol/a.cpp", '#include "io/zmq.hpp"\n'),
        ("check_layers", "src/io/a.cpp", '#include "protocol/message.hpp"\n'),
        ("check_layers", "src/broker/core/a.cpp", '#include "io/clock.hpp"\n'),
        ("check_layers", "src/broker/core/a.cpp", '#include "worker/core/job.hpp"\n'),
        ("check_layers", "src/broker/core/a.cpp", '#include "broker/shell/shell.hpp"\n'),
        ("check_layers", "src/worker/shell/a.cpp", '#include "cli/core/verbs.hpp"\n'),
        ("check_layers", "src/cli/main.cpp", '#include "broker/core/broker_core.hpp"\n'),
        ("check_layers", "src/worker/core/a.cpp", "#include <zmq.hpp>\n"),
        ("check_layers", "src/broker/shell/a.cpp", "#include <curl/curl.h>\n"),
        ("check_layers", "src/broker/shell/a.cpp", "#include <SQLiteCpp/SQLiteCpp.h>\n"),
        ("check_layers", "src/cli/shell/a.cpp", "#include <boost/program_options.hpp>\n"),
        ("check_layers", "src/worker/core/a.cpp", "#include <boost/intrusive/set.hpp>\n"),
        ("check_layers", "src/io/a.cpp", "#include <boost/asio.hpp>\n"),
        ("check_layers", "src/protocol/message.cpp", "#include <msgpack.hpp>\n"),
        ("check_layers", "src/broker/core/a.cpp", "#include <nlohmann/json.hpp>\n"),
        ("check_purity", "src/cli/core/a.cpp", "#include <iostream>\n"),
        ("check_purity", "src/worker/core/a.cpp", "#include <sys/socket.h>\n"),
        ("check_purity", "src/broker/core/a.cpp", "auto t = std::chrono::steady_clock::now();\n"),
        ("check_purity", "src/broker/core/a.cpp", "std::random_device d;\n"),
        ("check_purity", "src/protocol/a.hpp", "#pragma once\ninline void f() { std::printf(); }\n"),
        ("check_no_shell", "src/io/a.cpp", "int f(const char* text) { return std::system(text); }\n"),
        ("check_no_shell", "src/cli/shell/a.cpp", "auto* out = popen(text, mode);\n"),
        ("check_no_shell", "src/worker/main.cpp", "::system (text);\n"),
        ("check_unit_tests", "tests/unit/broker/a.cpp", "#include <thread>\n"),
        ("check_unit_tests", "tests/unit/broker/a.cpp", "void f() { std::this_thread::sleep_for(1s); }\n"),
        ("check_lengths", "src/broker/core/a.cpp", "// line\n" * (rules.LINES_MAX + 1)),
        ("check_hygiene", "README.md", "see /work" + "/main/docs\n"),
        ("check_hygiene", "scripts/test", "curl https://deb." + "debian.org/\n"),
        ("check_hygiene", "README.md", "<<<<<<" + "< HEAD\n"),
        ("check_headers", "src/base/a.hpp", "int a;\n"),
    ]
    GOOD = [
        ("src/broker/core/a.cpp", '#include <vector>\n#include "base/ids.hpp"\n#include "protocol/codec.hpp"\n'),
        ("src/broker/core/b.cpp", '// steady_clock is read elsewhere\nconst char* text = "system_clock, printf";\n'),
        ("src/io/b.cpp", '// system() would be a shell\nconst auto file_system(int a) { return "system(x)"; }\n'),
        ("src/broker/shell/a.cpp", '#include "broker/core/a.hpp"\n#include "io/zmq.hpp"\n#include "protocol/codec.hpp"\n'),
        ("src/broker/main.cpp", '#include "broker/shell/a.hpp"\n#include "io/log.hpp"\n'),
        ("src/io/zmq.cpp", '#include <zmq.hpp>\n#include "base/result.hpp"\n'),
        ("src/protocol/codec.cpp", "#include <msgpack.hpp>\n"),
        ("src/worker/core/a.cpp", "#include <nlohmann/json.hpp>\n" + "// line\n" * (rules.LINES_MAX - 1)),
    ]

    def faults(self, path, text):
        """Name of each check that finds something in a tree of that one file."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
            return {check.__name__ for check in rules.CHECKS if check(root, [path])}

    def test_each_fault_is_found(self):
        for check, path, text in self.BAD:
            with self.subTest(path=path, text=text[:60]):
                self.assertIn(check, self.faults(path, text))

    def test_good_files_pass(self):
        for path, text in self.GOOD:
            with self.subTest(path=path):
                self.assertEqual(set(), self.faults(path, text))


if __name__ == "__main__":
    unittest.main()
