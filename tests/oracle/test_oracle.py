"""The oracle's own test: it reads every recording and every fixture.

The tally is exact: a recording that falls out of it is noticed. Skips, and says so, where
the recordings are absent; the fixtures are in the tree and are always read.
"""

import collections
import copy
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import compare                                                      # noqa: E402
import fixtures                                                     # noqa: E402
import match                                                        # noqa: E402
import oracle                                                       # noqa: E402
import wire_sse                                                     # noqa: E402
from wire_common import STOP_REASONS                                # noqa: E402

FOLDER = oracle.recordings_dir()

REPLY_CASES = 136
REQUEST_CASES = 45
TOTAL = 2298
SKIPPED = {
    "Mistral agents API": 5,
    "Responses API": 168,
    "an error reply whose dialect nothing tells": 2,
    "counts tokens": 16,
    "embeddings": 19,
    "fill in the middle": 1,
    "legacy completions": 50,
    "models list": 18,
}
DECODED = {
    ("chat", "sealed"): 1184,
    ("chat", "failed"): 166,
    ("messages", "sealed"): 614,
    ("messages", "failed"): 55,
}
STOPS = {
    ("chat", "stop"): 746,
    ("chat", "tool_calls"): 335,
    ("chat", "length"): 88,
    ("chat", "refusal"): 12,
    ("chat", "content_filter"): 2,
    ("chat", "unknown"): 1,
    ("messages", "stop"): 374,
    ("messages", "tool_calls"): 174,
    ("messages", "length"): 38,
    ("messages", "stop_sequence"): 24,
    ("messages", "pause"): 2,
    ("messages", "refusal"): 2,
}

PART_MEMBERS = {
    "text": {"text"}, "reasoning": {"text"}, "refusal": {"text"},
    "tool_call": {"id", "name", "arguments"}, "source": {"url", "title"},
    "audio": {"data", "transcript"}, "unknown": {"raw"}, "compaction": {"raw"},
}
USAGE = {"input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens",
         "reasoning_tokens"}


def as_message(expected):
    """A canonical message that says what EXPECTED says: what a right library would give."""
    message = {"role": "assistant", "state": expected["state"], "parts": [],
               "usage": dict(expected["usage"])}
    if expected["stop_reason"]:
        message["stop_reason"] = expected["stop_reason"]
    if expected["stop_word"]:
        message["stop_word"] = expected["stop_word"]
    for part in expected["parts"]:
        part = copy.deepcopy(part)
        opaque = part.pop("opaque", None)
        part.pop("as_json", None)
        part.pop("optional", None)
        part.pop("data", None)
        if part["type"] == "tool_call" and part["id"] is None:
            part["id"] = "call_0"
        if "raw" in part:
            part["raw"] = json.dumps(part["raw"])
        elif opaque:
            part["raw"] = json.dumps({"kept": opaque})
        message["parts"].append(part)
    if expected.get("opaque"):
        message["parts"].append({"type": "reasoning", "text": "",
                                 "raw": json.dumps(expected["opaque"])})
    error = expected["error"]
    if error is None:
        return {"type": "done", "state": "complete", "message": message}
    text = error.get("message") or error.get("excerpt") or "it failed"
    return {"type": "error", "message": message,
            "error": {"code": error["codes"][0], "message": text}}


