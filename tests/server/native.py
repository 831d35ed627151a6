"""What tests of the native API share: event streams, and providers of every temper."""

import http.client
import json
import pathlib
import resource
import signal
import sqlite3
import subprocess

from base import AICHAT, PROVIDER_KEY, SECONDS, ServerTest, wait_until

API = "/api/v1"
CONVERSATIONS = f"{API}/conversations"
NO_ID = "01900000-0000-7000-8000-000000000000"


class Events:
    """A stream of server-sent events, read as it comes. A cut stream just ends: .whole
    tells whether the server ended it."""

    def __init__(self, daemon, method, path, body=None, headers=None, key=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.port,
                                                     timeout=SECONDS)
        headers = {"Accept": "text/event-stream", **(headers or {})}
        key = daemon.key if key is None else key
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        self.connection.request(method, path, body, headers)
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.headers = {k.lower(): v for k, v in self.response.getheaders()}
        self.location = self.headers.get("location")
        self.comments = self.retries = 0
        self.last = 0
        self.whole = False

    def __iter__(self):
        number, data = None, None
        try:
            for line in self.response:
                line = line.decode().rstrip("\n")
                if line.startswith(":"):
                    self.comments += 1
                elif line.startswith("retry: "):
                    self.retries += 1
                elif line.startswith("id: "):
                    number = int(line[4:])
                elif line.startswith("data: "):
                    data = json.loads(line[6:])
                elif not line and data is not None:
                    assert data["seq"] == number, data
                    self.last = number
                    yield data
                    data = None
            self.whole = True
        except (http.client.IncompleteRead, ConnectionError, json.JSONDecodeError):
            pass  # cut in the middle of something

    def until(self, kind):
        """Events up to the first of this type, that one included."""
        seen = []
        for event in self:
            seen.append(event)
            if event["type"] == kind:
                return seen
        raise AssertionError(f"no {kind} in {seen}")

    def close(self):
        self.response.close()
        self.connection.close()


def text_of(events):
    return "".join(e["text"] for e in events if e["type"] == "text")


def message_text(message):
    return "".join(p["text"] for p in message["parts"] if p["type"] == "text")


class NativeTest(ServerTest):
    """models: names of providers, and what fakellm plays for them. Each is asked for as
    NAME/fake."""

    models = {}

    @classmethod
    def provider_env(cls, path=None):
        return {}

    @classmethod
    def start_daemon(cls, home=None, options=None, env=None, **how):
        options = dict(options or {})
        for name, path in {"plain": "n/5", **cls.models}.items():
            options.update({f"provider.{name}.base_url": f"{cls.llm.base(path)}/v1",
                            f"provider.{name}.dialect": "openai-chat",
                            f"provider.{name}.api_key": PROVIDER_KEY})
        options["model"] = "plain/fake"
        args = ["-o", f"model={options.pop('model')}"]
        home = pathlib.Path(home or cls.home)
        how["args"] = [*how.get("args", ()), *args, "--store", str(home / "store")]
        return super().start_daemon(home, options, env, **how)

    def new(self, model="plain", daemon=None, **settings):
        """The path of a new conversation."""
        options = {"model": f"{model}/fake", **settings}
        answer = (daemon or self.daemon).request("POST", CONVERSATIONS,
                                                 {"settings": {"options": options}})
        self.assertEqual(answer.status, 201, answer)
        return answer.headers["location"]

    def say(self, conversation, text="hi", daemon=None, headers=None, **body):
        """The end of a reply, as JSON."""
        answer = (daemon or self.daemon).request(
            "POST", f"{conversation}/messages", {"text": text, **body}, headers=headers)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def stream(self, conversation, text="hi", daemon=None, headers=None, **body):
        """Its events."""
        events = Events(daemon or self.daemon, "POST", f"{conversation}/messages",
                        {"text": text, **body}, headers)
        self.addCleanup(events.close)
        self.assertEqual(events.status, 200)
        return events

    def look(self, reply, after=None, daemon=None, last=None):
        """A viewer of a reply, by its path."""
        query = "" if after is None else f"?after={after}"
        headers = {} if last is None else {"Last-Event-ID": str(last)}
        events = Events(daemon or self.daemon, "GET", f"{reply}/events{query}",
                        headers=headers)
        self.addCleanup(events.close)
        return events

    def state(self, reply, daemon=None):
        answer = (daemon or self.daemon).request("GET", reply)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def ends(self, reply, daemon=None):
        """The state in which a reply ends."""
        return wait_until(lambda: (s := self.state(reply, daemon)).get("ended_at") and s,
                          "the end of a reply")

    def verify(self, home):
        """The store holds together."""
        done = subprocess.run([AICHAT, "verify", "-o", f"store={home}/store"],
                              capture_output=True, text=True, timeout=SECONDS,
                              env={"HOME": str(home), "PATH": "/usr/bin:/bin"})
        self.assertEqual(done.returncode, 0, done.stderr)


def small_files(size):
    """For a daemon whose disk is full soon."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


class Locked:
    """Another program holds the store's write lock."""

    def __init__(self, home):
        self.path = f"{home}/store"

    def __enter__(self):
        self.store = sqlite3.connect(self.path, isolation_level=None)
        self.store.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_):
        self.store.execute("ROLLBACK")
        self.store.close()
