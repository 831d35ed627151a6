"""The gateway over real sockets: both protocols in front of both kinds of provider, what
is forwarded and what is not, accounting, idempotency, and callers that leave."""

import contextlib
import json
import random
import signal
import socket
import sqlite3
import threading
import time
import unittest
from urllib.parse import quote

from base import PROVIDER_KEY, SECONDS, ServerTest, read_all, read_until, wait_until

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
SURFACES = (CHAT, MESSAGES)
MODELS = ("openai/gpt-fake", "anthropic/claude-fake")
LAST = {CHAT: b"data: [DONE]\n\n",
        MESSAGES: b'event: message_stop\ndata: {"type":"message_stop"}\n\n'}


def question(model, stream=False, **more):
    return {"model": model, "max_tokens": 10000, "stream": stream,
            "messages": [{"role": "user", "content": "Hello?"}], **more}


def frames(body):
    """The data of a stream's frames, as JSON; [DONE] as it is."""
    data = []
    for frame in body.decode().split("\n\n"):
        for line in frame.splitlines():
            if line.startswith("data: "):
                text = line[6:]
                data.append(text if text == "[DONE]" else json.loads(text))
    return data


def text_of(path, answer, stream):
    """What the model said."""
    if not stream:
        body = answer.json()
        if path == CHAT:
            return body["choices"][0]["message"]["content"]
        return "".join(b.get("text", "") for b in body["content"])
    said = ""
    for frame in frames(answer.body):
        if path == CHAT and isinstance(frame, dict) and frame.get("choices"):
            said += frame["choices"][0]["delta"].get("content") or ""
        elif path == MESSAGES and frame.get("type") == "content_block_delta":
            said += frame["delta"].get("text", "")
    return said


class GatewayTest(ServerTest):
    options = {"heartbeat_ms": "200"}
    llm_path = "n/5"

    def post(self, path, body, daemon=None, **how):
        return (daemon or self.daemon).request("POST", path, body, **how)

    def with_provider(self, path, options=None, **how):
        """A daemon of this test whose providers are PATH of the fake one."""
        return self.another(options=options, env=self.provider_env(path), **how)

    def rows(self, daemon=None):
        """The rows of usage of one daemon, oldest first, as its log tells of them."""
        return [line for line in (daemon or self.daemon).log_lines()
                if line.get("route", "").startswith("gateway.") and "duration_ms" in line]

    def stored(self, daemon):
        """The rows of usage in the daemon's store, oldest first."""
        path, = daemon.home.rglob("*.db")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute("SELECT * FROM usage ORDER BY no")]

    def row(self, answer, daemon=None):
        wanted = answer.headers["x-request-id"]
        return wait_until(lambda: [r for r in self.rows(daemon)
                                   if r["request_id"] == wanted], "the log line")[0]