@unittest.skipIf(FOLDER is None, "no recordings: set AICHAT_RECORDINGS to their folder")
class Recordings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.total = 0
        cls.skipped = collections.Counter()
        cls.read = []       # (rec, dialect, result)
        for _, rec in oracle.recordings(FOLDER):
            cls.total += 1
            dialect, reason = oracle.classify(rec)
            if dialect is None:
                cls.skipped[reason] += 1
            else:
                cls.read.append((rec, dialect, oracle.decode(rec)))

    def test_tally(self):
        self.assertEqual(self.total, TOTAL)
        self.assertEqual(dict(self.skipped), SKIPPED)
        decoded = collections.Counter((d, r["state"]) for _, d, r in self.read)
        self.assertEqual(dict(decoded), DECODED)
        self.assertEqual(sum(SKIPPED.values()) + sum(DECODED.values()), TOTAL)
        stops = collections.Counter((d, r["stop_reason"]) for _, d, r in self.read if r["ok"])
        self.assertEqual(dict(stops), STOPS)

    def test_shape(self):
        for rec, _, got in self.read:
            with self.subTest(rec["id"]):
                self.assertEqual(got["ok"], got["state"] == "sealed")
                self.assertEqual(got["error"] is None, got["ok"])
                if got["ok"]:
                    self.assertIn(got["stop_reason"], STOP_REASONS)
                self.assertLessEqual(set(got["usage"]), USAGE)
                for part in got["parts"]:
                    self.assertLessEqual(PART_MEMBERS[part["type"]], set(part))
                    if part["type"] == "tool_call":
                        self.assertNotEqual(part["name"], "")
                        self.assertNotEqual(part["arguments"], "")
                        self.assertEqual(got["stop_reason"],
                                         "tool_calls" if got["ok"] else got["stop_reason"])

    def test_usage(self):
        known = 0
        for rec, _, got in self.read:
            usage = got["usage"]
            with self.subTest(rec["id"]):
                if not got["ok"]:
                    continue
                known += bool(usage)
                if usage:
                    self.assertIn("input_tokens", usage)
                    self.assertIn("output_tokens", usage)
                    self.assertLessEqual(
                        usage.get("cached_tokens", 0) + usage.get("cache_write_tokens", 0),
                        usage["input_tokens"])
                    most = got.get("usage_either", {}).get("output_tokens",
                                                           usage["output_tokens"])
                    self.assertLessEqual(usage.get("reasoning_tokens", 0), most)
        self.assertEqual(known, 1756)

    def test_status_and_error(self):
        for rec, _, got in self.read:
            if rec["response"]["status"] != 200:
                with self.subTest(rec["id"]):
                    self.assertEqual(got["state"], "failed")
                    self.assertEqual(got["parts"], [])
                    self.assertEqual(got["error"]["status"], rec["response"]["status"])
                    self.assertTrue(got["error"]["codes"])

    # What whoever collected the recordings found in them by other means.
    FEATURES = {
        "text": lambda r: any(p["type"] == "text" for p in r["parts"]),
        "refusal": lambda r: r["stop_reason"] in ("refusal", "content_filter") or
                   any(p["type"] == "refusal" for p in r["parts"]),
        "tool_call": lambda r: any(p["type"] == "tool_call" for p in r["parts"]),
        "parallel_tools":
            lambda r: sum(p["type"] == "tool_call" for p in r["parts"]) > 1,
        "truncated": lambda r: r["stop_word"] in ("length", "max_tokens"),
        "stopped_by_sequence": lambda r: r["stop_reason"] == "stop_sequence",
        "pause_turn": lambda r: r["stop_reason"] == "pause",
        "encrypted_reasoning":
            lambda r: bool(r.get("opaque")) or any(p.get("opaque") for p in r["parts"]),
        "audio_out": lambda r: any(p["type"] == "audio" for p in r["parts"]),
        "error": lambda r: r["state"] == "failed",
        "error_in_stream": lambda r: r["state"] == "failed",
    }
    # How many replies carry the feature, and how many of them the oracle reads otherwise.
    # The others: empty calls and empty audio that one server puts into every reply.
    FEATURE_TALLY = {
        "text": (1351, 0),
        "refusal": (15, 0),
        "tool_call": (512, 4),
        "parallel_tools": (100, 0),
        "truncated": (149, 0),
        "stopped_by_sequence": (24, 0),
        "pause_turn": (2, 0),
        "encrypted_reasoning": (90, 0),
        "audio_out": (8, 6),
        "error": (220, 0),
        "error_in_stream": (10, 0),
    }

    def test_features(self):
        tally = {}
        for name, holds in self.FEATURES.items():
            carrying = [(rec, got) for rec, _, got in self.read if name in rec["features"]]
            others = [rec["id"] for rec, got in carrying if not holds(got)]
            tally[name] = (len(carrying), len(others))
        self.assertEqual(tally, self.FEATURE_TALLY)

    # Replies where the oracle sees what the collectors did not mark: text that is a JSON
    # object, a custom tool's call, a reply of which a filter left nothing, a reply wrapped
    # into another object.
    UNMARKED = {"text": 2, "tool_call": 1, "parallel_tools": 0, "refusal": 1, "error": 1}

    def test_features_unmarked(self):
        unmarked = {name: sum(self.FEATURES[name](got) and name not in rec["features"]
                              for rec, _, got in self.read) for name in self.UNMARKED}
        self.assertEqual(unmarked, self.UNMARKED)

    def test_line_ends(self):
        """The same stream with other line ends, a BOM or no last blank line reads the same."""
        streams = 0
        for rec, dialect, got in self.read:
            body = rec["response"]["body_text"]
            kind = oracle.header(rec, "content-type")
            if rec["response"]["status"] != 200 or not oracle.is_stream(kind, body.encode()):
                continue
            streams += 1
            plain = re.sub("\r\n|\r", "\n", body)
            forms = [plain.replace("\n", "\r\n"), plain.replace("\n", "\r"),
                     "\ufeff" + plain, plain.rstrip("\n"),
                     plain.replace("\ndata: ", "\ndata:"), ": hello\n\n" + plain]
            for form in forms:
                again = oracle.decode_body(dialect, 200, kind, form.encode())
                self.assertEqual(again, got, rec["id"])
        self.assertEqual(streams, 801)

    def test_compare(self):
        """compare finds nothing in a right message, and something in a wrong one."""
        for rec, _, got in self.read:
            with self.subTest(rec["id"]):
                right = as_message(got)
                self.assertIsNone(compare.diff(got, right))
                for wrong in mutations(right, got):
                    self.assertIsNotNone(compare.diff(got, wrong))


