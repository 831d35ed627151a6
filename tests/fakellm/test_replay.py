"""Fixtures and recordings."""

import json
import pathlib
import unittest

from provider import CHAT, MESSAGES, Base, Client, chat, messages, recordings_dir


class Fixtures(Base):
    def write(self, name, meta, body=None):
        path = pathlib.Path(self.fixtures.name) / (name + ".http.json")
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(meta))
        if body is not None:
            path.with_name(path.name.replace(".http.json", ".body")).write_bytes(body)

    def test_by_name(self):
        body = b"data: {\"x\":\"\xe4\xbd\"}\r\n\r\ndata: [DONE]\n\n"
        self.write("odd/one", {"status": 200, "headers": {
            "content-type": "text/event-stream", "x-mine": "yes"}}, body)
        for name in ("odd/one", "odd%2Fone"):
            r = self.ask(f"/fix/{name}{CHAT}", b"whatever", {})
            self.assertEqual((r.status, r.body, r.headers["x-mine"]), (200, body, "yes"))
        r = self.ask("/no-done/fix/odd/one" + CHAT, b"")
        self.assertEqual(r.body, body[:-14])
        self.write("inline", {"status": 418, "headers": {}, "body": {"error": "tea"}})
        r = self.ask("/fix/inline" + CHAT, b"")
        self.assertEqual((r.status, r.json()), (418, {"error": "tea"}))
        self.assertEqual(self.ask("/fix/../x" + CHAT, b"").status, 404)

    def test_by_request(self):
        want = {"model": "gpt-4o", "temperature": 1,
                "messages": [{"role": "user", "content": "match me"}]}
        self.write("match", {"status": 200, "headers": {"content-type": "application/json"},
                             "request": {"path": CHAT, "body": want}}, b'{"ok":1}')
        sent = b'{"messages":[{"content":"match me","role":"user"}],' \
               b'"temperature": 1.0, "model":"gpt-4o"}'
        self.assertEqual(self.ask("/fixtures" + CHAT, sent).json(), {"ok": 1})
        self.assertEqual(self.ask("/fixtures" + CHAT, chat("other")).status, 404)


@unittest.skipUnless(recordings_dir(), "no recordings: AICHAT_RECORDINGS names no such folder")
class Recordings(Base):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.recorded = {}
        for path in sorted(recordings_dir().glob("*.jsonl")):
            with open(path, encoding="utf-8") as file:
                for line in file:
                    entry = json.loads(line)
                    cls.recorded[entry["id"]] = entry["response"]

    def test_every_recording_byte_for_byte(self):
        client = Client(self.llm.port, 10)
        self.addCleanup(client.close)
        for i, (name, want) in enumerate(self.recorded.items()):
            if i % 2:
                name = name.replace("/", "%2F").replace("@", "%40")
            client.send("POST", f"/rec/{name}/v1/responses", b"{}")
            got = client.receive()
            self.assertEqual((got.status, got.end), (want["status"], "complete"), name)
            self.assertEqual(got.body, want["body_text"].encode(), name)
            for header, value in want["headers"].items():
                self.assertEqual(got.headers[header.lower()], value, name)
        self.assertGreater(len(self.recorded), 0)
        self.assertGreaterEqual(self.llm.stats()["requests"], len(self.recorded))

    def test_split_and_recoded(self):
        name, want = next((n, r) for n, r in self.recorded.items()
                          if "message_stop" in r["body_text"] and len(r["body_text"]) < 9000)
        body = want["body_text"].encode()
        r = self.ask(f"/chunk/1/rec/{name}{MESSAGES}", b"")
        self.assertEqual((r.body, len(r.chunks)), (body, len(body)))
        r = self.ask(f"/crlf/chunk/7/rec/{name}{MESSAGES}", b"")
        self.assertEqual(r.body, body.replace(b"\n", b"\r\n"))
        r = self.ask(f"/no-done/rec/{name}{MESSAGES}", b"")
        self.assertNotIn(b"message_stop", r.body)
        self.assertTrue(body.startswith(r.body[:-2]))