class Pairs(GatewayTest):
    def test_every_pair(self):
        for path in SURFACES:
            for model in MODELS:
                for stream in (False, True):
                    answer = self.post(path, question(model, stream))
                    self.assertEqual(answer.status, 200, answer)
                    self.assertEqual(text_of(path, answer, stream),
                                     "tok0 tok1 tok2 tok3 tok4 ")
                    self.assertEqual(answer.headers["x-aichat-model"], model)
                    self.assertTrue(answer.headers["x-provider-request-id"])
                    if stream:
                        self.assertTrue(answer.body.endswith(LAST[path]), answer)
                        self.assertEqual(answer.headers["content-type"],
                                         "text/event-stream; charset=utf-8")
                        self.assertEqual(answer.headers["x-accel-buffering"], "no")
                    row = self.row(answer)
                    self.assertEqual(row["output_tokens"], 5)
                    self.assertEqual(row["model"], model)

    def test_same_dialect_is_forwarded(self):
        """The provider's bytes reach the caller, and the caller's reach the provider."""
        body = (b'{"model" : "openai/gpt-fake",  "messages":[{"role":"user","content":'
                b'"H\\u00e9"}], "temperature":0.50, "unheard_of":[1e2, null]}')
        daemon = self.with_provider("lenient/n/2")
        answer = self.post(CHAT, body, daemon, headers={
            "Cookie": "secret=1", "X-Forwarded-For": "1.2.3.4", "OpenAI-Organization": "o",
            "anthropic-beta": "x-1"})
        self.assertEqual(answer.status, 200, answer)
        entry = self.llm.log()[-1]
        self.assertEqual(entry["body"], body.decode().replace("openai/gpt-fake", "gpt-fake"))
        sent = {name.lower(): value for name, value in entry["headers"].items()}
        self.assertEqual(sent["authorization"], f"Bearer {PROVIDER_KEY}")
        self.assertEqual(set(sent) - {"host", "content-length"},
                         {"authorization", "content-type", "accept", "user-agent",
                          "anthropic-beta"})

    def test_headers_of_anthropic(self):
        for path, model, passed in ((MESSAGES, MODELS[1], True), (MESSAGES, MODELS[0], False)):
            self.post(path, question(model), headers={
                "anthropic-version": "2026-10-21", "anthropic-beta": "fancy-2026-01-01"})
            sent = {n.lower(): v for n, v in self.llm.log()[-1]["headers"].items()}
            self.assertEqual(sent.get("anthropic-beta"),
                             "fancy-2026-01-01" if passed else None)
            self.assertEqual(sent.get("anthropic-version"), "2026-10-21" if passed else None)
            if passed:
                self.assertEqual(sent["x-api-key"], PROVIDER_KEY)

    def test_usage_chunk(self):
        """It is asked for, to be booked, and shown only to who asked as well."""
        for model in MODELS:
            plain = frames(self.post(CHAT, question(model, True)).body)
            self.assertFalse([f for f in plain[:-1] if not f["choices"]])
            asked = frames(self.post(CHAT, question(
                model, True, stream_options={"include_usage": True})).body)
            last = [f for f in asked[:-1] if not f["choices"]]
            self.assertEqual(len(last), 1)
            self.assertEqual(last[0]["usage"]["completion_tokens"], 5)

    def test_models(self):
        listed = self.ok("GET", "/v1/models")
        self.assertEqual(listed["object"], "list")
        self.assertIn("gpt-5.6", [m["id"] for m in listed["data"]])
        page = self.ok("GET", "/v1/models?limit=2", headers={"anthropic-version": "2023-06-01"})
        self.assertEqual(len(page["data"]), 2)
        self.assertTrue(page["has_more"])
        self.assertEqual(page["data"][0]["type"], "model")
        self.assertEqual({m["created"] for m in listed["data"]}, {0})
        self.assertEqual(page["data"][0]["created_at"], "1970-01-01T00:00:00Z")
        self.assertEqual(self.ok("GET", "/v1/models/openai/gpt-5.6")["owned_by"], "openai")
        missing = self.daemon.request("GET", "/v1/models/no-such")
        self.assertEqual(missing.status, 404)
        self.assertEqual(missing.json()["error"]["code"], "model_not_found")

    def test_models_in_pages(self):
        """Forwards and backwards, as Anthropic's clients read them."""
        names = [m["id"] for m in self.ok("GET", "/v1/models")["data"]]
        self.assertGreater(len(names), 6)

        def pages(where, cursor, query=""):
            found, more = [], True
            while more:
                page = self.ok("GET", f"/v1/models?limit=3{query}",
                               headers={"anthropic-version": "2023-06-01"})
                now, more = [m["id"] for m in page["data"]], page["has_more"]
                self.assertEqual((page["first_id"], page["last_id"]), (now[0], now[-1]))
                self.assertTrue(len(now) == 3 or not more, page)
                found = found + now if where == "after_id" else now + found
                query = f"&{where}={quote(page[cursor], safe='')}"
            return found
        self.assertEqual(pages("after_id", "last_id"), names)
        last = quote(names[-1], safe="")
        self.assertEqual(pages("before_id", "first_id", f"&before_id={last}"), names[:-1])
        page = self.ok("GET", f"/v1/models?limit=2&before_id={last}",
                       headers={"anthropic-version": "2023-06-01"})
        self.assertEqual(([m["id"] for m in page["data"]], page["has_more"]),
                         (names[-3:-1], True))
        for query in ("before_id=no-such", "after_id=no-such",
                      f"after_id={quote(names[0], safe='')}&before_id={last}"):
            answer = self.daemon.request("GET", f"/v1/models?{query}")
            self.assertEqual(answer.status, 400, answer)

    def test_count_tokens(self):
        body = {"model": MODELS[1], "messages": [{"role": "user", "content": "x" * 400}]}
        self.assertEqual(self.ok("POST", MESSAGES + "/count_tokens", body)["input_tokens"],
                         100)
        body["model"] = MODELS[0]
        estimate = self.ok("POST", MESSAGES + "/count_tokens", body)["input_tokens"]
        self.assertTrue(100 <= estimate <= 120, estimate)

    def test_embeddings(self):
        answer = self.post("/v1/embeddings", {"model": "text-embedding-3-small",
                                              "input": ["a", "b"]})
        self.assertEqual(len(answer.json()["data"]), 2, answer)
        self.assertGreater(self.row(answer)["input_tokens"], 0)
        self.assertEqual(self.post("/v1/embeddings", {
            "model": MODELS[1], "input": "a"}).status, 400)
        self.assertEqual(self.post("/v1/embeddings", {  # as many as OpenAI takes
            "model": "text-embedding-3-small", "input": [[7] * 3000] * 100}).status, 200)

    def test_bad_requests(self):
        """Each in the words of its path, and nothing of it reaches a provider."""
        bad = [(b"", 400), (b"{", 400), (b"[]", 400), (b'{"model":"openai/gpt-fake"}', 400),
               (b"\xff", 400), (b'{"model":1,"messages":[1]}', 400),
               (b'{"model":"no-such-model","messages":[1]}', 404),
               (b'{"model":"xai/grok","messages":[1]}', 502),
               (b'{"model":"openai/' + b"x" * 249 + b'","messages":[{"role":"user",'
                b'"content":"hi"}],"max_tokens":9}', 400),
               (b'{"model":"openai/gpt-fake","messages":[1],"model":"echo"}', 400),
               (b'{"model":"openai/gpt-fake","messages":' + b"[" * 1000 + b"]" * 1000 + b"}",
                413),
               (b'{"model":"openai/gpt-fake","messages":[' + b"[]," * 500000 + b"[]]}", 413)]
        before = self.llm.stats()["requests"]
        for path in SURFACES:
            for body, status in bad:
                answer = self.post(path, body, headers={"Content-Type": "application/json"})
                self.assertEqual(answer.status, status, (body[:80], answer))
                error = answer.json()
                self.assertEqual(error.get("type"), "error" if path == MESSAGES else None)
                self.assertTrue(error["error"]["message"])
                self.assertEqual(answer.headers["x-should-retry"], "false")
        self.assertEqual(self.llm.stats()["requests"], before)


