"""Every recording of the two dialects through an exchange, for a caller of either.

For a caller of the same dialect what comes out is what the provider sent, byte for byte;
for one of the other it says the same, as the oracle reads both. A reply that failed or was
cut off never ends as if it had not.
"""

import json
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import oracle                                                       # noqa: E402
from fakellm import Fakellm                                         # noqa: E402
from replay import DIALECTS, preset_of                              # noqa: E402

FOLDER = oracle.recordings_dir()
CLIENT = os.environ.get("EXCHANGE_CLIENT")
OTHER = {"chat": "messages", "messages": "chat"}
LAST = {"chat": "data: [DONE]", "messages": 'data: {"type":"message_stop"}'}
SECONDS = 240

RECORDINGS = 2019
# Stop reasons that the other dialect has no word of its own for.
SAME_WORD = {
    ("messages", "chat"): {"stop_sequence": "stop", "context_window": "length",
                           "pause": "stop", "refusal": "content_filter"},
    ("chat", "messages"): {"content_filter": "refusal", "unknown": "stop"},
}


def run_client(lines):
    run = subprocess.run([CLIENT], input="".join(lines).encode(), stdout=subprocess.PIPE,
                         timeout=SECONDS, check=True)
    answers = [json.loads(line) for line in run.stdout.decode().splitlines()]
    assert len(answers) == len(lines)
    return answers


def wrong_bytes(rec, dialect, got):
    """Whether a whole reply was forwarded as it came."""
    sent = rec["response"]["body_text"]
    if not rec["stream"]:
        return None if got == sent else "differs"
    # What follows the last event is not waited for, nor what begins without data. A last
    # frame that is missing, or its blank line, is put there.
    end = re.search(r"data: ?\[DONE\][^\n]*\n\r?\n?|event: ?message_stop\r?\n"
                    r"data:[^\n]*\n\r?\n?", sent)
    sent = sent[:end.end()] if end else sent
    if not got.rstrip().startswith(sent.rstrip()):
        at = next((i for i, (a, b) in enumerate(zip(got, sent)) if a != b),
                  min(len(got), len(sent)))
        return "differs at %d: sent %r, got %r" % (at, sent[at - 20:at + 60],
                                                   got[at - 20:at + 60])
    rest = got.rstrip()[len(sent.rstrip()):].strip()
    return None if rest in ("", LAST[dialect]) else "%r follows" % rest


def text_of(parts, *types):
    return "".join(p.get("text") or "" for p in parts if p["type"] in types)


def calls_of(parts):
    """The calls; a whole Messages reply has no place for arguments that are no object,
    such as those of a call that was cut off, and says {}."""
    def value(text):
        try:
            found = json.loads(text or "{}")
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {}
    return [(p["name"], value(p["arguments"])) for p in parts if p["type"] == "tool_call"]


def wrong_meaning(want, have, dialect, other):
    """What the translation of a whole reply does not say any more."""
    if have["state"] != "sealed":
        return "is %s: %s" % (have["state"], have["error"])
    # Refusals are text to Messages.
    for types in (("text", "refusal"), ("reasoning",)):
        if text_of(want["parts"], *types) != text_of(have["parts"], *types):
            return "%s: %r instead of %r" % (types, text_of(have["parts"], *types)[:200],
                                             text_of(want["parts"], *types)[:200])
    if calls_of(want["parts"]) != calls_of(have["parts"]):
        return "calls: %s instead of %s" % (calls_of(have["parts"]),
                                            calls_of(want["parts"]))
    reason = want["stop_reason"]
    right = {reason, SAME_WORD[dialect, other].get(reason, reason)}
    if have["stop_reason"] not in right:
        return "stopped for %s instead of %s" % (have["stop_reason"], right)
    for name in ("input_tokens", "output_tokens"):
        figure = want["usage"].get(name)
        if figure is not None and have["usage"].get(name) != figure:
            either = (want.get("usage_either") or {}).get(name)
            if have["usage"].get(name) != either:
                return "%s: %s instead of %s" % (name, have["usage"].get(name), figure)
    return None


def wrong_end(dialect, stream, answer):
    """A reply that did not end well does not look as if it had."""
    if not answer["bytes"]:
        return None
    if not stream:
        return "a document of a reply that failed"
    if LAST[dialect] in answer["bytes"] or '"error"' not in answer["bytes"]:
        return "ends as if all were well: %r" % answer["bytes"][-200:]
    return None


@unittest.skipIf(FOLDER is None, "no recordings: set AICHAT_RECORDINGS to their folder")
class Exchanges(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.records = []
        for _, rec in oracle.recordings(FOLDER):
            dialect, _ = oracle.classify(rec)
            if dialect is not None:
                cls.records.append((rec, dialect, oracle.decode(rec)))

    def answers(self, caller_of):
        with Fakellm(recordings=FOLDER, max_seconds=SECONDS + 60) as llm:
            return run_client(["%s %s %s %d %s\n" % (
                DIALECTS[caller_of(dialect)], DIALECTS[dialect],
                llm.rec(rec["id"], v1=dialect == "chat"), bool(rec["stream"]),
                preset_of(rec)) for rec, dialect, _ in self.records])

    def check_all(self, caller_of, wrong):
        self.assertEqual(len(self.records), RECORDINGS)
        found, ended = [], 0
        for (rec, dialect, want), answer in zip(self.records, self.answers(caller_of)):
            if answer["code"] == 0:
                ended += 1
                problem = wrong(rec, dialect, want, answer["bytes"])
                if want["state"] != "sealed":
                    problem = "is whole, though it is %s" % want["state"]
            else:
                problem = wrong_end(caller_of(dialect), rec["stream"], answer)
                if want["state"] == "sealed":
                    problem = "failed with %d: %s" % (answer["code"], answer["bytes"][-200:])
            if problem:
                found.append("%s: %s" % (rec["id"], problem))
        if found:
            self.fail("%d of %d differ:\n%s" % (len(found), len(self.records),
                                               "\n".join(found[:60])))
        self.assertGreater(ended, 1500)

    def test_forwarded(self):
        self.check_all(lambda dialect: dialect,
                       lambda rec, dialect, want, got: wrong_bytes(rec, dialect, got))

    def test_translated(self):
        def wrong(rec, dialect, want, got):
            other = OTHER[dialect]
            kind = "text/event-stream" if rec["stream"] else "application/json"
            have = oracle.decode_body(other, 200, kind, got.encode())
            return wrong_meaning(want, have, dialect, other)
        self.check_all(OTHER.get, wrong)


if __name__ == "__main__":
    if not (CLIENT and os.environ.get("FAKELLM")):
        sys.exit("EXCHANGE_CLIENT and FAKELLM must name the two programs")
    unittest.main(verbosity=1)
