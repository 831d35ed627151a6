"""Every example runs against the fake provider, as its reader would run it."""

import os
import subprocess
import tempfile
import unittest

from fakellm import Fakellm

EXAMPLES = os.path.join(os.environ["AICHAT_BUILD"], "examples")


class Examples(unittest.TestCase):
    def run_example(self, name, path, *arguments, dialect="openai"):
        """Run with a home of its own; returns what it printed."""
        with tempfile.TemporaryDirectory() as home, Fakellm() as provider:
            env = {"HOME": home, "PATH": os.environ["PATH"]}
            if dialect == "openai":
                env |= {"OPENAI_API_KEY": "test", "OPENAI_BASE_URL": provider.base(path) + "/v1"}
            else:
                env |= {"ANTHROPIC_API_KEY": "test", "ANTHROPIC_BASE_URL": provider.base(path)}
            for variable in ("LD_PRELOAD", "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS",
                             "UBSAN_OPTIONS"):
                if variable in os.environ:
                    env[variable] = os.environ[variable]
            done = subprocess.run([os.path.join(EXAMPLES, name), *arguments], env=env,
                                  capture_output=True, timeout=30, check=False)
            self.assertEqual(done.stderr, b"")
            self.assertEqual(done.returncode, 0)
            return done.stdout.decode()

    def test_minimal(self):
        for dialect in ("openai", "anthropic"):
            with self.subTest(dialect):
                text = self.run_example("minimal", "/echo", "Say this.", dialect=dialect)
                self.assertEqual(text, "Say this.\n")

    def test_event_loop(self):
        lines = sorted(self.run_example("event_loop", "/echo").splitlines())
        self.assertEqual(lines, ["Name three mountains.: 21 bytes",
                                 "Name three rivers.: 18 bytes"])

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


if __name__ == "__main__":
    unittest.main()