class Accounts(GatewayTest):
    def test_rows_are_there_before_the_answer_ends(self):
        daemon = self.another()
        count = 0
        for path in SURFACES:
            for model in MODELS:
                for stream in (False, True):
                    answer = self.post(path, question(model, stream), daemon)
                    rows = self.stored(daemon)  # at once: nothing is waited for
                    count += 1
                    self.assertEqual(len(rows), count)
                    row = rows[-1]
                    self.assertEqual(f"{row['provider']}/{row['model']}", model)
                    self.assertEqual(row["outcome"], "complete")
                    self.assertEqual(row["output"], 5)
                    self.assertGreater(row["input"], 0)
                    self.assertEqual(row["request_id"], answer.headers["x-request-id"])
                    self.assertTrue(row["key"])

    def test_what_failed_and_who_left(self):
        daemon = self.with_provider("status/500", args=["-o", "max_retries=0"])
        self.post(CHAT, question(MODELS[0]), daemon)
        row, = self.stored(daemon)
        self.assertEqual((row["outcome"], row["input"]), ("provider_error", None))
        daemon = self.with_provider("n/1000/rate/50")
        with daemon.connect() as sock:
            send(sock, daemon, MESSAGES, question(MODELS[0], True))
            read_until(sock, b"tok9 ")
        row, = wait_until(lambda: self.stored(daemon), "the row")
        self.assertEqual(row["outcome"], "client_closed")
        self.assertGreaterEqual(row["output"], 10)

    def test_limits_hold(self):
        """What is reserved counts while it runs, and what was not used comes back."""
        daemon = self.another(options={"tokens_per_minute": "12000"})
        for _ in range(3):  # 10,000 are reserved, a few are used
            self.assertEqual(self.post(CHAT, question(MODELS[0]), daemon).status, 200)
        for path in SURFACES:
            answer = self.post(path, question(MODELS[0], max_tokens=20000), daemon)
            self.assertEqual(answer.status, 429, answer)
            self.assertIn("rate_limit", answer.json()["error"]["type"])

    def test_scope(self):
        made = self.ok("POST", "/api/v1/me/keys", {"name": "reader", "scopes": ["read"]},
                       status=201)
        answer = self.post(CHAT, question(MODELS[0]), key=made["key"])
        self.assertEqual(answer.status, 403, answer)
        self.assertTrue(answer.json()["error"]["message"])
        answer = self.post(MESSAGES, question(MODELS[0]), key="ack_nobody")
        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.json()["error"]["type"], "authentication_error")

    def test_a_key_that_is_taken_away(self):
        """Its stream ends soon, and does not look whole."""
        daemon = self.with_provider("n/1000/rate/20", {"heartbeat_ms": "100"})
        made = daemon.request("POST", "/api/v1/me/keys",
                              {"name": "gone", "scopes": ["gateway"]}).json()
        with daemon.connect() as sock:
            send(sock, daemon, CHAT, question(MODELS[0], True), key=made["key"])
            read_until(sock, b"tok0 ")
            gone = daemon.request("DELETE", f"/api/v1/me/keys/{made['id']}")
            self.assertEqual(gone.status, 204, gone)
            rest = read_all(sock)
        self.assertNotIn(b"[DONE]", rest)
        self.assertNotIn(b"\r\n0\r\n\r\n", rest)


