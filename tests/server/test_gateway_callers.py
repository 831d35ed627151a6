"""Who asks the gateway: what is booked for them, callers that leave, and what is ended
before there is an answer."""

import contextlib
import random
import signal
import socket
import sqlite3
import threading
import time
import unittest

from base import SECONDS, read_all, read_until, wait_until
from gateway import CHAT, LAST, MESSAGES, MODELS, SURFACES, GatewayTest, question, send


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

    def test_what_was_let_in_is_not_asked_for_again(self):
        """A prompt answer costs no look into the store for rights that were checked a moment
        ago: of a key that went there, without a word to the daemon, nobody knows yet."""
        daemon = self.another(options={"heartbeat_ms": "60000"})
        path, = daemon.home.rglob("*.db")
        for _ in range(20):
            made = daemon.request("POST", "/api/v1/me/keys", {"name": "short-lived"}).json()
            answer = self.post(CHAT, question(MODELS[0]), daemon, key=made["key"])
            self.assertEqual(answer.status, 200, answer)
            began = time.monotonic()
            with contextlib.closing(sqlite3.connect(path, timeout=SECONDS)) as db, db:
                db.execute("DELETE FROM record WHERE kind = 'key' AND id = ?", (made["id"],))
            statuses = {self.post(surface, question(MODELS[0], stream), daemon,
                                  key=made["key"]).status
                        for surface in SURFACES for stream in (False, True)}
            if time.monotonic() - began < 3:  # what was looked up is believed for five
                break
        self.assertEqual(statuses, {200})

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
                                                      number % 3 > 0),
                         {"x-request-id": f"caller-{number}"})
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
        # A reset may have taken the request back before it was read.
        sure = {f"caller-{n}" for n in range(64) if n % 4}
        wait_until(lambda: sure <= {row["request_id"] for row in self.rows(daemon)},
                   "every log line")
        answer = self.post(CHAT, question(MODELS[0], False), daemon)
        self.assertEqual(answer.status, 200)


if __name__ == "__main__":
    unittest.main()