def mutations(right, expected):
    """Messages that say something else than RIGHT does."""
    def changed():
        return copy.deepcopy(right)

    wrong = changed()
    wrong["message"]["state"] = "stopped"
    yield wrong
    wrong = changed()
    wrong["message"]["usage"]["output_tokens"] = 987654321
    yield wrong
    wrong = changed()
    wrong["message"]["parts"].append({"type": "text", "text": "more"})
    yield wrong
    if right["type"] == "error":
        wrong = changed()
        wrong["error"]["code"] = "STORAGE"
        yield wrong
    else:
        wrong = changed()
        wrong["message"]["stop_reason"] = "none"
        yield wrong
    for index, part in enumerate(right["message"]["parts"]):
        if part["type"] in ("text", "reasoning", "refusal") and part["text"] and \
                not (index < len(expected["parts"]) and
                     expected["parts"][index].get("as_json")):
            wrong = changed()
            wrong["message"]["parts"][index]["text"] += "."
            yield wrong
        if part["type"] == "tool_call":
            wrong = changed()
            wrong["message"]["parts"][index]["arguments"] = '{"other": [1]}'
            yield wrong
            wrong = changed()
            wrong["message"]["parts"][index]["name"] = "other"
            yield wrong
        if index < len(expected["parts"]) and "opaque" in expected["parts"][index]:
            wrong = changed()
            wrong["message"]["parts"][index].pop("raw")
            yield wrong


class Sse(unittest.TestCase):
    CASES = (
        (b"data: a\n\ndata: b\n\n", [(None, "a"), (None, "b")], False),
        (b"data:a\ndata: b\n\n", [(None, "a\nb")], False),
        (b"event: x\r\ndata: a\r\n\r\n", [("x", "a")], False),
        (b"event: x\n\ndata: a\n\n", [(None, "a")], False),
        (b"data: a\rdata\r\r", [(None, "a\n")], False),
        (b"\xef\xbb\xbfdata:  a\n\n", [(None, " a")], False),
        (b": comment\nid: 7\nretry: 1\nother\ndata: a\n\n", [(None, "a")], False),
        (b"data: {}", [(None, "{}")], False),
        (b"data: {}\n", [(None, "{}")], False),
        (b"data: {\"a\"", [], True),
        (b"data: [DONE]", [(None, "[DONE]")], False),
        (b"data:\n\n", [], False),
        (b"", [], False),
        (b"data: a\xe2\x80\xa8b\n\n", [(None, "a\u2028b")], False),
    )

    def test_cases(self):
        for body, found, truncated in self.CASES:
            with self.subTest(body):
                self.assertEqual(wire_sse.read(body), (found, truncated))


