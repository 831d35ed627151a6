"""What the tests of the Python package share. Import it first."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACKAGE = os.path.join(ROOT, "bindings", "python")
LIBRARY = os.environ["LIBAICHAT"]
SANITIZED = "address" in os.environ.get("AICHAT_SANITIZE_FLAGS", "")


def _with_sanitizer():
    """Python itself is not sanitized: the sanitizer has to be there before it. What it
    leaks at its end is not ours."""
    import subprocess
    runtime = subprocess.run([*os.environ["CC"].split(), "-print-file-name=libasan.so"],
                             stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    options = os.environ.get("ASAN_OPTIONS", "")
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {
        **os.environ, "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": ":".join(filter(None, [options, "detect_leaks=0"]))})


if SANITIZED and "LD_PRELOAD" not in os.environ:
    _with_sanitizer()

os.environ["AICHAT_LIBRARY"] = LIBRARY
sys.path.insert(0, PACKAGE)

import tempfile  # noqa: E402
import unittest  # noqa: E402

from fakellm import Fakellm  # noqa: E402


def options(provider, path, **more):
    """For aichat.open(): the fake provider as OpenAI."""
    return {"provider.openai.base_url": provider.base(path) + "/v1",
            "provider.openai.api_key": "test", "model": "openai/gpt-fake", **more}


class ProviderTest(unittest.TestCase):
    """Tests that share a fake provider; each has a folder of its own."""

    @classmethod
    def setUpClass(cls):
        cls.provider = Fakellm()
        cls.addClassCleanup(cls.provider.stop)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="aichat-python-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def open(self, path="echo", **more):
        import aichat
        context = aichat.open(options(self.provider, path, **more))
        self.addCleanup(context.close)
        return context
