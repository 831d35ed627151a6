"""Every fault, in front of a generated reply whose bytes are known."""

import time
import zlib

from provider import BEARER, CHAT, MESSAGES, Base, Client, chat, messages


class Delivery(Base):
    """Every fault of delivery, in front of a generated stream whose bytes are known."""

    def plain(self, dialect=CHAT):
        return self.stream("/gen/n/5" + dialect).body

    def same(self, reply, dialect=CHAT):
        self.assertEqual(reply.text(), "tok0 tok1 tok2 tok3 tok4 ")

    def test_chunk(self):
        for k in (1, 7, 1000):
            r = self.stream(f"/chunk/{k}/gen/n/5{CHAT}")
            self.same(r)
            self.assertTrue(all(len(c) == k for c in r.chunks[:-1]))
            self.assertEqual(r.end, "complete")
        r = self.ask("/chunk/3/gen/n/1" + CHAT, chat())
        self.assertEqual(max(map(len, r.chunks)), 3)
        self.assertEqual(r.json()["object"], "chat.completion")

    def test_whole(self):
        r = self.stream("/whole/gen/n/5/rate/1" + CHAT)
        self.same(r)
        self.assertEqual(len(r.chunks), 1)

    def test_stall(self):
        for at in (0, 100):
            r = self.stream(f"/stall/{at}/gen{CHAT}", timeout=0.2)
            self.assertEqual((r.status, r.end, len(r.body)), (200, "timeout", at))
        r = self.ask("/stall/10/gen" + CHAT, chat(), timeout=0.2)
        self.assertEqual((r.end, len(r.body)), ("timeout", 10))

    def test_reset(self):
        for at in (0, 100, 10**6):
            r = self.stream(f"/reset/{at}/gen/n/5{CHAT}")
            self.assertEqual((r.status, r.end), (200, "reset"))
            self.assertEqual(len(r.body), min(at, len(self.plain())))

    def test_cut(self):
        for at in (0, 100):
            for option, framing in (("", "transfer-encoding"), ("/close", "connection")):
                r = self.stream(f"/cut/{at}{option}/gen{CHAT}")
                self.assertEqual((r.end, len(r.body)), ("eof", at))
                self.assertIn(framing, r.headers)
        r = self.ask("/cut/10/gen" + CHAT, chat())
        self.assertEqual((r.end, len(r.body)), ("eof", 10))
        self.assertGreater(int(r.headers["content-length"]), 10)
        r = self.stream("/cut/999999/gen/n/5" + CHAT)
        self.same(r)
        self.assertEqual(r.end, "eof")

    def test_drop(self):
        r = self.stream("/drop/gen" + CHAT)
        self.assertEqual((r.raw, r.end), (b"", "eof"))

    def test_close(self):
        r = self.stream("/close/gen/n/5" + CHAT)
        self.same(r)
        self.assertEqual((r.end, r.headers["connection"]), ("eof", "close"))
        self.assertNotIn("transfer-encoding", r.headers)

    def test_delay(self):
        start = time.monotonic()
        self.same(self.stream("/delay/200/gen/n/5" + CHAT))
        self.assertGreater(time.monotonic() - start, 0.19)

    def test_slow_headers(self):
        start = time.monotonic()
        self.same(self.stream("/slow-headers/50/gen/n/5" + CHAT))
        self.assertGreater(time.monotonic() - start, 0.15)
        r = self.stream("/slow-headers/60000/gen" + CHAT, timeout=0.2)
        self.assertEqual((r.status, r.end), (200, "timeout"))
        self.assertNotIn(b"\r\n\r\n", r.raw)

    def test_ping_only(self):
        for path, ping in ((CHAT, b": keep-alive\n\n"),
                           (MESSAGES, b'event: ping\ndata: {"type": "ping"}\n\n')):
            client = Client(self.llm.port, 5)
            self.addCleanup(client.close)
            client.send("POST", "/ping-only/gen" + path, b"{}")
            got = b""
            while got.count(ping) < 3:
                got += client.sock.recv(4096)
            self.assertIn(b"text/event-stream", got)

    def test_line_ends(self):
        plain = self.plain(MESSAGES)
        for option, end in (("crlf", b"\r\n"), ("cr", b"\r")):
            r = self.stream(f"/{option}/gen/n/5{MESSAGES}")
            self.same(r)
            self.assertEqual(r.body.count(end), plain.count(b"\n"))
            self.assertEqual(r.body.replace(end, b"").count(b"\n"), 0)
            self.assertTrue(r.body.endswith(end + end))

    def test_bad_utf8(self):
        for dialect in (CHAT, MESSAGES):
            r = self.stream("/bad-utf8/gen/n/5" + dialect)
            self.assertEqual(r.body.count(b'"\xfftok'), 5)
            self.assertEqual(r.body.count(b"\xff"), 5)
        r = self.ask("/bad-utf8/gen/n/1" + CHAT, chat())
        self.assertIn(b'"content":"\xfftok0 "', r.body)

    def test_huge_line(self):
        for dialect in (CHAT, MESSAGES):
            r = self.stream("/huge-line/300000/gen/n/5" + dialect)
            self.same(r)
            self.assertEqual(len(r.body.split(b"\n")[0]), 300000)

    def test_no_done(self):
        r = self.stream("/no-done/gen/n/5" + CHAT)
        self.same(r)
        self.assertNotIn("[DONE]", r.events())
        self.assertEqual(r.events()[-1]["choices"][0]["finish_reason"], "stop")
        r = self.stream("/no-done/gen/n/5" + MESSAGES)
        self.assertEqual(r.events()[-1]["type"], "message_delta")
        self.assertNotIn(b"message_stop", r.body)

    def test_no_usage(self):
        r = self.stream("/no-usage/gen/n/5" + CHAT, stream_options={"include_usage": True})
        self.same(r)
        self.assertNotIn(b"usage", r.body)
        self.assertEqual(r.events()[-1], "[DONE]")
        self.assertNotIn(b"usage", self.stream("/no-usage/gen/n/5" + MESSAGES).body)
        self.assertNotIn(b"usage", self.ask("/no-usage/gen" + CHAT, chat()).body)

    def test_combined(self):
        r = self.stream("/crlf/chunk/1/huge-line/5000/gen/n/5" + MESSAGES)
        self.same(r)
        self.assertTrue(all(len(c) == 1 for c in r.chunks))
        r = self.stream("/cut/50/chunk/1/gen" + CHAT)
        self.assertEqual((len(r.chunks), r.end), (50, "eof"))

    def test_gzip_bomb(self):
        client = Client(self.llm.port, 5)
        self.addCleanup(client.close)
        client.send("POST", "/gzip-bomb/gen" + CHAT, chat(stream=True), BEARER)
        got = b""
        while len(got) < 200000:
            got += client.sock.recv(65536)
        head, body = got.split(b"\r\n\r\n", 1)
        self.assertIn(b"Content-Encoding: gzip", head)
        packed = b""
        while b"\r\n" in body:
            size, body = body.split(b"\r\n", 1)
            packed += body[:int(size, 16)]
            body = body[int(size, 16) + 2:]
        text = zlib.decompressobj(31).decompress(packed)
        self.assertTrue(text.startswith(b"data: {\"aaaa"))
        self.assertGreater(len(text), 100 * len(packed))


