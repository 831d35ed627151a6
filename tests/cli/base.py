"""What the tests of the terminal client share: a home of their own for every test, the
program in it, and terminals."""

import errno
import fcntl
import json
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

from fakellm import Fakellm, tool

AICHAT = os.environ["AICHAT"]
KEY = "sk-canary-0123456789"
GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"
SECONDS = 30  # for anything to happen; on a busy machine, too


class Result:
    """How a run of the program ended."""

    def __init__(self, status, out, err):
        self.status = status
        self.raw = out
        self.out = out.decode("utf-8", "replace")
        self.err = err.decode("utf-8", "replace")

    def lines(self):
        """Standard output as JSON, one object a line."""
        return [json.loads(line) for line in self.raw.split(b"\n")[:-1]]

    def __repr__(self):
        return f"status {self.status}\n--- out\n{self.out[:2000]}\n--- err\n{self.err[:2000]}"


class CliTest(unittest.TestCase):
    """A test with an empty home folder. self.llm is a fake provider."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.llm = Fakellm()

    @classmethod
    def tearDownClass(cls):
        cls.llm.stop()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="aichat-cli-")
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name)
        self.store = self.home / ".local/share/aichat/aichat.db"
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TERM": "xterm",
            "LC_ALL": "C",
        }
        for name in ("LD_LIBRARY_PATH", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        # Whatever listens on this machine is not asked.
        self.env["AICHAT_MODEL"] = "echo"

    def provider(self, path="gen/n/5", model="openai/gpt-4o"):
        """From here on, ask the fake provider at this path."""
        self.env["OPENAI_BASE_URL"] = self.llm.base(path + "/v1")
        self.env["OPENAI_API_KEY"] = KEY
        self.env["AICHAT_MODEL"] = model

    def start(self, *args, **how):
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
               "stderr": subprocess.PIPE, **how}
        env = {**self.env, **how.pop("env", {})}
        process = subprocess.Popen([*tool(), AICHAT, *args], env=env, cwd=self.home, **how)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()

    def finish(self, process, data=None):
        out, err = process.communicate(data, timeout=SECONDS)
        return Result(process.returncode, out or b"", err or b"")

    def run_aichat(self, *args, data=None, **how):
        if data is not None:
            how["stdin"] = subprocess.PIPE
        return self.finish(self.start(*args, **how), data)

    def ok(self, *args, **how):
        result = self.run_aichat(*args, **how)
        self.assertEqual(result.status, 0, result)
        return result

    def fails(self, status, *args, **how):
        result = self.run_aichat(*args, **how)
        self.assertEqual(result.status, status, result)
        self.assertTrue(result.err.startswith("aichat: "), result)
        return result

    def ask(self, *args, **how):
        """The reply to a prompt, as JSON: its first and its last event."""
        events = self.ok("--json", *args, **how).lines()
        return events[0], events[-1]

    def messages(self, *args):
        return self.ok("show", "--json", *args).lines()

    def terminal(self, *args, **how):
        terminal = Terminal([*tool(), AICHAT, *args], {**self.env, **how.pop("env", {})}, self.home,
                            **how)
        self.addCleanup(terminal.close)
        return terminal


def text_of(message):
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


def read_some(stream, wanted, seconds=SECONDS):
    """Bytes of a pipe until the wanted ones are among them."""
    data = b""
    end = time.monotonic() + seconds
    while wanted not in data:
        left = end - time.monotonic()
        if left <= 0 or not select.select([stream], [], [], left)[0]:
            raise AssertionError(f"{wanted!r} did not come; there is {data!r}")
        piece = os.read(stream.fileno(), 65536)
        if not piece:
            raise AssertionError(f"ended without {wanted!r}; there is {data!r}")
        data += piece
    return data


class Terminal:
    """A program on a pseudo-terminal of its own, as its controlling one."""

    def __init__(self, command, env, cwd, stdin=None, stdout=None, stderr=None, keep=False):
        self.master, slave = pty.openpty()
        self.slave = -1
        self.keep = keep  # open, for a look at its settings afterwards
        if keep:
            self.slave = os.dup(slave)
            self.found = termios.tcgetattr(slave)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))

        def control():
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command, env=env, cwd=cwd, start_new_session=True, preexec_fn=control,
            stdin=slave if stdin is None else stdin,
            stdout=slave if stdout is None else stdout,
            stderr=slave if stderr is None else stderr, pass_fds=(slave,))
        os.close(slave)
        self.data = b""
        self.seen = 0

    def send(self, text):
        os.write(self.master, text.encode() if isinstance(text, str) else text)

    def _read(self, left):
        if not select.select([self.master], [], [], max(left, 0))[0]:
            return None
        try:
            return os.read(self.master, 65536)
        except OSError as error:
            if error.errno == errno.EIO:  # nobody is there any more
                return b""
            raise

    def expect(self, wanted, seconds=SECONDS):
        """Wait for bytes after those that were expected before; what came until then."""
        wanted = wanted.encode() if isinstance(wanted, str) else wanted
        end = time.monotonic() + seconds
        while True:
            at = self.data.find(wanted, self.seen)
            if at >= 0:
                before = self.data[self.seen:at]
                self.seen = at + len(wanted)
                return before
            piece = self._read(end - time.monotonic())
            if not piece:
                raise AssertionError(f"{wanted!r} did not come; there is "
                                     f"{self.data[self.seen:]!r}")
            self.data += piece

    def finish(self, seconds=SECONDS):
        """Wait for the end; the exit status. self.data is all that came."""
        end = time.monotonic() + seconds
        while True:
            if self.keep and self.process.poll() is not None:
                # Our own descriptor keeps the terminal from ending.
                while piece := self._read(0):
                    self.data += piece
                return self.process.returncode
            piece = self._read(0.02 if self.keep else end - time.monotonic())
            if piece is None and self.keep and time.monotonic() < end:
                continue
            if piece is None:
                raise AssertionError(f"does not end; there is {self.data[self.seen:]!r}")
            if not piece:
                return self.process.wait(SECONDS)
            self.data += piece

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = -1
