"""What the tests of the daemon share: a home of their own for every class, the daemon in
it on ports that the kernel picks, a fake provider, and plain sockets."""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from fakellm import Fakellm, tool

AICHATD = os.environ["AICHATD"]
AICHAT = os.environ["AICHAT"]
PROVIDER_KEY = "sk-canary-0123456789"
SECONDS = 60  # for anything to happen; on a busy machine, too

# What the sanitizers and the library's test hooks are told.
PASSED_ON = ("LD_LIBRARY_PATH", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS",
             "TSAN_OPTIONS")


def wait_until(check, what, seconds=SECONDS):
    """What check() returns as soon as it is true."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen")
        time.sleep(0.01)


class Answer:
    """An HTTP answer: status, headers by lower-case name, body."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"status {self.status}\n{self.headers}\n{self.body[:2000]!r}"


class Daemon:
    """A running aichatd. `options` are -o settings without their `server.`."""

    def __init__(self, home, options=None, env=None, args=(), limit=None, listen="127.0.0.1:0"):
        self.home = pathlib.Path(home)
        # A thousand threads start quickly, but not under a sanitizer.
        settings = {"admin_listen": "127.0.0.1:0", "connections": "256", **(options or {})}
        command = [*tool(), AICHATD, "--listen", listen]
        for name, value in settings.items():
            command += ["-o", f"{name if '.' in name else 'server.' + name}={value}"]
        self.env = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C"}
        for name in PASSED_ON:
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.env.update(env or {})
        self.out = open(self.home / "out", "ab+")
        self.err = open(self.home / "err", "ab+")
        self.start_of_out = self.out.seek(0, os.SEEK_END)
        self.start_of_err = self.err.seek(0, os.SEEK_END)
        self.process = subprocess.Popen(command + list(args), env=self.env, cwd=home,
                                        stdin=subprocess.DEVNULL, stdout=self.out,
                                        stderr=self.err, preexec_fn=limit)
        self.key = self.port = self.admin_port = None

    def text(self):
        """Standard output of this start."""
        with open(self.home / "out", encoding="utf-8", errors="replace") as out:
            out.seek(self.start_of_out)
            return out.read()

    def log(self):
        """Standard error, of all starts in this home."""
        return (self.home / "err").read_text(encoding="utf-8", errors="replace")

    def new_log(self):
        """The bytes of standard error of this start."""
        with open(self.home / "err", "rb") as err:
            err.seek(self.start_of_err)
            return err.read()

    def log_lines(self):
        return [json.loads(line) for line in self.log().splitlines() if line[:1] == "{"]

    def ready(self):
        """Wait until it listens; self.key is the key of the home's first start."""
        def started():
            if self.process.poll() is not None:
                raise AssertionError(f"aichatd ended with {self.process.returncode}:\n"
                                     f"{self.log()[-3000:]}")
            return re.search(r"Listening on http://[^:]+:(\d+)\n", self.text())
        self.port = int(wait_until(started, "start").group(1))
        whole = (self.home / "out").read_text(encoding="utf-8", errors="replace")
        key = re.search(r"\b(ack_\S+)", whole)
        self.key = key.group(1) if key else None
        # The log has it a moment later.
        self.admin_port = int(wait_until(
            lambda: re.search(rb"health on port (\d+)", self.new_log()), "start").group(1))
        return self

    # --- asking ---

    def connect(self, port=None):
        """A plain socket to it."""
        return socket.create_connection(("127.0.0.1", port or self.port), SECONDS)

    def raw(self, data, port=None, shut=False):
        """All that comes back for these bytes until the daemon closes."""
        with self.connect(port) as sock:
            try:
                sock.sendall(data)
                if shut:
                    sock.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass
            return read_all(sock)

    def request(self, method, path, body=None, key=None, headers=None, port=None):
        """An Answer. body: bytes, or what is written as JSON. key: "" for none."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port,
                                                timeout=SECONDS)
        headers = dict(headers or {})
        key = self.key if key is None else key
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    # --- ending ---

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=SECONDS):
        return self.process.wait(seconds)

    def stop(self):
        """SIGTERM and the exit status."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.wait()
                raise AssertionError("aichatd does not end on SIGTERM")
        return self.process.returncode

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def close(self):
        self.kill()
        self.out.close()
        self.err.close()


def read_all(sock):
    data = b""
    while True:
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece


def read_until(sock, wanted):
    """Bytes of a socket until the wanted ones are among them."""
    data = b""
    while wanted not in data:
        piece = sock.recv(65536)
        if not piece:
            raise AssertionError(f"ended without {wanted!r}; there is {data!r}")
        data += piece
    return data


class ServerTest(unittest.TestCase):
    """A daemon for the whole class: self.daemon; a fake provider: self.llm, which the
    daemon knows as `openai` and `anthropic`. options: settings of the section `server`."""

    maxDiff = None
    options = {}
    llm_path = "gen/n/5"

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="aichatd-")
        cls.home = pathlib.Path(cls.folder.name)
        cls.llm = Fakellm()
        cls.daemon = cls.start_daemon()

    @classmethod
    def start_daemon(cls, home=None, options=None, env=None, **how):
        """One more daemon, or the class's after it was stopped."""
        env = {**cls.provider_env(), **(env or {})}
        daemon = Daemon(home or cls.home, {**cls.options, **(options or {})}, env, **how)
        try:
            return daemon.ready()
        except BaseException:
            daemon.close()
            raise

    @classmethod
    def provider_env(cls, path=None):
        base = cls.llm.base((path or cls.llm_path))
        return {
            "OPENAI_BASE_URL": f"{base}/v1", "OPENAI_API_KEY": PROVIDER_KEY,
            "ANTHROPIC_BASE_URL": base, "ANTHROPIC_API_KEY": PROVIDER_KEY,
        }

    @classmethod
    def tearDownClass(cls):
        status = cls.daemon.stop()
        log = cls.daemon.log()
        cls.daemon.close()
        cls.llm.stop()
        cls.folder.cleanup()
        if status != 0:
            raise AssertionError(f"aichatd ended with {status}\n{log[-3000:]}")

    def new_home(self):
        folder = tempfile.TemporaryDirectory(prefix="aichatd-")
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)

    def another(self, home=None, options=None, **how):
        """A daemon of this test alone."""
        daemon = self.start_daemon(home or self.new_home(), options, **how)
        self.addCleanup(daemon.close)
        return daemon

    def ok(self, method, path, body=None, status=200, **how):
        """The answer's JSON; the test fails if it is an error."""
        answer = self.daemon.request(method, path, body, **how)
        self.assertEqual(answer.status, status, answer)
        return answer.json() if answer.body else None

    def refused(self, status, code, method, path, body=None, **how):
        """A native error's body."""
        answer = self.daemon.request(method, path, body, **how)
        self.assertEqual(answer.status, status, answer)
        error = answer.json()["error"]
        self.assertEqual(error["code"], code, answer)
        self.assertEqual(error["details"]["request_id"], answer.headers["x-request-id"])
        return error
