"""Programs that were built with the baseline run with the library as it is."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import baseline
from fakellm import Fakellm

LIBRARY = os.environ["LIBAICHAT"]
PROGRAM = os.path.join(baseline.ROOT, "tests", "footprint", "session.c")

ADVICE = ("What the baseline promises has changed. If that is meant, see "
          "docs/api-changes.md: note it there, run `./dev abi`, commit both.")


def replaced(interface, header, old, new):
    """The interface with something else in one of its headers."""
    headers, symbol_map = interface
    assert headers[header].count(old) == 1, (header, old)
    return {**headers, header: headers[header].replace(old, new)}, symbol_map


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="aichat-abi-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name


class Guard(Folder):
    """The guard sees what it is there for: against the real library, each time."""

    def problems(self, old):
        xml = os.path.join(self.folder, "old.abi")
        baseline.write_xml(old, xml)
        return "\n".join(baseline.problems(old, xml, baseline.current(), LIBRARY))

    def test_additions_pass(self):
        headers, symbol_map = baseline.current()
        old = replaced((headers, symbol_map.replace("\taichat_version;\n", "")), "version.h",
                       "AICHAT_API const char *aichat_version(void);", "")
        old = replaced(old, "log.h", "AICHAT_LOG_DEBUG = 4\n", "")
        self.assertEqual(self.problems(old), "")

    def test_changes_do_not(self):
        headers, symbol_map = baseline.current()
        node = re.search(r"^(AICHAT_\w+) \{", symbol_map, re.M).group(1)
        symbol_map = symbol_map.replace("\taichat_version;\n", "\taichat_version;\n"
                                        "\taichat_gone;\n").replace("\taichat_close;\n", "")
        symbol_map += f"AICHAT_OTHER {{\nglobal:\n\taichat_close;\n}} {node};\n"
        old = headers, symbol_map
        for header, now, before in (
                ("version.h", "int aichat_abi_version(void);",
                 "int aichat_abi_version(void);\nAICHAT_API int aichat_gone(void);"),
                ("error.h", "aichat_error_name(int code)", "aichat_error_name(long code)"),
                ("reply.h", "uint64_t aichat_event_seq(", "int aichat_event_seq("),
                ("reply.h", "AICHAT_EVENT_TEXT = 3", "AICHAT_EVENT_TEXT = 33"),
                ("error.h", "X(EKEY, -22,", "X(EKEY, -122,"),
                ("log.h", "AICHAT_LOG_DEBUG = 4",
                 "AICHAT_LOG_DEBUG = 4,\n\tAICHAT_LOG_GONE = 5")):
            old = replaced(old, header, now, before)
        found = self.problems(old)
        for name in ("aichat_gone", "aichat_close", "aichat_error_name",
                     "aichat_event_seq"):
            self.assertRegex(found, r"\b" + name + r"\b")
        self.assertNotRegex(found, r"\baichat_open\b")
        self.assertEqual(found.splitlines()[-3:], [
            "AICHAT_EKEY was -122 and is -22", "AICHAT_EVENT_TEXT was 33 and is 3",
            "AICHAT_LOG_GONE was 5 and is gone"])


class Baseline(Folder):
    def test_it_holds(self):
        found = list(baseline.problems(baseline.baseline(), baseline.XML,
                                       baseline.current(), LIBRARY))
        self.assertEqual(found, [], ADVICE + "\n" + "\n".join(found))

    def test_it_is_whole(self):
        """The file that abidiff reads was made from the headers beside it."""
        fresh = os.path.join(self.folder, "fresh.abi")
        baseline.write_xml(baseline.baseline(), fresh)
        status, output = baseline.run("abidiff", baseline.XML, fresh)
        self.assertEqual(status, 0, output)
        self.assertGreater(len(baseline.constants(baseline.baseline()[0])), 50)

    def test_an_old_program_runs(self):
        """Compiled with the old headers, linked with a library of the old symbols; run
        with the new one."""
        baseline.build_stub(baseline.baseline(), self.folder)
        program = os.path.join(self.folder, "session")
        subprocess.run([*baseline.CC, "-I" + self.folder, PROGRAM, "-L" + self.folder,
                        "-laichat", "-Wl,-z,now", "-o", program], check=True)
        env = {**os.environ, "LD_LIBRARY_PATH": os.path.dirname(LIBRARY)}
        store = os.path.join(self.folder, "store.db")
        with Fakellm() as provider:
            done = subprocess.run(
                [program, store, provider.base("tools/1/n/5") + "/v1",
                 provider.base("tools/1/n/50/rate/100")],
                env=env, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.split(),
                         ["complete"] * 4 + ["stopped", "complete"])


def obstacle():
    """Why nothing can be compared here, or None."""
    if not shutil.which("abidiff") or not shutil.which("abidw"):
        return "abidiff (abigail-tools) is not installed"
    if platform.machine() != "x86_64":
        return "the baseline is of x86_64, this is " + platform.machine()
    if os.environ.get("AICHAT_SANITIZE_FLAGS"):
        return "a sanitizer changes what a library needs"
    if ".debug_info" not in baseline.must("readelf", "-SW", LIBRARY):
        return "the library has no debug information, from which types are read"
    return None


if __name__ == "__main__":
    if obstacle():
        print("skipped:", obstacle())
        sys.exit(77)
    unittest.main()
