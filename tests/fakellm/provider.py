"""What the self-tests share: HTTP by hand, so that framing, cuts and resets are seen as
they are, and a fakellm for each class of tests.
"""

import json
import pathlib
import socket
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from fakellm import Fakellm, recordings_dir  # noqa: E402

BEARER = {"Authorization": "Bearer test-key"}
ANTHROPIC = {"x-api-key": "test-key", "anthropic-version": "2023-06-01"}
CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"


class Reply:
    """What came: status, headers, body, the HTTP chunks, and how it ended."""

    def __init__(self):
        self.status = None
        self.headers = {}
        self.raw = b""
        self.body = b""
        self.chunks = []
        self.end = None  # complete, eof, reset, timeout

    def json(self):
        return json.loads(self.body)

    def events(self):
        """The data of the SSE events, parsed; [DONE] as a string."""
        data = []
        for line in self.body.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            if line.startswith("data: "):
                data.append(line[6:] if line[6:] == "[DONE]" else json.loads(line[6:]))
        return data

    def text(self):
        """The text of a stream of either dialect."""
        out = ""
        for ev in self.events():
            if isinstance(ev, str):
                continue
            for choice in ev.get("choices", []):
                out += choice["delta"].get("content") or ""
            delta = ev.get("delta") or {}
            if delta.get("type") == "text_delta":
                out += delta["text"]
        return out


class Client:
    """One connection."""

    def __init__(self, port, timeout=5):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.buf = b""

    def close(self):
        self.sock.close()

    def send(self, method, path, body=None, headers=None, chunked=False):
        lines = [f"{method} {path} HTTP/1.1", "Host: test"]
        lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
        data = b""
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            if chunked:
                lines.append("Transfer-Encoding: chunked")
                data = b"".join(b"%x\r\n%s\r\n" % (len(data[i:i + 7]), data[i:i + 7])
                                for i in range(0, len(data), 7)) + b"0\r\n\r\n"
            else:
                lines.append(f"Content-Length: {len(data)}")
        self.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    def more(self, reply):
        """Reads once; False at an end, which it notes."""
        try:
            part = self.sock.recv(1 << 20)
        except socket.timeout:
            reply.end = "timeout"
        except ConnectionResetError:
            reply.end = "reset"
        else:
            self.buf += part
            reply.raw += part
            if part:
                return True
            reply.end = "eof"
        return False

    def line(self, reply):
        while b"\r\n" not in self.buf:
            if not self.more(reply):
                return None
        line, self.buf = self.buf.split(b"\r\n", 1)
        return line

    def exactly(self, reply, n):
        while len(self.buf) < n:
            if not self.more(reply):
                part, self.buf = self.buf, b""
                return part
        part, self.buf = self.buf[:n], self.buf[n:]
        return part

    def receive(self):
        reply = Reply()
        status = self.line(reply)
        if status is None:
            return reply
        reply.status = int(status.split()[1])
        while True:
            line = self.line(reply)
            if line is None:
                return reply
            if not line:
                break
            name, value = line.decode().split(": ", 1)
            reply.headers[name.lower()] = value
        if reply.status == 100:
            return self.receive()
        if reply.headers.get("transfer-encoding") == "chunked":
            while reply.end is None:
                size = self.line(reply)
                if size is None:
                    break
                piece = self.exactly(reply, int(size, 16))
                if piece:
                    reply.chunks.append(piece)
                    reply.body += piece
                if reply.end is None and self.line(reply) is not None and size == b"0":
                    reply.end = "complete"
        elif "content-length" in reply.headers:
            want = int(reply.headers["content-length"])
            reply.body = self.exactly(reply, want)
            reply.end = reply.end or "complete"
        else:
            while self.more(reply):
                pass
            reply.body, self.buf = self.buf, b""
        return reply


def chat(content="hello", **more):
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": content}], **more}


def messages(content="hello", **more):
    return {"model": "claude-haiku-4-5", "max_tokens": 100,
            "messages": [{"role": "user", "content": content}], **more}


TOOL = {"name": "get_weather", "parameters": {"type": "object", "properties": {
    "city": {"type": "string"}, "days": {"type": "integer"}}}}
CHAT_TOOLS = [{"type": "function", "function": TOOL}]
MESSAGES_TOOLS = [{"name": "get_weather", "input_schema": TOOL["parameters"]}]


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fixtures = tempfile.TemporaryDirectory()
        cls.llm = Fakellm(recordings=recordings_dir() or False, fixtures=cls.fixtures.name,
                          max_seconds=60)

    @classmethod
    def tearDownClass(cls):
        status = cls.llm.stop()
        cls.fixtures.cleanup()
        if status != 0:
            raise AssertionError(f"fakellm ended with {status}")

    def ask(self, path, body=None, headers=None, method=None, timeout=5, **how):
        client = Client(self.llm.port, timeout)
        self.addCleanup(client.close)
        if headers is None:
            headers = ANTHROPIC if MESSAGES in path else BEARER
        client.send(method or ("GET" if body is None else "POST"), path, body, headers, **how)
        return client.receive()

    def stream(self, path, **more):
        """A streamed reply of the dialect that the path speaks."""
        make = messages if MESSAGES in path else chat
        timeout = more.pop("timeout", 5)
        return self.ask(path, make(stream=True, **more), timeout=timeout)
