"""Every recording of the two dialects, through the library, compared with the oracle.

fakellm sends what the provider sent, whole and cut into odd pieces; the library's final
message must be what the oracle says, however the bytes were cut. Skips, and says so, where
the recordings are absent.
"""

import collections
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import compare                                                      # noqa: E402
import oracle                                                       # noqa: E402
from fakellm import Fakellm                                         # noqa: E402

FOLDER = oracle.recordings_dir()
CLIENT = os.environ.get("REPLAY_CLIENT")

TOTAL = 2298
SKIPPED = 279           # by reason: see test_oracle.py
REPLAYED = 2019
ODD_CHUNK = 7
SINGLE_BYTES = 50       # recordings that are also sent byte by byte
SINGLE_BYTES_MAX = 20000
SECONDS = 240           # far more than it takes

DIALECTS = {"chat": "openai-chat", "messages": "anthropic-messages"}
# Only these need to be told which provider it is.
PRESETS = {"openai-compatible:xai": "xai"}


def preset_of(rec):
    body = rec["response"]["body_text"]
    if rec["provider"] == "openai-compatible:unnamed" and '"grok' in body:
        return "xai"
    return PRESETS.get(rec["provider"], "-")


class Job:
    def __init__(self, llm, rec, dialect, chunk):
        self.rec = rec
        self.chunk = chunk
        options = "chunk/%d" % chunk if chunk else ""
        url = llm.rec(rec["id"], options, v1=dialect == "chat")
        self.line = "%s %s %d %s" % (DIALECTS[dialect], url, bool(rec["stream"]),
                                     preset_of(rec))
        self.name = rec["id"] + (" in pieces of %d" % chunk if chunk else "")


def run_client(jobs):
    """The answers of the client, one for each job."""
    text = "".join(job.line + "\n" for job in jobs)
    run = subprocess.run([CLIENT], input=text.encode(), stdout=subprocess.PIPE,
                         timeout=SECONDS)
    answers = [None] * len(jobs)
    for line in run.stdout.decode().splitlines():
        answer = json.loads(line)
        answers[answer["job"]] = answer
    return run.returncode, answers


def without_identity(event):
    """The event without what differs from run to run."""
    event = json.loads(json.dumps(event))
    for message in [event.get("message") or {}] + (event.get("messages") or []):
        for name in ("id", "created_at", "provider", "parent_id"):
            message.pop(name, None)
    for name in ("seq", "message_id", "id", "reply_id", "created_at"):
        event.pop(name, None)
    return event


@unittest.skipIf(FOLDER is None, "no recordings: set AICHAT_RECORDINGS to their folder")
class Replay(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.total = cls.skipped = 0
        cls.records = []        # (rec, dialect, what the oracle says)
        for _, rec in oracle.recordings(FOLDER):
            cls.total += 1
            dialect, _ = oracle.classify(rec)
            if dialect is None:
                cls.skipped += 1
            else:
                cls.records.append((rec, dialect, oracle.decode(rec)))

    def small(self):
        """Recordings to send byte by byte: streams and others, spread over all of them."""
        fit = [r for r in self.records
               if len(r[0]["response"]["body_text"]) <= SINGLE_BYTES_MAX]
        return fit[::len(fit) // SINGLE_BYTES][:SINGLE_BYTES]

    def test_replay(self):
        self.assertEqual((self.total, self.skipped, len(self.records)),
                         (TOTAL, SKIPPED, REPLAYED))
        expected = {rec["id"]: want for rec, _, want in self.records}
        with Fakellm(recordings=FOLDER, max_seconds=SECONDS + 60) as llm:
            jobs = [Job(llm, rec, dialect, chunk) for chunk in (0, ODD_CHUNK)
                    for rec, dialect, _ in self.records]
            jobs += [Job(llm, rec, dialect, 1) for rec, dialect, _ in self.small()]
            status, answers = run_client(jobs)
        wrong = []
        whole = {}
        replayed = collections.Counter()
        for job, answer in zip(jobs, answers):
            found = self.check(job, answer, expected[job.rec["id"]], whole)
            if found:
                wrong.append("%s: %s" % (job.name, found))
            else:
                replayed[job.chunk] += 1
        print("replayed %s, skipped %d, total %d" % (dict(replayed), self.skipped, self.total),
              file=sys.stderr)
        if wrong:
            self.fail("%d of %d differ:\n%s" % (len(wrong), len(jobs),
                                                "\n".join(wrong[:200])))
        self.assertEqual(status, 0)
        self.assertEqual(dict(replayed),
                         {0: REPLAYED, ODD_CHUNK: REPLAYED, 1: SINGLE_BYTES})

    def check(self, job, answer, want, whole):
        if answer is None:
            return "the client gave no answer"
        if "event" not in answer:
            return answer["failed"]
        event = answer["event"]
        found = compare.diff(want, event)
        if found:
            return found
        if "pieces" in answer:
            return "the events do not make part %d" % answer["pieces"]
        plain = without_identity(event)
        first = whole.setdefault(job.rec["id"], plain)
        if plain != first:
            return "differs from the reply that came whole: %s" % (
                json.dumps(plain)[:300])
        return None


if __name__ == "__main__":
    if FOLDER is not None and not (CLIENT and os.environ.get("FAKELLM")):
        sys.exit("REPLAY_CLIENT and FAKELLM must name the two programs")
    unittest.main(verbosity=1)
