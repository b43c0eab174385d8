"""The systemd units in docs/operations.md are what systemd understands."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = re.compile(r"`/etc/systemd/system/(\w+\.service)`:\n\n```\n(.*?)```", re.S)


class UnitsTest(unittest.TestCase):
    def test_units_of_the_documentation(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("there is no systemd-analyze")
        units = UNIT.findall((ROOT / "docs/operations.md").read_text())
        self.assertEqual([name for name, _ in units], ["mcbroker.service", "mcworker.service"])
        with tempfile.TemporaryDirectory() as folder:
            for name, text in units:
                # It looks whether the program is there; it is not installed where tests run.
                self.assertIn("ExecStart=/usr/local/bin/mc", text)
                (pathlib.Path(folder) / name).write_text(text.replace("/usr/local/bin/mc", os.environ["MC_BIN"] + "/mc"))
            paths = [str(pathlib.Path(folder) / name) for name, _ in units]
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True, timeout=60)
        # What it does not understand it says, and ends well all the same.
        ours = [line for line in done.stderr.splitlines() if folder in line]
        self.assertEqual((done.returncode, ours), (0, []), done.stderr)


if __name__ == "__main__":
    unittest.main()
