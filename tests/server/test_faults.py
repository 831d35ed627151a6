"""Rows of the fault matrix through the daemon: providers that break the rules, viewers
that vanish, and the daemon's own death. test_disk.py has the disks that fail."""

import ctypes
import json
import os
import pathlib
import resource
import signal
import socket
import tempfile
import threading
import unittest

from base import PROVIDER_KEY, SECONDS, read_all, wait_until
from fakellm import Fakellm
from native import NativeTest, message_text, text_of
from tls import OTHER_HOST, Certificates, Door

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
SANITIZED = bool(os.environ.get("AICHAT_SANITIZE_FLAGS"))


def tokens(count):
    return "".join(f"tok{n} " for n in range(count))


class FaultTest(NativeTest):
    settings = {"max_retries": "0", "first_event_timeout_ms": "1000",
                "event_timeout_ms": "1000", "max_reply_bytes": "1000000"}

    @classmethod
    def start_daemon(cls, home=None, options=None, env=None, **how):
        how["args"] = [*how.get("args", ()), *(word for name, value in cls.settings.items()
                                               for word in ("-o", f"{name}={value}"))]
        return super().start_daemon(home, options, env, **how)

    def fails(self, model, status, code, state="failed", daemon=None):
        """A reply that ends in an error: the question is kept, the answer is not whole."""
        daemon = daemon or self.daemon
        path = self.new(model, daemon)
        answer = daemon.request("POST", f"{path}/messages", {"text": "Hello?"})
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (status, code),
                         (model, answer))
        self.told_discreetly(model, answer.body)
        reply = self.state(answer.headers["location"], daemon)
        self.assertEqual(reply["state"], state, (model, reply))
        asked = daemon.request("GET", f"{path}/messages/{reply['user_message_id']}").json()
        self.assertEqual(message_text(asked), "Hello?")
        return reply

    def told_discreetly(self, model, body):
        """Who failed, but neither where that is nor our key."""
        self.assertIn(f"{model}: ".encode(), body)
        for secret in (b"127.0.0.1", b"://", PROVIDER_KEY.encode()):
            self.assertNotIn(secret, body)

    def through_the_gateway(self, model, daemon=None):
        """The errors of both protocols, as (status, body)."""
        answers = []
        for path in (CHAT, MESSAGES):
            answer = (daemon or self.daemon).request("POST", path, {
                "model": f"{model}/fake", "max_tokens": 100,
                "messages": [{"role": "user", "content": "Hello?"}]})
            self.told_discreetly(model, answer.body)
            answers.append((answer.status, answer.json()))
        return answers

    def others_go_on(self, daemon=None):
        end = self.say(self.new("plain", daemon), daemon=daemon)
        self.assertEqual(end["reply"]["state"], "complete")


