"""Every example runs against the fake provider, as its reader would run it."""

import os
import re
import subprocess
import tempfile
import unittest

from fakellm import Fakellm, tool

EXAMPLES = os.path.join(os.environ["AICHAT_BUILD"], "examples")


# A library built with a sanitizer needs programs that are.
FLAGS = os.environ.get("AICHAT_SANITIZE_FLAGS", "").split()


def clean_environment(home):
    """Nothing of the user's, but what sanitizers want."""
    kept = {name: value for name, value in os.environ.items()
            if name == "PATH" or name.endswith("SAN_OPTIONS")}
    return kept | {"HOME": home}


class Examples(unittest.TestCase):
    def skip_unless_built(self, name):
        if not os.path.exists(os.path.join(EXAMPLES, name)):
            self.skipTest(f"{name} was not built: what it needs is not installed")

    def run_example(self, name, path, *arguments, dialect="openai", fails=False):
        """Run with a home of its own; returns what it printed, or complained of."""
        with tempfile.TemporaryDirectory() as home, Fakellm() as provider:
            env = clean_environment(home)
            if dialect == "openai":
                env |= {"OPENAI_API_KEY": "test", "OPENAI_BASE_URL": provider.base(path) + "/v1"}
            else:
                env |= {"ANTHROPIC_API_KEY": "test", "ANTHROPIC_BASE_URL": provider.base(path)}
            done = subprocess.run([*tool(), os.path.join(EXAMPLES, name), *arguments], env=env,
                                  capture_output=True, timeout=30, check=False)
            if fails:
                self.assertEqual(done.returncode, 1)
                return done.stderr.decode()
            self.assertEqual(done.stderr, b"")
            self.assertEqual(done.returncode, 0)
            return done.stdout.decode()

    def test_minimal(self):
        for dialect in ("openai", "anthropic"):
            with self.subTest(dialect):
                text = self.run_example("minimal", "/echo", "Say this.", dialect=dialect)
                self.assertEqual(text, "Say this.\n")

    def run_event_loop(self, name):
        """Two replies that take half a second, and a timer that ticks meanwhile."""
        lines = self.run_example(name, "/n/50/rate/100").splitlines()
        size = sum(len(f"tok{i} ") for i in range(50))
        ticks = [line for line in lines if line.startswith("so far: ")]
        self.assertEqual(sorted(set(lines) - set(ticks)),
                         [f"Name three mountains.: {size} bytes",
                          f"Name three rivers.: {size} bytes"])
        seen = [int(line.split()[2]) for line in ticks]
        self.assertGreater(len(seen), 0)
        self.assertEqual(seen, sorted(seen))

    def test_event_loops(self):
        for name in ("event_loop", "event_loop_epoll", "event_loop_glib", "event_loop_uv"):
            with self.subTest(name):
                self.skip_unless_built(name)
                self.run_event_loop(name)

    def test_raii(self):
        self.skip_unless_built("raii")
        self.assertEqual(self.run_example("raii", "/echo", "One.", "Two."),
                         "One.\nTwo.\n4 messages\n")

    def test_raii_throws(self):
        self.skip_unless_built("raii")
        for path, status in (("/status/400", "(PROVIDER_REJECTED)"),
                             ("/cut/300/n/200", "(INTERRUPTED)")):
            with self.subTest(path):
                said = self.run_example("raii", path, "One.", fails=True)
                self.assertTrue(said.endswith(status + "\n"), said)

    def test_tools(self):
        for dialect in ("openai", "anthropic"):
            with self.subTest(dialect):
                text = self.run_example("tools", "/gen/tools/1/n/3", dialect=dialect)
                self.assertIn("[get_weather of ", text)
                self.assertIn("Sunny, 21 degrees.]", text)
                self.assertIn("tok0 tok1 tok2", text)

    def test_branch(self):
        lines = self.run_example("branch", "/echo").splitlines()
        self.assertEqual(lines, [
            "user: Name a colour.",
            "  assistant: Name a colour.",
            "  assistant: Name a colour.",
            "user: Name a warm colour.",
            "  assistant: Name a warm colour.",
        ])


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Compiled(unittest.TestCase):
    """Programs that a document shows are built as their reader would, and run."""

    def run_code(self, code, *flags, path="/echo", given=""):
        """Compile in a folder of its own and run there; returns what it printed."""
        library = os.path.dirname(os.environ["LIBAICHAT"])
        include = os.path.abspath("include")
        with tempfile.TemporaryDirectory() as folder, Fakellm() as provider:
            with open(os.path.join(folder, "program.c"), "w", encoding="utf-8") as file:
                file.write(code)
            subprocess.run([*os.environ.get("CC", "cc").split(), *flags, "-Wall", "-Wextra",
                            "-Werror", "-I" + include, "program.c", "-L" + library, "-laichat",
                            "-Wl,-rpath," + library, *FLAGS, "-o", "program"],
                           cwd=folder, check=True)
            env = clean_environment(folder) | {
                "OPENAI_API_KEY": "test",
                "OPENAI_BASE_URL": provider.base(path) + "/v1",
            }
            done = subprocess.run([*tool(), "./program"], cwd=folder, env=env, input=given.encode(),
                                  capture_output=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()

    def test_readme(self):
        code = re.search(r"```c\n(.*?)```", read("README.md"), re.DOTALL).group(1)
        self.assertLessEqual(len(code.splitlines()), 30)
        self.assertEqual(self.run_code(code, "-std=c99", "-pedantic"), "Hello!")

    def test_guide(self):
        """Each program of the guide prints what stands below it."""
        programs = re.findall(r"```c\n(/\* (\w+)\.c: .*?)```\n(?:.{,200}?```text\n(.*?)```)?",
                              read("docs/embedding.md"), re.DOTALL)
        self.assertEqual(len(programs), read("docs/embedding.md").count("```c\n"))
        providers = {"errors": "/status/401", "stop": "/n/1000/rate/50",
                     "tools": "/tools/1/n/3"}
        said = {"hello": "One.\n\nTwo.\n\n", "tools": "tok0 tok1 tok2 \n"}
        for code, name, text in programs:
            with self.subTest(name):
                printed = self.run_code(code, path=providers.get(name, "/echo"),
                                        given="One.\nTwo.\n")
                self.assertEqual(printed, said.get(name, text))
                self.assertNotEqual(printed, "")


class Documents(unittest.TestCase):
    """What lists something lists all of it."""

    def test_quirks(self):
        names = re.findall(r'^QUIRK\(\w+, "(\w+)"', read("libaichat/model/quirks.def"),
                           re.MULTILINE)
        listed = re.findall(r"^\| `(\w+)` \|", read("docs/adding-a-provider.md"), re.MULTILINE)
        self.assertGreater(len(names), 10)
        self.assertEqual(listed, names)

    def test_headers(self):
        listed = re.findall(r"^\| (aichat/\w+\.h) \|", read("docs/reference.md"), re.MULTILINE)
        self.assertEqual(sorted(listed), sorted("aichat/" + name for name in
                                                os.listdir("include/aichat")
                                                if name.endswith(".h")))


if __name__ == "__main__":
    unittest.main()
