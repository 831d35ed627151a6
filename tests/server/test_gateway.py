"""The gateway over real sockets: both protocols in front of both kinds of provider, what
is forwarded and what is not, and what providers do wrong."""

import unittest
from urllib.parse import quote

from base import PROVIDER_KEY
from gateway import (CHAT, LAST, MESSAGES, MODELS, SURFACES, GatewayTest, frames,
                     question, text_of)


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


if __name__ == "__main__":
    unittest.main()
