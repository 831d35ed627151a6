"""Starts and stops the fake provider for tests.

    with Fakellm(recordings=True) as llm:
        url = llm.base("gen/n/200/rate/20/v1")
        ...
        assert llm.stats()["requests"] == 1
        assert "canary" in llm.log()[0]["body"]

The program is the one that the environment variable FAKELLM names. It ends with the
test whatever happens: its standard input is a pipe of ours, and it has a time limit.
"""

import http.client
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]


def recordings_dir():
    """The folder of recorded traffic, or None where there is none."""
    path = pathlib.Path(os.environ.get("AICHAT_RECORDINGS") or ROOT / "../shared/recordings")
    return path.resolve() if any(path.glob("*.jsonl")) else None


def tool():
    """The command that programs of ours are run under, if AICHAT_WRAP names one."""
    words = shlex.split(os.environ.get("AICHAT_WRAP", ""))
    # Found now: tests change the PATH of what they start.
    return [shutil.which(words[0]) or words[0], *words[1:]] if words else []


class Fakellm:
    """A running fakellm. Use it as a context manager, or call stop()."""

    def __init__(self, recordings=False, fixtures=None, max_seconds=900, program=None):
        self._dir = tempfile.TemporaryDirectory(prefix="fakellm-")
        self.log_path = pathlib.Path(self._dir.name) / "log.jsonl"
        self.log_path.touch()
        program = program or os.environ.get("FAKELLM")
        if not program:
            raise RuntimeError("FAKELLM must name the fakellm program")
        args = [*tool(), program, "--until-eof", "--max-seconds", str(max_seconds),
                "--log", str(self.log_path)]
        if recordings:
            folder = recordings if recordings is not True else recordings_dir()
            args += ["--recordings", str(folder)]
        if fixtures:
            args += ["--fixtures", str(fixtures)]
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline().decode()
        if not line.startswith("listening http://127.0.0.1:"):
            self.stop()
            raise RuntimeError(f"fakellm did not start: {line!r}")
        self.url = line.split()[1]
        self.port = int(self.url.rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends the program; its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self._dir.cleanup()
        return status

    def base(self, path=""):
        """The base URL for a path such as "gen/n/5/v1"."""
        return f"{self.url}/{path.strip('/')}".rstrip("/")

    def rec(self, recording_id, options="", v1=True):
        """The base URL that replays one recording, with options such as "chunk/1" in front."""
        quoted = urllib.parse.quote(recording_id, safe="")
        path = f"{options.strip('/')}/rec/{quoted}" + ("/v1" if v1 else "")
        return self.base(path)

    def _control(self, method, path):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            conn.request(method, path)
            return json.loads(conn.getresponse().read())
        finally:
            conn.close()

    def stats(self):
        """The figures of /control/stats."""
        return self._control("GET", "/control/stats")

    def reset(self):
        """Forgets counts, and with them the state of fail-first."""
        self._control("POST", "/control/reset")

    def log(self):
        """The requests that have ended, oldest first, as dicts; headers is a dict too."""
        self.stats()  # one thread serves all: what ended before this is written
        lines = []
        with open(self.log_path, encoding="utf-8") as file:
            for line in file:
                entry = json.loads(line)
                entry["headers"] = {name: value for name, value in entry["headers"]}
                lines.append(entry)
        return lines

    def wait_for(self, condition, seconds=10):
        """Polls until condition(self) is true; its value. For what a client cannot see."""
        end = time.monotonic() + seconds
        while True:
            value = condition(self)
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"not so within {seconds} s; stats: {self.stats()}")
            time.sleep(0.01)