class Faults(GatewayTest):
    """Every way in which a provider can fail (fault rows 14 to 32), in both protocols."""

    # what, status for openai-chat and for anthropic-messages, x-should-retry
    BEFORE = (
        ("status/400", 400, 400), ("status/401", 502, 502), ("status/403", 502, 502),
        ("status/404", None, None), ("status/405", 400, 400), ("status/429", 429, 429), ("quota", 429, 402), ("status/500", 502, 502),
        ("status/503", 503, 529), ("html", 502, 502), ("html/status/200", 502, 502),
        ("redirect", 502, 502), ("drop", 502, 502), ("delay/60000", 504, 504),
        ("slow-headers/60000", 504, 504), ("cut/0", 502, 502), ("reset/0", 502, 502),
        ("stall/0", 504, 504), ("ping-only", 504, 504), ("gzip-bomb", 502, 502),
        ("huge-line/2000000", 413, 413), ("n/9/error-after/0", None, None),
    )
    impatient = {"max_retries": "0", "first_event_timeout_ms": "400",
                 "event_timeout_ms": "400", "max_reply_bytes": "1000000",
                 "provider.dead.base_url": "http://127.0.0.1:1/v1",
                 "provider.dead.dialect": "openai-chat", "provider.dead.api_key": "x",
                 "provider.lost.base_url": "http://no-such-host.invalid/v1",
                 "provider.lost.dialect": "openai-chat", "provider.lost.api_key": "x"}
    @classmethod
    def start_daemon(cls, home=None, options=None, env=None, **how):
        how.setdefault("args", [a for n, v in cls.impatient.items() for a in ("-o", f"{n}={v}")])
        return super().start_daemon(home, options, env, **how)

    def check_error(self, path, answer):
        """An error in the words of its path; neither the provider's key nor where it is."""
        for secret in (PROVIDER_KEY, "127.0.0.1", "no-such-host"):
            self.assertNotIn(secret, answer.body.decode())
        error = answer.json()
        if path == MESSAGES:
            self.assertEqual(error["type"], "error", answer)
        self.assertTrue(error["error"]["type"])
        self.assertTrue(error["error"]["message"])
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertIn(answer.headers["x-should-retry"], ("true", "false"))

    def test_before_the_first_byte(self):
        for what, chat, messages in self.BEFORE:
            with self.subTest(what):
                daemon = self.with_provider(what)
                for path, status in ((CHAT, chat), (MESSAGES, messages)):
                    for model in MODELS:
                        answer = self.post(path, question(model, True), daemon)
                        if status:
                            self.assertEqual(answer.status, status, (what, answer))
                        self.assertGreaterEqual(answer.status, 400, (what, answer))
                        self.check_error(path, answer)
                        self.assertEqual(answer.headers["x-should-retry"], "false")
                        row = self.row(answer, daemon)
                        self.assertTrue(row["error_type"].startswith("provider_") or
                                        row["error_type"] == "caller_too_large", row)
                log = daemon.log()
                self.assertNotIn(PROVIDER_KEY, log)
                daemon.close()

    def test_nobody_there(self):
        for model in ("dead/m", "lost/m"):
            for path in SURFACES:
                for stream in (False, True):
                    answer = self.post(path, question(model, stream))
                    self.assertEqual(answer.status, 502, answer)
                    self.check_error(path, answer)
        self.assertIn("http://no-such-host.invalid/v1", self.daemon.log())

    def test_wait_that_is_told(self):
        daemon = self.with_provider("status/429/retry-after/77")
        for path in SURFACES:
            answer = self.post(path, question(MODELS[0]), daemon)
            self.assertEqual(answer.status, 429)
            self.assertEqual(answer.headers["retry-after"], "77")
            self.assertEqual(answer.headers["x-should-retry"], "true")

    def test_tried_again(self):
        daemon = self.with_provider("fail-first/2/retry-after-ms/1/n/3", args=[])
        for path in SURFACES:
            self.llm.reset()
            answer = self.post(path, question(MODELS[0], True), daemon)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(text_of(path, answer, True), "tok0 tok1 tok2 ")

    def test_in_the_stream(self):
        """What came stays, one error follows, and nothing claims that it ended."""
        for what in ("n/50/cut/4000", "n/50/reset/4000", "n/50/stall/4000",
                     "n/50/error-after/5", "n/50/rate/20/error-after/2"):
            daemon = self.with_provider(what)
            for path in SURFACES:
                for model in MODELS:
                    answer = self.post(path, question(model, True), daemon)
                    self.assertEqual(answer.status, 200, (what, answer))
                    self.assertTrue(text_of(path, answer, True).startswith("tok0 "))
                    self.assertNotIn(b"[DONE]", answer.body)
                    self.assertNotIn(b"message_stop", answer.body)
                    self.assertNotIn(b'"finish_reason":"stop"', answer.body)
                    last = frames(answer.body)[-1]
                    self.assertTrue(last["error"]["message"], answer)
                    row = self.row(answer, daemon)
                    self.assertGreater(row["output_tokens"], 0)
                    self.assertTrue(row["error_type"].startswith("provider_"), row)
            daemon.close()

    def test_never_an_empty_200(self):
        for what in ("n/50/cut/100", "n/50/reset/100", "n/50/stall/100", "n/50/cut/0"):
            daemon = self.with_provider(what)
            for path in SURFACES:
                for model in MODELS:
                    answer = self.post(path, question(model, False), daemon)
                    self.assertGreaterEqual(answer.status, 500, (what, answer))
                    self.check_error(path, answer)
            daemon.close()

    def test_bytes_cut_anywhere(self):
        whole = {}
        for what in ("n/9", "n/9/chunk/1", "n/9/chunk/7", "n/9/whole"):
            daemon = self.with_provider(what)
            for path, model in zip(SURFACES, MODELS):
                answer = self.post(path, question(model, True), daemon)
                said = text_of(path, answer, True)
                self.assertEqual(said, whole.setdefault(path, said))
                self.assertTrue(answer.body.endswith(LAST[path]))
            daemon.close()


