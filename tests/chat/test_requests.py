"""Histories become the requests that the fixtures want: projection and encoding together."""

import json
import os
import subprocess
import sys
import unittest

ORACLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle")
sys.path.insert(0, ORACLE)
import fixtures  # noqa: E402
import match  # noqa: E402

TOOL = sys.argv.pop(1) if len(sys.argv) > 1 and os.path.exists(sys.argv[1]) else None


def reply(name, request):
    """A message that the library is to read from the bytes of another case."""
    case = next(c for c in fixtures.replies() if c.name == name)
    own = name.startswith(("M-", "D-54-"))
    profile = request.meta.get("profile", {})
    return {"reply": {
        "dialect": case.dialect,
        "stream": "event-stream" in case.content_type,
        "body": case.body.decode(),
        "provider": "anthropic" if own else profile.get("provider"),
        "model": profile.get("model", "m-1"),
    }}


def encode(request, more=()):
    """The body that the library makes, and its report."""
    messages = [reply(m["$reply"], request) if "$reply" in m else m
                for m in request.history["messages"] + list(more)]
    given = {
        "target": request.target,
        "profile": request.meta.get("profile", {}),
        "messages": messages,
        "tools": request.history.get("tools", []),
        "options": request.history.get("options", {}),
    }
    done = subprocess.run([TOOL], input=json.dumps(given).encode(), capture_output=True,
                          timeout=30, check=False)
    if done.returncode != 0:
        raise AssertionError("%s: %s" % (request.name, done.stderr.decode()))
    return json.loads(done.stdout), done.stderr.decode()


def ids(body):
    """All ids of tool calls, in order."""
    found = []
    for message in body["messages"]:
        found += [c["id"] for c in message.get("tool_calls") or []]
        content = message.get("content")
        if isinstance(content, list):
            found += [b["id"] for b in content if b.get("type") == "tool_use"]
    return found


class Requests(unittest.TestCase):
    def test_there_are_cases(self):
        self.assertGreaterEqual(len(fixtures.requests()), 40)

    def test_cases(self):
        for request in fixtures.requests():
            with self.subTest(request.name):
                body, report = encode(request)
                self.assertIsNone(match.diff(request.request, body, request.compare,
                                             request.target))
                for words in request.meta.get("report", []):
                    self.assertIn(words, report)

    def test_ids_are_stable(self):
        """One more turn changes no id that was sent before: caches depend on it."""
        more = [{"role": "assistant", "state": "sealed",
                 "parts": [{"type": "text", "text": "Done."}]},
                {"role": "user", "parts": [{"type": "text", "text": "More."}]}]
        for request in fixtures.requests():
            if request.meta.get("stable"):
                with self.subTest(request.name):
                    before = ids(encode(request)[0])
                    after = ids(encode(request, more)[0])
                    self.assertTrue(before)
                    self.assertEqual(before, after)


if __name__ == "__main__":
    unittest.main()
