"""Requests and tokens a minute, and replies at once: exact whoever asks at once, and told
in the words of both dialects. A window of counting is a minute, and every test here is
over long before that."""

import datetime
import itertools
import json
import re
import select
import subprocess
import threading
import time
import unittest

from base import AICHATD, ServerTest, read_until, wait_until

CALLERS = 64
CHAT = {"model": "openai/gpt-fake", "max_tokens": 3,
        "messages": [{"role": "user", "content": "one two three"}]}


def at_once(count, act):
    """act(n) by so many threads that start together; what they returned."""
    results = [None] * count
    gate = threading.Barrier(count)

    def run(n):
        gate.wait()
        results[n] = act(n)
    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class LimitTest(ServerTest):
    names = itertools.count()

    def new_key(self, key_limits=None, daemon=None, **user_limits):
        """A key with limits of a new user with limits."""
        daemon = daemon or self.daemon
        name, password = f"u{next(self.names)}", "a long password"
        made = daemon.request("POST", "/api/v1/users", {
            "name": name, "password": password, "limits": user_limits})
        self.assertEqual(made.status, 201, made)
        login = daemon.request("POST", "/api/v1/login", {"name": name, "password": password},
                               key="")
        headers = {"Cookie": login.headers["set-cookie"].split(";")[0],
                   "X-CSRF-Token": login.json()["csrf_token"]}
        # What is asked with the login is counted for the user, too: the operator's way.
        return self.operator_key(daemon, name, key_limits or {}), headers

    @staticmethod
    def operator_key(daemon, name, limits):
        words = ["key", "add", name]
        for limit, value in limits.items():
            words += ["--" + limit.replace("_", "-"), str(value)]
        done = subprocess.run([AICHATD, *words], env=daemon.env, text=True, timeout=60,
                              capture_output=True, check=True)
        return done.stdout.strip()

    def me(self, key, daemon=None):
        return (daemon or self.daemon).request("GET", "/api/v1/me", key=key)

    def chat(self, key, daemon=None, **more):
        return (daemon or self.daemon).request("POST", "/v1/chat/completions",
                                               {**CHAT, **more}, key=key)

    def stream(self, key):
        """A running stream: its socket; or the status of the refusal."""
        body = json.dumps({**CHAT, "max_tokens": 2000, "stream": True}).encode()
        sock = self.daemon.connect()
        sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                     b"Authorization: Bearer " + key.encode() + b"\r\n"
                     b"Content-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        head = read_until(sock, b"\r\n\r\n")
        status = int(head.split()[1])
        if status != 200:
            sock.close()
            return status
        self.addCleanup(sock.close)
        return sock

    def remaining(self, key, what, daemon=None):
        return int(self.me(key, daemon).headers[f"x-ratelimit-remaining-{what}"])