class Silence(GatewayTest):
    options = {"heartbeat_ms": "100"}

    def test_comments_while_it_is_silent(self):
        """After the first content comments keep the connection from being cut."""
        daemon = self.with_provider("n/3/rate/1")
        for path in SURFACES:
            answer = self.post(path, question(MODELS[0], True), daemon)
            self.assertIn(b": ping\n\n", answer.body)
            self.assertEqual(text_of(path, answer, True), "tok0 tok1 tok2 ")

    def test_nothing_before_the_first_content(self):
        """The status stays open: a slow failure is still a failure."""
        daemon = self.with_provider("delay/1500/status/400")
        answer = self.post(CHAT, question(MODELS[0], True), daemon)
        self.assertEqual(answer.status, 400)


class Repeats(GatewayTest):
    def ask(self, key, path=CHAT, daemon=None, **more):
        return self.post(path, {**question(MODELS[0]), **more}, daemon,
                         headers={"Idempotency-Key": key})

    def test_same_answer(self):
        for path in SURFACES:
            for stream in (False, True):
                key = f"{path}-{stream}"
                first = self.ask(key, path, stream=stream)
                before = self.llm.stats()["requests"]
                again = self.ask(key, path, stream=stream)
                self.assertEqual(again.body, first.body)
                self.assertEqual(again.status, 200)
                self.assertEqual(again.headers["idempotent-replayed"], "true")
                self.assertEqual(self.llm.stats()["requests"], before)
                other = self.ask(key, path, stream=stream, temperature=1)
                self.assertEqual(other.status, 409, other)
                self.assertEqual(other.headers["x-should-retry"], "false")

    def test_long_answers(self):
        """Kept in few records, since each is a commit; too long ones are not."""
        daemon = self.with_provider("n/3000/bytes/40")
        first = self.ask("long", daemon=daemon, stream=True)
        again = self.ask("long", daemon=daemon, stream=True)
        self.assertGreater(len(first.body), 500000)
        self.assertEqual(again.body, first.body)
        path, = daemon.home.rglob("*.db")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            # It is kept once it has been given.
            wait_until(lambda: db.execute(
                "SELECT 1 FROM record WHERE kind='answer' AND json LIKE '%\"whole\":true%'"
            ).fetchone(), "the answer's record")
            pieces, = db.execute("SELECT count(*) FROM record WHERE kind='answer-piece'"
                                 ).fetchone()
        self.assertGreater(pieces, 0)
        self.assertLess(pieces, 1.5 * len(first.body) / 50000)
        daemon = self.with_provider("n/3000/bytes/400")
        before = self.llm.stats()["requests"]
        first = self.ask("too-long", daemon=daemon)
        self.assertGreater(len(first.body), 1 << 20)
        self.assertEqual(self.ask("too-long", daemon=daemon).status, 200)
        self.assertEqual(self.llm.stats()["requests"], before + 2)

    def test_after_a_restart(self):
        home = self.new_home()
        daemon = self.another(home)
        key = daemon.key
        first = self.ask("kept", daemon=daemon, stream=True)
        self.assertEqual(daemon.stop(), 0)
        daemon = self.another(home)
        daemon.key = key
        before = self.llm.stats()["requests"]
        self.assertEqual(self.ask("kept", daemon=daemon, stream=True).body, first.body)
        self.assertEqual(self.llm.stats()["requests"], before)

    def test_attached_to_the_running_one(self):
        daemon = self.with_provider("n/20/rate/20")
        before = self.llm.stats()["requests"]
        answers = [None] * 4

        def ask(n):
            answers[n] = self.ask("running", daemon=daemon, stream=True)
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.llm.stats()["requests"], before + 1)
        for answer in answers:
            said = text_of(CHAT, answer, True)
            self.assertTrue(said.endswith("tok19 "), answer)
            self.assertTrue(answer.body.endswith(LAST[CHAT]))

    def test_failures_are_not_kept(self):
        daemon = self.with_provider("fail-first/1/n/2", args=["-o", "max_retries=0"])
        self.llm.reset()
        self.assertGreaterEqual(self.ask("failed", daemon=daemon).status, 500)
        self.assertEqual(self.ask("failed", daemon=daemon).status, 200)

    def test_goes_on_without_its_caller(self):
        daemon = self.with_provider("n/20/rate/20")
        with daemon.connect() as sock:
            send(sock, daemon, CHAT, question(MODELS[0], True), {"Idempotency-Key": "left"})
            read_until(sock, b"tok1")
        answer = self.ask("left", daemon=daemon, stream=True)
        self.assertTrue(text_of(CHAT, answer, True).endswith("tok19 "), answer)

    def attach(self, daemon, body, name, key=None, receive=None):
        """A plain socket with this request."""
        sock = socket.socket()
        self.addCleanup(sock.close)
        if receive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        sock.settimeout(SECONDS)
        sock.connect(("127.0.0.1", daemon.port))
        headers = {"Idempotency-Key": name}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        send(sock, daemon, CHAT, body, headers)
        return sock

    def test_who_reads_nothing_holds_up_nobody(self):
        """A repeat that does not take its answer is in nobody else's way."""
        daemon = self.with_provider("n/2000/bytes/1000/rate/1000")
        before = self.llm.stats()["requests"]
        first = self.attach(daemon, question(MODELS[0]), "large")
        self.llm.wait_for(lambda llm: llm.stats()["requests"] > before)
        idle = self.attach(daemon, question(MODELS[0]), "large", receive=16384)
        read_until(first, b"tok1999")
        self.assertTrue(idle.recv(1, socket.MSG_PEEK))
        answer = self.ask("other", daemon=daemon, model="echo/echo")
        self.assertEqual(answer.status, 200, answer)
        read_until(idle, b"tok1999")  # it was not given up meanwhile

    def test_cut_for_the_first_is_cut_for_all(self):
        """Without its end nobody takes it for whole."""
        daemon = self.with_provider("n/1000/rate/20")
        made = daemon.request("POST", "/api/v1/me/keys", {"name": "first"}).json()
        body = question(MODELS[0], True)
        first = self.attach(daemon, body, "revoked", made["key"])
        read_until(first, b"tok1")
        repeat = self.attach(daemon, body, "revoked")
        read_until(repeat, b"tok1")
        daemon.request("DELETE", f"/api/v1/me/keys/{made['id']}")
        for sock in (first, repeat):
            self.assertFalse(read_all(sock).endswith(b"\r\n0\r\n\r\n"))

    def test_an_error_in_the_stream_is_told_to_all(self):
        daemon = self.with_provider("error-after/20/rate/20")
        body = question(MODELS[0], True)
        first = self.attach(daemon, body, "broken")
        read_until(first, b"tok1")
        repeat = self.attach(daemon, body, "broken")
        for sock in (first, repeat):
            rest = read_until(sock, b"\r\n0\r\n\r\n")
            self.assertIn(b'"error"', rest)

    def test_bad_keys(self):
        for key in (" ", "x" * 256, "a b"):
            self.assertEqual(self.ask(key).status, 400)


