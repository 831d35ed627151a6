"""Answers of the gateway under an Idempotency-Key: while they are made, and kept."""

import contextlib
import json
import socket
import sqlite3
import subprocess
import threading
import unittest

from base import AICHATD, SECONDS, read_all, read_until, wait_until
from gateway import CHAT, LAST, MODELS, SURFACES, GatewayTest, question, send, text_of


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

    def kept(self, daemon):
        """The records of whole answers, in the order in which they were made."""
        path, = daemon.home.rglob("*.db")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return [{"no": no, **json.loads(text)} for no, text in db.execute(
                "SELECT no, json FROM record WHERE kind = 'answer' ORDER BY no")]

    def wait_for_kept(self, daemon, count):
        """It is kept once it has been given."""
        return wait_until(lambda: len(found := [a for a in self.kept(daemon) if a["whole"]])
                          == count and found, f"{count} answers kept")

    def test_long_answers(self):
        """Kept in few records, since each is a commit."""
        daemon = self.with_provider("n/3000/bytes/40")
        first = self.ask("long", daemon=daemon, stream=True)
        again = self.ask("long", daemon=daemon, stream=True)
        self.assertGreater(len(first.body), 500000)
        self.assertEqual(again.body, first.body)
        answer, = self.wait_for_kept(daemon, 1)
        self.assertGreater(answer["pieces"], 0)
        self.assertLess(answer["pieces"], 1.5 * len(first.body) / 50000)

    def test_too_long_answers(self):
        """Not kept, and never asked for twice under the same key."""
        daemon = self.with_provider("n/3000/bytes/400")
        before = self.llm.stats()["requests"]
        for stream in (False, True):
            key = f"too-long-{stream}"
            first = self.ask(key, daemon=daemon, stream=stream)
            self.assertGreater(len(first.body), 1 << 20)
            for again in (self.ask(key, daemon=daemon, stream=stream) for _ in range(2)):
                self.assertEqual(again.status, 409, again)
                self.assertIn("1048576 bytes", again.json()["error"]["message"])
                self.assertEqual(again.headers["x-should-retry"], "false")
            other = self.ask(key, daemon=daemon, stream=stream, temperature=1)
            self.assertIn("another request", other.json()["error"]["message"])
        self.assertEqual(self.llm.stats()["requests"], before + 2)
        self.assertEqual([(a["bytes"], a["too_large"]) for a in self.wait_for_kept(daemon, 2)],
                         2 * [(0, True)])

    def test_too_long_while_it_runs(self):
        """Who looks on is cut, a new repeat refused, and the first one gets all of it."""
        daemon = self.with_provider("n/4000/bytes/1000/rate/1000")
        body = question(MODELS[0], True)
        first = self.attach(daemon, body, "endless")
        read_until(first, b"tok1")
        repeat = self.attach(daemon, body, "endless")
        rest = []
        reading = threading.Thread(target=lambda: rest.append(
            read_until(first, b"\r\n0\r\n\r\n")))
        reading.start()
        seen = read_all(repeat)
        self.assertIn(b"tok1", seen)
        self.assertLess(len(seen), 2 << 20)
        self.assertNotIn(LAST[CHAT], seen)
        answer = self.ask("endless", daemon=daemon, stream=True)
        self.assertEqual(answer.status, 409, answer)
        reading.join()
        self.assertIn(LAST[CHAT], rest[0])

    def test_the_oldest_go_first(self):
        """Of one user; another's stay, and it holds after a restart, too."""
        home = self.new_home()
        options = {"kept_answer_bytes": str(2 << 20)}
        daemon = self.with_provider("n/900/bytes/1000", options, home=home)
        key = daemon.key
        made = daemon.request("POST", "/api/v1/users", {"name": "ann"})
        self.assertEqual(made.status, 201, made)
        others = subprocess.run([AICHATD, "key", "add", "ann"], env=daemon.env, text=True,
                                timeout=SECONDS, capture_output=True, check=True).stdout.strip()
        body, headers = question(MODELS[0]), {"Idempotency-Key": "anns"}
        self.post(CHAT, body, daemon, key=others, headers=headers)
        for number in range(3):
            self.ask(f"n{number}", daemon=daemon)
            self.wait_for_kept(daemon, 2 + min(number, 1))
        self.assertEqual(daemon.stop(), 0)
        daemon = self.with_provider("n/900/bytes/1000", options, home=home)
        daemon.key = key
        before = self.llm.stats()["requests"]
        self.assertEqual(self.ask("n2", daemon=daemon).status, 200)
        self.post(CHAT, body, daemon, key=others, headers=headers)
        self.assertEqual(self.llm.stats()["requests"], before, "they were not kept")
        oldest = self.kept(daemon)[0]["no"]
        last = self.kept(daemon)[-1]["no"]
        self.ask("n3", daemon=daemon)
        wait_until(lambda: len(found := self.kept(daemon)) == 3 and found[-1]["whole"] and
                   found[-1]["no"] > last, "another answer in place of the oldest")
        self.assertEqual(self.kept(daemon)[0]["no"], oldest)
        self.ask("n1", daemon=daemon)  # which has gone, for n3
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
        daemon = self.with_provider("n/900/bytes/1000/rate/450")
        before = self.llm.stats()["requests"]
        first = self.attach(daemon, question(MODELS[0]), "large")
        self.llm.wait_for(lambda llm: llm.stats()["requests"] > before)
        idle = self.attach(daemon, question(MODELS[0]), "large", receive=16384)
        read_until(first, b"tok899")
        self.assertTrue(idle.recv(1, socket.MSG_PEEK))
        answer = self.ask("other", daemon=daemon, model="echo/echo")
        self.assertEqual(answer.status, 200, answer)
        read_until(idle, b"tok899")  # it was not given up meanwhile

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


if __name__ == "__main__":
    unittest.main()
