"""What scripts/test makes of ctest's results: shown each way in which a test can end."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
READER = ROOT / "scripts/lib/test_results.py"
TESTS = """
add_test(passes "true")
add_test(fails "sh" "-c" "seq 100000; exit 1")
add_test(hangs "sleep" "10")
set_tests_properties(hangs PROPERTIES TIMEOUT 0.1)
add_test(is_not_there "/nowhere/program")
add_test(skips_itself "sh" "-c" "exit 77")
set_tests_properties(skips_itself PROPERTIES SKIP_RETURN_CODE 77)
add_test(disabled "false")
set_tests_properties(disabled PROPERTIES DISABLED ON)
"""


class ResultsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        (pathlib.Path(folder.name) / "CTestTestfile.cmake").write_text(TESTS)
        cls.file = pathlib.Path(folder.name) / "results.xml"
        command = ["ctest", "--test-dir", folder.name, "--output-junit", cls.file, "--test-output-truncation", "head"]
        subprocess.run(command, capture_output=True, check=False, timeout=60)

    def reader(self, *arguments):
        command = [sys.executable, "-B", READER, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()

    def test_each_end_is_counted_once(self):
        counted, *failed = self.reader("count", self.file)
        self.assertEqual(counted, "1 3 2")
        self.assertEqual(failed, ["fails", "hangs", "is_not_there (Unable to find executable)"])

    def test_the_end_of_each_failure_is_shown(self):
        lines = self.reader("ends", self.file, self.file)
        begin = lines.index("--- the end of fails")
        self.assertEqual(lines[begin + 1 : begin + 61], [str(number) for number in range(99941, 100001)])
        self.assertEqual(lines.count("--- the end of fails"), 2)
        self.assertNotIn("--- the end of skips_itself", lines)


if __name__ == "__main__":
    unittest.main()