class Providers(FaultTest):
    """Rows 14 to 32: how a conversation's reply ends, and what is told of it."""

    models = {"html": "html/status/200", "redirect": "redirect/n/5", "bomb": "gzip-bomb",
              "gone": "drop", "late": "delay/60000", "pings": "ping-only",
              "stalled": "n/50/stall/4000", "reset": "n/50/reset/4000",
              "cut": "n/50/cut/4000", "closed": "n/50/close/cut/4000",
              "failing": "n/50/error-after/5",
              "endless": "n/50000/bytes/100", "split": "n/50/chunk/1",
              "half-tool": "tools/1/cut/700", "refused": "status/403",
              "broken": "status/500", "limited": "status/429/retry-after/77"}

    @classmethod
    def start_daemon(cls, home=None, options=None, env=None, **how):
        options = {"provider.nobody.base_url": "http://127.0.0.1:1/v1",
                   "provider.nobody.dialect": "openai-chat",
                   "provider.nobody.api_key": PROVIDER_KEY, **(options or {})}
        return super().start_daemon(home, options, env, **how)

    def test_before_the_first_byte(self):
        for model, status, code in (
                ("nobody", 502, "PROVIDER_UNREACHABLE"), ("gone", 502, "PROVIDER_UNREACHABLE"),
                ("html", 502, "PROVIDER_ERROR"), ("redirect", 502, "PROVIDER_ERROR"),
                ("bomb", 502, "PROVIDER_ERROR"), ("late", 504, "PROVIDER_TIMEOUT"),
                ("pings", 504, "PROVIDER_TIMEOUT"), ("refused", 502, "PROVIDER_AUTH"),
                ("broken", 502, "PROVIDER_ERROR"),
                ("limited", 429, "PROVIDER_RATE_LIMITED")):
            with self.subTest(model):
                self.fails(model, status, code)
        self.others_go_on()

    def test_in_the_stream(self):
        """What came is kept and shown, one error follows, and it is never complete."""
        for model, code, state in (
                ("stalled", "PROVIDER_TIMEOUT", "interrupted"),
                ("reset", "INTERRUPTED", "interrupted"), ("cut", "INTERRUPTED", "interrupted"),
                ("closed", "INTERRUPTED", "interrupted"),
                ("failing", "PROVIDER_ERROR", "failed"),
                ("endless", "TOO_LARGE", "interrupted")):
            with self.subTest(model):
                events = self.stream(self.new(model))
                seen = list(events)
                self.assertEqual((seen[-1]["type"], seen[-1]["error"]["code"]),
                                 ("error", code))
                self.assertTrue(text_of(seen).startswith("tok0"))
                self.assertEqual(message_text(seen[-1]["message"]), text_of(seen))
                self.assertLessEqual(len(text_of(seen)), 1_000_000)
                self.assertEqual(self.state(events.location)["state"], state)
        self.verify(self.home)

    def test_bytes_cut_anywhere(self):
        seen = list(self.stream(self.new("split")))
        self.assertEqual((seen[-1]["type"], text_of(seen)), ("done", tokens(50)))

    def test_half_a_tool_call_waits_for_no_result(self):
        path = self.new("half-tool")
        self.ok("PATCH", path, {"settings": {"tools": [
            {"name": "f", "parameters": {"type": "object", "required": ["a", "b"],
             "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}}]}})
        events = self.stream(path)
        self.assertEqual(list(events)[-1]["type"], "error")
        reply = self.state(events.location)
        self.assertEqual(reply["state"], "interrupted")
        self.refused(409, "WRONG_STATE", "POST", f"{events.location}/tool-results",
                     {"results": [{"tool_call_id": "call_fake_1_0", "text": "4"}]})

    def test_a_redirect_is_not_followed(self):
        before = self.llm.stats()["requests"]
        self.fails("redirect", 502, "PROVIDER_ERROR")
        for status, _ in self.through_the_gateway("redirect"):
            self.assertEqual(status, 502)
        self.assertEqual(self.llm.stats()["requests"], before + 3)

    def test_a_bomb_is_cut(self):
        def most():
            status = pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text()
            return int(status.partition("VmHWM:")[2].split()[0]) * 1024
        before = most()
        self.fails("bomb", 502, "PROVIDER_ERROR")
        for status, _ in self.through_the_gateway("bomb"):
            self.assertEqual(status, 502)
        self.assertLess(most() - before, 512 << 20)  # of 10 GiB
        self.others_go_on()


class Discreet(FaultTest):
    """Where a provider is stands in the log alone."""

    models = {"missing": "status/404", "reset": "n/50/reset/4000"}

    def test_nobody_is_told_where_a_provider_is(self):
        missing = f"{self.llm.base('status/404')}/v1/chat/completions"
        reset = f"{self.llm.base('n/50/reset/4000')}/v1/chat/completions"
        self.fails("missing", 404, "PROVIDER_REJECTED")
        self.through_the_gateway("missing")
        last = list(self.stream(self.new("reset")))[-1]
        self.assertEqual(last["error"]["code"], "INTERRUPTED")
        self.told_discreetly("reset", json.dumps(last["error"]).encode())
        lines = [line.get("message", "") for line in self.daemon.log_lines()]
        self.assertEqual(len([line for line in lines if missing in line]), 3, lines)
        self.assertEqual(len([line for line in lines if reset in line]), 1, lines)


class Secure(FaultTest):
    """Row 15: a provider that does not prove who it is."""

    def test_certificates(self):
        folder = tempfile.TemporaryDirectory(prefix="aichatd-tls-")
        self.addCleanup(folder.cleanup)
        certificates = Certificates(pathlib.Path(folder.name))
        doors, options = {}, {}
        for name, made in (("self", certificates.make("self")),
                           ("wrong", certificates.make("wrong", host=OTHER_HOST, signed=True)),
                           ("sound", certificates.make("sound", signed=True))):
            doors[name] = door = Door(made, ("127.0.0.1", self.llm.port))
            self.addCleanup(door.close)
            options.update({f"provider.{name}.base_url": f"https://127.0.0.1:{door.port}/n/5/v1",
                            f"provider.{name}.dialect": "openai-chat",
                            f"provider.{name}.api_key": PROVIDER_KEY})
        asked = self.llm.stats()["requests"]
        # Retries are allowed, and not made.
        daemon = self.another(options=options, args=(
            "-o", f"ca_file={certificates.authority}", "-o", "max_retries=2"))
        for name in ("self", "wrong"):
            self.fails(name, 502, "PROVIDER_TLS", daemon=daemon)
            self.assertEqual(doors[name].connections, 1, "it was tried again")
            told = self.through_the_gateway(name, daemon)
            for status, body in told:
                self.assertEqual(status, 502)
                self.assertIn("no secure connection", body["error"]["message"])
            self.assertEqual((told[0][1]["error"]["code"],
                              told[1][1]["error"]["details"]["error_code"]),
                             ("provider_tls", "provider_tls"))
            self.assertEqual(doors[name].connections, 3, "it was tried again")
        self.assertEqual(self.llm.stats()["requests"], asked)
        wait_until(lambda: [(line.get("error_code"), line.get("error_type"))
                            for line in daemon.log_lines()
                            if line.get("route", "").startswith("gateway.")]
                   == 4 * [("PROVIDER_TLS", "provider_tls")], "the log's lines")
        self.assertEqual(self.say(self.new("sound", daemon), daemon=daemon)["reply"]["state"],
                         "complete")


def anthropic(*events):
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
                   for event in events).encode()


def text_delta(text, index=0):
    return {"type": "content_block_delta", "index": index,
            "delta": {"type": "text_delta", "text": text}}


START = {"type": "message_start", "message": {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "fake", "content": [],
    "stop_reason": None, "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 1}}}
OPEN = {"type": "content_block_start", "index": 0,
        "content_block": {"type": "text", "text": ""}}
CLOSE = {"type": "content_block_stop", "index": 0}
DELTA = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
         "usage": {"output_tokens": 2}}
STOP = {"type": "message_stop"}
HELLO = (text_delta("Hel"), text_delta("lo"))


class Scripts(FaultTest):
    """Rows 25 and 32: streams that no provider should send."""

    dialect, version = "anthropic-messages", ""

    scripts = {
        "in-order": anthropic(START, OPEN, *HELLO, CLOSE, DELTA, STOP),
        "start-twice": anthropic(START, START, OPEN, *HELLO, CLOSE, DELTA, STOP),
        "open-twice": anthropic(START, OPEN, *HELLO, OPEN, CLOSE, DELTA, STOP),
        "close-twice": anthropic(START, OPEN, *HELLO, CLOSE, CLOSE, DELTA, STOP),
        "delta-twice": anthropic(START, OPEN, *HELLO, CLOSE, DELTA, DELTA, STOP),
        "all-twice": 2 * anthropic(START, OPEN, *HELLO, CLOSE, DELTA, STOP),
        "text-after-close": anthropic(START, OPEN, *HELLO, CLOSE, *HELLO, DELTA, STOP),
        "text-before-open": anthropic(START, *HELLO, OPEN, *HELLO, CLOSE, DELTA, STOP),
        "stop-first": anthropic(STOP, START, OPEN, *HELLO, CLOSE, DELTA),
        "bad-json": anthropic(START, OPEN, *HELLO) + b"event: content_block_delta\n"
                    b'data: {"type": "content_block_delta", "index": 0, "delta"\n\n',
        "bad-utf8": anthropic(START, OPEN, *HELLO) + anthropic(text_delta("X")).replace(
            b"X", b"\xff\xfe"),
    }

    # All others are complete: what is not due is passed over.
    broken = {"stop-first": ("INTERRUPTED", "interrupted"),
              "bad-json": ("PROVIDER_PROTOCOL", "interrupted"),
              "bad-utf8": ("PROVIDER_PROTOCOL", "interrupted")}

    @classmethod
    def setUpClass(cls):
        cls.fixtures = tempfile.TemporaryDirectory(prefix="fixtures-")
        cls.addClassCleanup(cls.fixtures.cleanup)
        for name, body in cls.scripts.items():
            path = pathlib.Path(cls.fixtures.name) / name
            path.with_suffix(".body").write_bytes(body)
            path.with_suffix(".http.json").write_text(json.dumps(
                {"status": 200, "headers": {"content-type": "text/event-stream"}}))
        cls.scripted = Fakellm(fixtures=cls.fixtures.name)
        cls.addClassCleanup(cls.scripted.stop)
        super().setUpClass()

    @classmethod
    def start_daemon(cls, home=None, options=None, env=None, **how):
        options = dict(options or {})
        for name in cls.scripts:
            base = cls.scripted.base(f"fix/{name}") + cls.version
            options.update({f"provider.{name}.base_url": base,
                            f"provider.{name}.dialect": cls.dialect,
                            f"provider.{name}.api_key": PROVIDER_KEY})
        return super().start_daemon(home, options, env, **how)

    def test_repeated_and_out_of_order(self):
        for name in self.scripts:
            with self.subTest(name):
                events = self.stream(self.new(name))
                seen = list(events)
                state = self.state(events.location)["state"]
                code, wanted = self.broken.get(name, (None, "complete"))
                self.assertEqual((state, seen[-1].get("error", {}).get("code")),
                                 (wanted, code))
                text = "" if wanted == "failed" else "Hello"
                self.assertEqual((text_of(seen), message_text(seen[-1]["message"])),
                                 (text, text))
        self.verify(self.home)

    def test_a_providers_bad_bytes_are_not_the_callers(self):
        for name in self.scripts:
            if name.startswith("bad-"):
                for status, body in self.through_the_gateway(name):
                    self.assertEqual((name, status), (name, 502), body)


def chat(*chunks):
    return b"".join(b"data: " + (chunk if isinstance(chunk, bytes)
                                 else json.dumps(chunk).encode()) + b"\n\n"
                    for chunk in chunks)


def piece(delta, finish=None, **more):
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "fake",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


ROLE, FINISH, DONE = piece({"role": "assistant"}), piece({}, "stop"), b"[DONE]"
USAGE = {**piece({}), "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
HELLO_CHAT = (piece({"content": "Hel"}), piece({"content": "lo"}))


class ChatScripts(Scripts):
    """The same in the other dialect."""

    dialect, version = "openai-chat", "/v1"
    scripts = {
        "in-order": chat(ROLE, *HELLO_CHAT, FINISH, USAGE, DONE),
        "role-twice": chat(ROLE, ROLE, *HELLO_CHAT, ROLE, FINISH, DONE),
        "finish-twice": chat(ROLE, *HELLO_CHAT, FINISH, FINISH, USAGE, DONE),
        "done-twice": chat(ROLE, *HELLO_CHAT, FINISH, DONE, DONE),
        "usage-twice": chat(USAGE, ROLE, *HELLO_CHAT, FINISH, USAGE, DONE),
        "all-twice": 2 * chat(ROLE, *HELLO_CHAT, FINISH, DONE),
        "text-after-done": chat(ROLE, *HELLO_CHAT, FINISH, DONE, *HELLO_CHAT),
        "done-first": chat(DONE, ROLE, *HELLO_CHAT, FINISH),
        "bad-json": chat(ROLE, *HELLO_CHAT, b'{"choices": [{"delta"'),
        "bad-utf8": chat(ROLE, *HELLO_CHAT, json.dumps(piece({"content": "X"})).encode()
                         .replace(b"X", b"\xff\xfe")),
    }
    broken = {"done-first": ("INTERRUPTED", "failed"),
              "bad-json": ("PROVIDER_PROTOCOL", "interrupted"),
              "bad-utf8": ("PROVIDER_PROTOCOL", "interrupted")}


# Of Linux; Python does not name them.
SO_ATTACH_FILTER = 26
BPF_RETURN = 0x06


class SocketFilter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8),
                ("value", ctypes.c_uint32)]


class FilterProgram(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("filters", ctypes.POINTER(SocketFilter))]


def cut_the_cable(sock):
    """From now on the kernel drops every packet to this socket: no ACK, FIN or RST goes
    back, as if its network were gone."""
    nothing = SocketFilter(BPF_RETURN, 0, 0, 0)  # so many bytes of each packet pass
    program = FilterProgram(1, ctypes.pointer(nothing))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))


class Viewers(FaultTest):
    """Rows 2, 41 and 42: networks that are gone, and floods beside a running stream."""

    options = {"heartbeat_ms": "200", "write_timeout_ms": "1000"}
    settings = {**FaultTest.settings, "max_reply_bytes": "10000000"}
    models = {"large": "n/3000/bytes/300/rate/1500", "paced": "n/200/rate/100"}

    def test_a_network_that_is_gone(self):
        conversation = self.new("large")
        body = json.dumps({"text": "hi", "stream": True}).encode()
        with self.daemon.connect() as sock:
            sock.sendall(f"POST {conversation}/messages HTTP/1.1\r\nHost: localhost\r\n"
                         f"Authorization: Bearer {self.daemon.key or 'x'}\r\n"
                         "X-Request-Id: vanished\r\nContent-Type: application/json\r\n"
                         f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            head = b""
            while b'"type":"text"' not in head:
                head += sock.recv(65536)
            cut_the_cable(sock)
            reply = head.partition(b"Location: ")[2].partition(b"\r\n")[0].decode()
            # It comes back on another connection and misses nothing.
            again = list(self.look(reply, last=1))
            self.assertEqual([e["seq"] for e in again], list(range(2, len(again) + 2)))
            self.assertEqual((again[-1]["type"], again[-1]["state"]), ("done", "complete"))
            self.assertEqual(message_text(again[-1]["message"]), text_of(again))
            self.assertEqual(text_of(again).count("tok"), 3000)
            # Whoever does not take what is sent is dropped; nobody waits for it.
            wait_until(lambda: any(line.get("request_id") == "vanished"
                                   for line in self.daemon.log_lines()),
                       "the end of a viewer that is gone")
        self.others_go_on()

    def test_streams_go_on_in_a_flood(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96))
        for options, how in (({}, {"limit": limit}),
                             ({"connections": "8", "streams": "4"}, {})):
            daemon = self.another(options=options, **how)
            events = self.stream(self.new("paced", daemon), daemon=daemon)
            seen = events.until("text")
            socks = [daemon.connect() for _ in range(120)]
            # Whoever is too many is told so, and is not kept waiting.
            for sock in socks[-8:]:
                self.assertTrue(read_all(sock).startswith(b"HTTP/1.1 503 "))
            seen += list(events)
            for sock in socks:
                sock.close()
            self.assertEqual((seen[-1]["type"], text_of(seen)), ("done", tokens(200)))
            self.assertEqual(daemon.stop(), 0)


class Crash(FaultTest):
    """Row 38: the daemon itself breaks."""

    models = {"paced": "n/2000/rate/200"}

    def test_a_crash_leaves_a_sound_store_and_no_core(self):
        def allow_cores():
            resource.setrlimit(resource.RLIMIT_CORE,
                               (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
        for number in (signal.SIGSEGV, signal.SIGABRT):
            home = self.new_home()
            daemon = self.another(home, limit=allow_cores)
            streams = [self.stream(self.new("paced", daemon), daemon=daemon)
                       for _ in range(4)]
            seen = [stream.until("text") for stream in streams]
            threads = [threading.Thread(target=lambda s=s, to=to: to.extend(s))
                       for s, to in zip(streams, seen)]
            for thread in threads:
                thread.start()
            daemon.signal(number)
            ended = os.waitid(os.P_PID, daemon.process.pid, os.WEXITED | os.WNOWAIT)
            self.assertNotEqual(ended.si_code, os.CLD_DUMPED)
            self.assertNotEqual(daemon.wait(), 0)
            for thread in threads:
                thread.join(SECONDS)
            self.assertEqual(list(home.glob("*core*")), [])
            again = self.another(home)
            for stream, before in zip(streams, seen):
                whole = before + list(self.look(stream.location, last=stream.last,
                                                daemon=again))
                self.assertEqual([e["seq"] for e in whole], list(range(1, len(whole) + 1)))
                self.assertEqual((whole[-1]["type"], message_text(whole[-1]["message"])),
                                 ("error", text_of(whole)))
                self.assertEqual(self.state(stream.location, again)["state"], "interrupted")
            self.others_go_on(again)
            self.assertEqual(again.stop(), 0)
            self.verify(home)


if __name__ == "__main__":
    unittest.main()