class Requests(LimitTest):
    def test_exact_under_64_callers(self):
        for place in ("key", "user"):
            limits = {"requests_per_minute": 40}
            key, _ = self.new_key(limits) if place == "key" else self.new_key(**limits)
            answers = at_once(CALLERS, lambda _, key=key: self.me(key))
            statuses = [answer.status for answer in answers]
            self.assertEqual((statuses.count(200), statuses.count(429)), (40, 24), place)
            left = sorted(int(a.headers["x-ratelimit-remaining-requests"])
                          for a in answers if a.status == 200)
            self.assertEqual(left, list(range(40)))
            for answer in answers:
                self.assertEqual(answer.headers["x-ratelimit-limit-requests"], "40")
                if answer.status == 429:
                    self.assert_refusal(answer)

    def assert_refusal(self, answer):
        self.assertEqual(answer.json()["error"]["code"], "RATE_LIMITED")
        seconds, ms = int(answer.headers["retry-after"]), int(answer.headers["retry-after-ms"])
        self.assertTrue(0 < ms <= 60000 and seconds == -(-ms // 1000), answer)

    def test_all_together(self):
        daemon = self.another(options={"requests_per_minute": "30"})
        keys = [self.new_key(daemon=daemon)[0] for _ in range(4)]
        used = 30 - self.remaining(keys[0], "requests", daemon)
        statuses = [a.status for a in at_once(CALLERS, lambda n: self.me(keys[n % 4], daemon))]
        self.assertEqual(statuses.count(200), 30 - used)

    def test_one_users_flood_is_nobody_elses(self):
        daemon = self.another(options={"user_requests_per_minute": "5"})
        noisy, quiet = self.new_key(daemon=daemon)[0], self.new_key(daemon=daemon)[0]
        statuses = [a.status for a in at_once(CALLERS, lambda _: self.me(noisy, daemon))]
        self.assertEqual(statuses.count(200), 5)
        self.assertEqual(self.me(quiet, daemon).status, 200)

    def test_a_keys_limit_is_within_its_users(self):
        key, headers = self.new_key({"requests_per_minute": 100}, requests_per_minute=3)
        statuses = [self.me(key).status for _ in range(4)]
        self.assertEqual(statuses, [200] * 3 + [429])
        answer = self.daemon.request("GET", "/api/v1/me", key="", headers=headers)
        self.assertEqual(answer.status, 429)
        self.assertIn("this user may have 3", answer.json()["error"]["message"])

    def test_without_limits_nothing_is_told(self):
        answer = self.daemon.request("GET", "/api/v1/me")
        self.assertFalse([name for name in answer.headers if "ratelimit" in name])


class Tokens(LimitTest):
    def test_exact_to_the_token_under_64_callers(self):
        limit = 300
        for limits in ({"key_limits": {"tokens_per_minute": limit}}, {"tokens_per_minute": limit}):
            key, _ = self.new_key(**limits)
            began = time.monotonic()
            answers = at_once(CALLERS, lambda _, key=key: self.chat(key))
            used = sum(a.json()["usage"]["total_tokens"] for a in answers if a.status == 200)
            refused = [a for a in answers if a.status != 200]
            self.assertEqual({a.status for a in refused} - {429}, set())
            self.assertGreater(used, 0)
            self.assertLessEqual(used, limit)
            self.assertLess(time.monotonic() - began, 55, "the window has turned")
            self.assertEqual(self.remaining(key, "tokens"), limit - used)
            # What is left is spent one after another, to the last that fits.
            while (answer := self.chat(key)).status == 200:
                used += answer.json()["usage"]["total_tokens"]
            self.assertEqual(answer.status, 429)
            self.assertEqual(self.remaining(key, "tokens"), limit - used)
            self.assertIn("tokens a minute", answer.json()["error"]["message"])

    def test_too_much_for_any_minute(self):
        key, _ = self.new_key(tokens_per_minute=5)
        self.assertEqual(self.chat(key, max_tokens=1000).status, 429)
        self.assertEqual(self.remaining(key, "tokens"), 5)

    def test_what_fails_costs_nothing(self):
        key, _ = self.new_key(tokens_per_minute=300)
        self.assertGreaterEqual(self.chat(key, model="openai/no-such").status, 200)
        before = self.remaining(key, "tokens")
        answer = self.chat(key, model="nobody/nothing")
        self.assertEqual(answer.status, 404)
        self.assertEqual(self.remaining(key, "tokens"), before)

    def test_a_conversations_reply_counts(self):
        key, _ = self.new_key(tokens_per_minute=100000)
        made = self.daemon.request("POST", "/api/v1/conversations", {}, key=key).json()
        path = f"/api/v1/conversations/{made['id']}/messages"
        answer = self.daemon.request("POST", path, {
            "text": "hi", "options": {"model": "openai/gpt-fake"}}, key=key)
        self.assertEqual(answer.status, 200, answer)
        usage = answer.json()["message"]["usage"]
        used = usage["input_tokens"] + usage["output_tokens"]
        wait_until(lambda: self.remaining(key, "tokens") == 100000 - used, "the settling", 20)

    def ask(self, key, path, status, **body):
        """In a conversation. Ten tokens are the most that come, if nothing else is said."""
        options = {"model": "openai/gpt-fake", **body.pop("options", {"max_tokens": 10})}
        answer = self.daemon.request("POST", path, {**body, "options": options}, key=key)
        self.assertEqual(answer.status, status, answer)
        return answer.json()

    def test_what_a_conversation_holds_is_reserved(self):
        key, _ = self.new_key(tokens_per_minute=4000)
        made = self.daemon.request("POST", "/api/v1/conversations", {}, key=key).json()
        path = f"/api/v1/conversations/{made['id']}/messages"
        first = self.ask(key, path, 200, text="x" * 8000)["message"]
        wait_until(lambda: self.remaining(key, "tokens") > 1900, "the settling", 20)
        self.ask(key, path, 429, text="hi")  # it would be read with all that was said
        self.ask(key, path, 429, text="hi", parent_id=first["id"])
        self.ask(key, f"{path}/{first['id']}/retry", 429)
        self.ask(key, path, 200, text="hi", parent_id=None)  # this without

    def test_the_settings_limit_is_reserved(self):
        key, _ = self.new_key(tokens_per_minute=4000)
        made = self.daemon.request("POST", "/api/v1/conversations", {
            "settings": {"options": {"max_tokens": 5000}}}, key=key).json()
        path = f"/api/v1/conversations/{made['id']}/messages"
        self.ask(key, path, 429, text="hi", options={})
        self.ask(key, path, 200, text="hi")

    def test_over_the_limit_within_a_reply(self):
        """Fault 65: a reply that uses more than was reserved is finished, and counts; the
        next one is refused."""
        daemon = self.another(env=self.provider_env("gen/n/6000"))
        key, _ = self.new_key(daemon=daemon, tokens_per_minute=5000)
        made = daemon.request("POST", "/api/v1/conversations", {}, key=key).json()
        how = {"path": f"/api/v1/conversations/{made['id']}/messages", "key": key, "body": {
            "text": "hi", "options": {"model": "openai/gpt-fake"}}}
        answer = daemon.request("POST", **how)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json()["message"]["usage"]["output_tokens"], 6000)
        wait_until(lambda: self.remaining(key, "tokens", daemon) == 0, "the settling", 20)
        answer = daemon.request("POST", **how)
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (429, "RATE_LIMITED"))