def send(sock, daemon, path, body, headers=None, key=None):
    """A request by hand, to leave when we like."""
    data = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{daemon.port}",
             "Content-Type: application/json", f"Content-Length: {len(data)}"]
    headers = {"Authorization": f"Bearer {key or daemon.key}", **(headers or {})}
    lines += [f"{name}: {value}" for name, value in headers.items()]
    sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)


class Ending(GatewayTest):
    """What the daemon ends before there is an answer."""

    def outcomes(self, daemon):
        return [row["outcome"] for row in self.stored(daemon)]

    def asked(self, daemon, path, body, headers=None):
        """A plain socket whose request has reached the provider."""
        before = self.llm.stats()["requests"]
        sock = daemon.connect()
        self.addCleanup(sock.close)
        send(sock, daemon, path, body, headers)
        self.llm.wait_for(lambda llm: llm.stats()["requests"] > before)
        return sock

    def test_a_drain_can_be_repeated(self):
        """Clients are told to send it again, which another daemon can answer."""
        daemon = self.with_provider("delay/60000", {"drain_ms": "500"})
        socks = [self.asked(daemon, path, question(MODELS[0], stream))
                 for path in SURFACES for stream in (False, True)]
        named = {"Idempotency-Key": "named"}
        socks.append(self.asked(daemon, CHAT, question(MODELS[0]), named))
        repeat = daemon.connect()
        self.addCleanup(repeat.close)
        send(repeat, daemon, CHAT, question(MODELS[0]), named)
        daemon.signal(signal.SIGTERM)
        for sock in (*socks, repeat):
            answer = read_all(sock)
            self.assertTrue(answer.startswith(b"HTTP/1.1 503"), answer)
            self.assertIn(b"x-should-retry: true", answer)
            self.assertIn(b"Retry-After: 1", answer)
            self.assertIn(b"overloaded_error" if b'"type":"error"' in answer
                          else b'"draining"', answer)
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(self.outcomes(daemon), ["own_draining"] * 5)

    def test_a_revoked_key_is_told(self):
        daemon = self.with_provider("delay/60000")
        made = daemon.request("POST", "/api/v1/me/keys", {"name": "other"}).json()
        sock = self.asked(daemon, CHAT, question(MODELS[0]),
                          {"Authorization": f"Bearer {made['key']}"})
        daemon.request("DELETE", f"/api/v1/me/keys/{made['id']}")
        answer = read_until(sock, b"}}")
        self.assertTrue(answer.startswith(b"HTTP/1.1 401"), answer)
        self.assertIn(b"x-should-retry: false", answer)
        self.assertEqual(self.outcomes(daemon), ["caller_unauthenticated"])

    def test_a_revoked_repeat_is_told(self):
        """It goes with its own key, not with that of the request that runs."""
        for stream, path in ((False, "delay/60000"), (True, "n/1000/rate/20")):
            daemon = self.with_provider(path)
            made = daemon.request("POST", "/api/v1/me/keys", {"name": "other"}).json()
            body, named = question(MODELS[0], stream), {"Idempotency-Key": "shared"}
            first = self.asked(daemon, CHAT, body, named)
            repeat = daemon.connect()
            self.addCleanup(repeat.close)
            send(repeat, daemon, CHAT, body,
                 {**named, "Authorization": f"Bearer {made['key']}"})
            if stream:
                read_until(repeat, b"tok1 ")
            daemon.request("DELETE", f"/api/v1/me/keys/{made['id']}")
            if not stream:
                answer = read_until(repeat, b"}}")
                self.assertTrue(answer.startswith(b"HTTP/1.1 401"), answer)
                continue
            rest = read_all(repeat)
            self.assertNotIn(b"tok999 ", rest)
            self.assertFalse(rest.endswith(b"\r\n0\r\n\r\n"))
            read_until(first, b"tok")