class Fixtures(unittest.TestCase):
    def test_replies(self):
        cases = fixtures.replies()
        self.assertEqual(len(cases), REPLY_CASES)
        for case in cases:
            with self.subTest(case.name):
                got = case.decode()
                self.assertEqual(fixtures.comparable(got), fixtures.comparable(case.expect))
                self.assertIsNone(compare.diff(case.expect, as_message(got)))

    def test_requests(self):
        """Each request case is whole, and its histories name replies that exist."""
        known = {case.name for case in fixtures.replies()}
        cases = fixtures.requests()
        self.assertEqual(len(cases), REQUEST_CASES)
        for case in cases:
            with self.subTest(case.name):
                self.assertIn(case.target, fixtures.DIALECTS)
                self.assertEqual(sorted(case.compare), sorted(case.request))
                self.assertTrue(case.history["messages"])
                for message in case.history["messages"]:
                    if "$reply" in message:
                        self.assertIn(message["$reply"], known)
                    else:
                        self.assertIn(message["role"],
                                      ("system", "user", "assistant", "tool"))
                        self.assertTrue(message["parts"])


class Match(unittest.TestCase):
    RIGHT = (
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {"$any": True}}, {"a": None}),
        ({"a": {"$absent": True}}, {}),
        ({"a": {"$absent_or": False}}, {}),
        ({"a": {"$absent_or": False}}, {"a": False}),
        ({"a": {"$type": "object"}}, {"a": {}}),
        ({"a": {"$contains": "b"}}, {"a": "abc"}),
        ({"a": {"$matches": "b+"}}, {"a": "bb"}),
        ({"a": [{"$id": "x", "$matches": ".+"}, {"$id": "y", "$matches": ".+"},
                {"$id": "x", "$matches": ".+"}]}, {"a": ["1", "2", "1"]}),
        ({"a": {"$json": {"b": 1}}}, {"a": '{"b": 1}'}),
        ({"a": {"$carries": "deep"}}, {"a": [{"b": ["very deep"]}]}),
        ({"a": {"$only": {"b": 1}}}, {"a": {"b": 1}}),
        ({"a": {"$all": [{"$contains": "b"}, {"$contains": "c"}]}}, {"a": "bc"}),
    )
    WRONG = (
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        ({"a": True}, {"a": 1}),
        ({"a": [1]}, {"a": [1, 2]}),
        ({"a": [1, 2]}, {"a": [1]}),
        ({"a": {"$any": True}}, {}),
        ({"a": {"$absent": True}}, {"a": None}),
        ({"a": {"$absent_or": False}}, {"a": True}),
        ({"a": {"$type": "object"}}, {"a": []}),
        ({"a": {"$contains": "b"}}, {"a": "ac"}),
        ({"a": {"$matches": "b+"}}, {"a": "bbc"}),
        ({"a": [{"$id": "x", "$matches": ".+"}, {"$id": "x", "$matches": ".+"}]},
         {"a": ["1", "2"]}),
        ({"a": [{"$id": "x", "$matches": ".+"}, {"$id": "y", "$matches": ".+"}]},
         {"a": ["1", "1"]}),
        ({"a": {"$json": {"b": 1}}}, {"a": '{"b": 2}'}),
        ({"a": {"$json": {"b": 1}}}, {"a": "{"}),
        ({"a": {"$carries": "deep"}}, {"a": [{"b": ["shallow"]}]}),
        ({"a": {"$only": {"b": 1}}}, {"a": {"b": 1, "c": 1}}),
        ({"a": {"$all": [{"$contains": "b"}, {"$contains": "c"}]}}, {"a": "b"}),
    )

    def test_right_and_wrong(self):
        for pattern, body in self.RIGHT:
            self.assertIsNone(match.diff(pattern, body, ["a"], "openai-chat"), pattern)
        for pattern, body in self.WRONG:
            self.assertIsNotNone(match.diff(pattern, body, ["a"], "openai-chat"), pattern)

    def test_one_form(self):
        as_string = {"messages": [{"role": "user", "content": "Hello."}]}
        as_list = {"messages": [{"role": "user",
                                 "content": [{"type": "text", "text": "Hello."}]}]}
        for target in fixtures.DIALECTS:
            for pattern, body in ((as_string, as_list), (as_list, as_string)):
                self.assertIsNone(match.diff(pattern, body, ["messages"], target))


if __name__ == "__main__":
    unittest.main(verbosity=1)
