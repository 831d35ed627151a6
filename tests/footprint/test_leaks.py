"""Nothing is reachable after the last close: valgrind counts every block."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from fakellm import Fakellm

HERE = os.path.dirname(os.path.abspath(__file__))
SESSION = os.environ["AICHAT_SESSION"]
VALGRIND = ["valgrind", "--leak-check=full", "--show-leak-kinds=all",
            "--errors-for-leak-kinds=all", "--error-exitcode=99", "--num-callers=30"]


def figure(log, line):
    found = re.search(line + r": ([\d,]+) bytes", log)
    return int(found.group(1).replace(",", "")) if found else 0


class Leaks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="aichat-leaks-")
        self.addCleanup(folder.cleanup)
        self.store = os.path.join(folder.name, "store.db")

    def run_session(self, *arguments, options=()):
        """What valgrind says of a session, and how its replies ended."""
        done = subprocess.run([*VALGRIND, *options, SESSION, *arguments], timeout=200,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr, done.stdout.split()

    def test_nothing_of_ours(self):
        """Without libcurl there is not one block, suppressed or not."""
        for store in ("memory:", self.store):
            with self.subTest(store):
                log, states = self.run_session(store)
                self.assertEqual(states, ["complete"] * 2)
                self.assertIn("All heap blocks were freed", log)

    def test_nothing_but_the_loaders_list(self):
        """Behind a whole conversation there is what valgrind.supp explains."""
        with Fakellm() as provider:
            log, states = self.run_session(
                self.store, provider.base("tools/1/n/5") + "/v1",
                provider.base("tools/1/n/50/rate/100"),
                options=["--suppressions=" + os.path.join(HERE, "valgrind.supp")])
        self.assertEqual(states, ["complete"] * 4 + ["stopped", "complete"])
        for kind in ("definitely lost", "indirectly lost", "possibly lost",
                     "still reachable"):
            self.assertEqual(figure(log, kind), 0, log)
        self.assertLess(figure(log, "suppressed"), 128 * 1024)


if __name__ == "__main__":
    if not shutil.which("valgrind"):
        print("skipped: valgrind is not installed")
        sys.exit(77)
    if os.environ.get("AICHAT_SANITIZE_FLAGS"):
        print("skipped: a sanitizer looks already")
        sys.exit(77)
    unittest.main()