class Leaving(GatewayTest):
    options = {**GatewayTest.options, "user_streams": "128"}

    def aborted(self):
        return self.llm.stats()["aborted"]

    def leave(self, daemon, path, body, wanted=None):
        """Ask, perhaps wait for these bytes, and go; the provider sees it at once."""
        before = self.aborted()
        seen = self.llm.stats()["requests"]
        with daemon.connect() as sock:
            send(sock, daemon, path, body)
            if wanted:
                read_until(sock, wanted)
            else:
                self.llm.wait_for(lambda llm: llm.stats()["requests"] > seen)
        start = time.monotonic()
        self.llm.wait_for(lambda llm: llm.stats()["aborted"] > before)
        return time.monotonic() - start

    def test_provider_is_told(self):
        daemon = self.with_provider("n/1000/rate/50")
        slow = self.with_provider("delay/30000")
        for path in SURFACES:
            for model in MODELS:
                for how in (
                    (daemon, path, question(model, True), b"tok1 "),   # in the stream
                    (daemon, path, question(model, False), None),      # in a document
                    (slow, path, question(model, True), None),         # before the head
                    (slow, path, question(model, False), None)):
                    # On a machine that is not busy it is milliseconds.
                    self.assertLess(self.leave(*how), 10)
        rows = wait_until(lambda: len(self.rows(slow)) == 8 and self.rows(slow),
                          "every log line")
        self.assertEqual({(row["status"], row["error_type"]) for row in rows},
                         {(409, "caller_gone")})

    def test_is_booked(self):
        daemon = self.with_provider("n/1000/rate/50")
        self.leave(daemon, CHAT, question(MODELS[1], True), b"tok9 ")
        row = wait_until(lambda: self.rows(daemon), "the log line")[0]
        self.assertGreaterEqual(row["output_tokens"], 10)
        self.assertGreater(row["input_tokens"], 0)

    def test_64_leave_at_random(self):
        """Nobody else is harmed, and nothing is left running."""
        daemon = self.with_provider("n/200/rate/100")
        chance = random.Random(4711)
        failures = []

        def leave(number):
            try:
                with daemon.connect() as sock:
                    path = SURFACES[number % 2]
                    send(sock, daemon, path, question(MODELS[number // 2 % 2],
                                                      number % 3 > 0))
                    sock.settimeout(chance.random())
                    try:
                        while sock.recv(4096):
                            pass
                    except (TimeoutError, socket.timeout):
                        pass
                    if number % 4 == 0:  # with a reset
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                        b"\1\0\0\0\0\0\0\0")
            except OSError as error:
                failures.append(error)

        def stay():
            answer = self.post(CHAT, question(MODELS[0], True), daemon)
            if not answer.body.endswith(LAST[CHAT]):
                failures.append(answer)
        threads = [threading.Thread(target=leave, args=(n,)) for n in range(64)]
        threads += [threading.Thread(target=stay) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.llm.wait_for(lambda llm: llm.stats()["active"] == 0)
        self.assertEqual(len(wait_until(
            lambda: self.rows(daemon) if len(self.rows(daemon)) == 68 else None,
            "every log line")), 68)
        answer = self.post(CHAT, question(MODELS[0], False), daemon)
        self.assertEqual(answer.status, 200)


if __name__ == "__main__":
    unittest.main(verbosity=1)