class Errors(Base):
    def test_status(self):
        for status, kind in ((400, "invalid_request_error"), (429, "requests"),
                             (500, "server_error"), (503, "service_unavailable_error")):
            r = self.ask(f"/status/{status}/gen{CHAT}", chat())
            self.assertEqual((r.status, r.json()["error"]["type"]), (status, kind))
            self.assertIn("x-request-id", r.headers)
        for status, kind in ((400, "invalid_request_error"), (413, "request_too_large"),
                             (429, "rate_limit_error"), (500, "api_error"),
                             (529, "overloaded_error")):
            r = self.ask(f"/status/{status}/gen{MESSAGES}", messages())
            self.assertEqual((r.status, r.json()["type"]), (status, "error"))
            self.assertEqual(r.json()["error"]["type"], kind)
            self.assertEqual(r.headers["request-id"], r.json()["request_id"])

    def test_retry_headers(self):
        r = self.ask("/status/429/retry-after/7/retry-after-ms/1500/should-retry/false/gen" +
                     CHAT, chat())
        self.assertEqual(r.json()["error"]["code"], "rate_limit_exceeded")
        self.assertEqual((r.headers["retry-after"], r.headers["retry-after-ms"],
                          r.headers["x-should-retry"]), ("7", "1500", "false"))

    def test_quota(self):
        r = self.ask("/quota/gen" + CHAT, chat())
        self.assertEqual((r.status, r.json()["error"]["type"], r.json()["error"]["code"]),
                         (429, "insufficient_quota", "credit_balance_exhausted"))
        r = self.ask("/quota/project_spend_limit_exceeded/gen" + CHAT, chat())
        self.assertEqual(r.json()["error"]["code"], "project_spend_limit_exceeded")
        r = self.ask("/quota/gen" + MESSAGES, messages())
        self.assertEqual(r.json()["error"]["details"]["error_code"],
                         "enforced_spend_limit_reached")

    def test_fail_first(self):
        path = "/fail-first/2/status/500/gen/n/1" + CHAT
        self.assertEqual([self.ask(path, chat()).status for _ in range(4)],
                         [500, 500, 200, 200])
        path = "/fail-first/1/gen/n/1"
        self.assertEqual([self.ask(path + MESSAGES, messages()).status for _ in range(2)],
                         [529, 200])
        self.assertEqual([self.ask(path + CHAT, chat()).status for _ in range(2)], [503, 200])
        path = "/fail-first/1/reset/0/gen/n/1" + CHAT
        self.assertEqual([self.stream(path).end for _ in range(2)], ["reset", "complete"])
        self.llm.reset()
        self.assertEqual(self.stream(path).end, "reset")

    def test_redirect(self):
        r = self.ask("/redirect/gen/n/1" + CHAT, chat())
        self.assertEqual((r.status, r.headers["location"]),
                         (307, f"http://127.0.0.1:{self.llm.port}/gen/n/1{CHAT}"))

    def test_html(self):
        r = self.ask("/html/gen" + CHAT, chat())
        self.assertEqual((r.status, r.headers["content-type"]), (502, "text/html"))
        self.assertIn(b"<html>", r.body)
        self.assertEqual(self.ask("/html/status/200/gen" + CHAT, chat()).status, 200)

    def test_unknown(self):
        for path in ("/gen/v1/nothing", "/gen/v1", "/gen/chat/completions", "/typo/gen" + CHAT,
                     "/stall/gen" + CHAT, "/rec/none/0" + CHAT, "/fix/none" + CHAT):
            r = self.ask(path, chat())
            self.assertEqual((r.status, r.json()["error"]["type"]),
                             (404, "invalid_request_error"), path)
        self.assertEqual(self.ask("/gen/v1/messages/x", messages()).json()["error"]["type"],
                         "not_found_error")
        self.assertEqual(self.ask("/gen" + CHAT).status, 404)