class Replies(LimitTest):
    llm_path = "gen/n/2000/rate/50"

    def test_exact_under_64_callers(self):
        for limits in ({"key_limits": {"concurrent_replies": 3}}, {"concurrent_replies": 3}):
            key, _ = self.new_key(**limits)
            running = [s for s in at_once(CALLERS, lambda _, key=key: self.stream(key))]
            refused = [s for s in running if s == 429]
            streams = [s for s in running if s != 429]
            self.assertEqual((len(streams), len(refused)), (3, CALLERS - 3))
            # One leaves: there is room for one more, and no more than that.
            streams[0].close()
            again = wait_until(lambda key=key: (s := self.stream(key)) != 429 and s,
                               "room for another reply", 20)
            self.assertEqual(self.stream(key), 429)
            for sock in [*streams[1:], again]:
                sock.close()


class Streams(LimitTest):
    """Whoever holds workers leaves some for others."""

    llm_path = "gen/n/2000/rate/50"
    options = {"streams": "8"}

    def test_a_quarter_for_each_user(self):
        greedy, other = self.new_key()[0], self.new_key()[0]
        streams = [self.stream(greedy) for _ in range(4)]
        self.assertEqual(streams[2:], [429, 429])
        answer = self.chat(greedy)
        self.assertEqual(answer.status, 429)
        self.assertIn("2 streams at once", answer.json()["error"]["message"])
        self.assertEqual(self.me(greedy).status, 200)
        streams[2] = self.stream(other)
        self.assertNotIn(429, streams[:3])
        streams[0].close()
        wait_until(lambda: (s := self.stream(greedy)) != 429 and s, "room for another stream")


class Bodies(LimitTest):
    """Memory for what is being sent: 32 of the largest bodies."""

    options = {"max_body_bytes": "65536"}

    def send_half(self, path, key):
        """Most of a body, whose rest does not come."""
        sock = self.daemon.connect()
        self.addCleanup(sock.close)
        sock.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
                     f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
                     "Content-Length: 65000\r\n\r\n".encode() + b" " * 60000)
        return sock

    def test_one_user_does_not_take_it_all(self):
        greedy, other = self.new_key()[0], self.new_key()[0]
        socks = [self.send_half("/api/v1/conversations", greedy) for _ in range(40)]
        answers = b"".join(read_until(sock, b"}") for sock in self.answered(socks, 20))
        self.assertEqual(set(re.findall(rb"HTTP/1.1 (\d+)", answers)), {b"429"})
        self.assertIn(b"Retry-After: 1\r\n", answers)
        answer = self.daemon.request("POST", "/api/v1/conversations",
                                     b'{"title":"t"}' + b" " * 60000, key=other)
        self.assertEqual(answer.status, 201, answer)
        for sock in socks:
            sock.close()
        wait_until(lambda: self.daemon.request("POST", "/api/v1/conversations",
                                               b"{}" + b" " * 60000, key=greedy).status == 201,
                   "room for who had too much")

    @staticmethod
    def answered(socks, count):
        """So many of them have an answer: those."""
        def ready():
            found = select.select(socks, [], [], 1)[0]
            return len(found) >= count and found
        return wait_until(ready, "answers")

    def test_nobody_sends_much_without_a_key(self):
        sock = self.send_half("/api/v1/login", "")
        self.assertIn(b"HTTP/1.1 413 ", read_until(sock, b"}"))
        longest = {"name": "\u00e9" * 32, "password": "\u00e9" * 512}
        answer = self.daemon.request("POST", "/api/v1/login", longest, key="")
        self.assertEqual(answer.status, 401, answer)


class Headers(LimitTest):
    def test_both_dialects(self):
        key, _ = self.new_key(requests_per_minute=100, tokens_per_minute=100000)
        headers = self.chat(key).headers
        for what in ("requests", "tokens"):
            limit = int(headers[f"x-ratelimit-limit-{what}"])
            self.assertLess(int(headers[f"x-ratelimit-remaining-{what}"]), limit)
            self.assertRegex(headers[f"x-ratelimit-reset-{what}"], r"^(\d+ms|\d+s|1m0s)$")
            self.assertNotIn(f"anthropic-ratelimit-{what}-limit", headers)
        answer = self.daemon.request("POST", "/v1/messages", {
            "model": "anthropic/claude-fake", "max_tokens": 3, "messages": CHAT["messages"]},
            key="", headers={"x-api-key": key, "anthropic-version": "2023-06-01"})
        self.assertEqual(answer.status, 200, answer)
        for what in ("requests", "tokens"):
            limit = int(answer.headers[f"anthropic-ratelimit-{what}-limit"])
            self.assertLess(int(answer.headers[f"anthropic-ratelimit-{what}-remaining"]), limit)
            reset = datetime.datetime.fromisoformat(
                answer.headers[f"anthropic-ratelimit-{what}-reset"].replace("Z", "+00:00"))
            ahead = reset - datetime.datetime.now(datetime.timezone.utc)
            self.assertTrue(-1 < ahead.total_seconds() <= 61)
            self.assertNotIn(f"x-ratelimit-limit-{what}", answer.headers)

    def test_refusals_in_the_dialect(self):
        key, _ = self.new_key(requests_per_minute=1)
        self.me(key)
        answer = self.chat(key)
        self.assertEqual((answer.status, answer.json()["error"]["code"]),
                         (429, "rate_limit_exceeded"))
        self.assertEqual(answer.headers["x-should-retry"], "true")
        self.assertIn("retry-after-ms", answer.headers)
        answer = self.daemon.request("POST", "/v1/messages", {}, key="", headers={
            "x-api-key": key, "anthropic-version": "2023-06-01"})
        self.assertEqual((answer.status, answer.json()["error"]["type"]),
                         (429, "rate_limit_error"))


if __name__ == "__main__":
    unittest.main()
