"""Every recording and fixture of the two dialects through the library.

fakellm sends what the provider sent, whole and cut into odd pieces; the library's final
message must be what the oracle (or the fixture) says, however the bytes were cut. Skips
the recordings, and says so, where they are absent.
"""

import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
from email.utils import formatdate

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import compare                                                      # noqa: E402
import fixtures                                                     # noqa: E402
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
# The fixtures' options, as names of deviations.
QUIRKS = {"split_think": "think_tags", "dedupe": "dedupe"}


def preset_of(rec):
    body = rec["response"]["body_text"]
    if rec["provider"] == "openai-compatible:unnamed" and '"grok' in body:
        return "xai"
    return PRESETS.get(rec["provider"], "-")


class Job:
    """One reply to ask the client for."""

    def __init__(self, name, dialect, url, stream, preset="-", quirk="-"):
        self.name = name
        self.retry = None       # what a fixture says of waiting
        self.line = "%s %s %d %s %s" % (DIALECTS.get(dialect, dialect), url, bool(stream),
                                        preset, quirk)


def recording_job(llm, rec, dialect, chunk):
    options = "chunk/%d" % chunk if chunk else ""
    job = Job(rec["id"] + (" in pieces of %d" % chunk if chunk else ""), dialect,
              llm.rec(rec["id"], options, v1=dialect == "chat"), rec["stream"],
              preset_of(rec))
    job.key = rec["id"]
    job.chunk = chunk
    return job


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
    """The event without what differs from run to run; errors name the job and its URL."""
    event = json.loads(re.sub(r"\bjob[0-9]+\b|http://127.0.0.1[^ )\"]*", "...",
                              json.dumps(event)))
    for message in [event.get("message") or {}] + (event.get("messages") or []):
        for name in ("id", "created_at", "provider", "parent_id"):
            message.pop(name, None)
    for name in ("seq", "message_id", "id", "reply_id", "created_at"):
        event.pop(name, None)
    # A date is turned into a time from then on.
    ((event.get("error") or {}).get("details") or {}).pop("retry_after_ms", None)
    return event


def wrong_wait(retry, event):
    """How long the provider asks to wait must be told as the fixture says."""
    told = ((event.get("error") or {}).get("details") or {}).get("retry_after_ms")
    if retry.get("date"):
        right = told is not None and 0 <= told <= retry["after_ms"]
    else:
        right = told == retry.get("after_ms")
    return None if right else "retry_after_ms: expected %s, got %s" % (
        retry.get("after_ms"), told)


def check_all(test, jobs, expected):
    """Run JOBS and compare each with EXPECTED[job.key]; how many agree, by chunk size."""
    status, answers = run_client(jobs)
    wrong = []
    whole = {}
    agreed = collections.Counter()
    for job, answer in zip(jobs, answers):
        found = check(job, answer, expected[job.key], whole)
        if found:
            wrong.append("%s: %s" % (job.name, found))
        else:
            agreed[job.chunk] += 1
    if wrong:
        test.fail("%d of %d differ:\n%s" % (len(wrong), len(jobs), "\n".join(wrong[:200])))
    test.assertEqual(status, 0)
    return dict(agreed)


def check(job, answer, want, whole):
    """What is wrong with the client's ANSWER; None if nothing is."""
    if answer is None:
        return "the client gave no answer"
    if "event" not in answer:
        return answer["failed"]
    event = answer["event"]
    found = compare.diff(want, event, model=True)
    if found:
        return found
    if job.retry is not None:
        found = wrong_wait(job.retry, event)
        if found:
            return found
    if "pieces" in answer:
        return "the events do not make part %d" % answer["pieces"]
    plain = without_identity(event)
    first = whole.setdefault(job.key, plain)
    if plain != first:
        return "differs from the reply that came whole: %s" % json.dumps(plain)[:300]
    return None


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
            jobs = [recording_job(llm, rec, dialect, chunk) for chunk in (0, ODD_CHUNK)
                    for rec, dialect, _ in self.records]
            jobs += [recording_job(llm, rec, dialect, 1) for rec, dialect, _ in self.small()]
            replayed = check_all(self, jobs, expected)
        print("replayed %s, skipped %d, total %d" % (replayed, self.skipped, self.total),
              file=sys.stderr)
        self.assertEqual(replayed, {0: REPLAYED, ODD_CHUNK: REPLAYED, 1: SINGLE_BYTES})


class FixtureReplay(unittest.TestCase):
    """The hand-made replies through the library, cut into pieces of several sizes."""

    CHUNKS = (0, 1, 2, 7)

    def write(self, folder, name, body, status, headers):
        with open(os.path.join(folder, name + ".http.json"), "w", encoding="utf-8") as file:
            json.dump({"status": status, "headers": headers}, file)
        with open(os.path.join(folder, name + ".body"), "wb") as file:
            file.write(body)

    def jobs_of(self, llm, case):
        quirk = "-"
        for option, name in QUIRKS.items():
            if case.options.get(option):
                quirk = name
        base = "fix/" + case.name + ("/v1" if case.dialect == "openai-chat" else "")
        for chunk in self.CHUNKS:
            url = llm.base(("chunk/%d/" % chunk if chunk else "") + base)
            job = Job("%s in pieces of %d" % (case.name, chunk), case.dialect, url,
                      case.stream, case.options.get("provider", "-"), quirk)
            job.key = case.name
            job.chunk = chunk
            job.retry = case.retry
            yield job

    def test_fixtures(self):
        cases = fixtures.replies()
        with tempfile.TemporaryDirectory(prefix="fixtures-") as folder:
            for case in cases:
                headers = dict(case.headers)
                headers["content-type"] = case.content_type
                for name, value in headers.items():
                    if value == "$NOW+2":
                        headers[name] = formatdate(time.time() + 2, usegmt=True)
                self.write(folder, case.name, case.body, case.status, headers)
            with Fakellm(fixtures=folder, max_seconds=SECONDS + 60) as llm:
                jobs = [job for case in cases for job in self.jobs_of(llm, case)]
                replayed = check_all(self, jobs, {c.name: c.expect for c in cases})
        self.assertEqual(replayed, {chunk: len(cases) for chunk in self.CHUNKS})

    def test_huge(self):
        """S-huge: one event of 20 MiB is read; one above the limit is a clear error."""
        def stream(size):
            text = "tide " * (size // 5)
            return text, ('data: {"model":"m-1","choices":[{"index":0,"delta":{"content":"'
                          + text + '"}}]}\n\ndata: {"choices":[{"index":0,"delta":{},'
                          '"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n').encode()

        text, fits = stream(20 << 20)
        _, above = stream(70 << 20)
        headers = {"content-type": "text/event-stream"}
        with tempfile.TemporaryDirectory(prefix="fixtures-") as folder:
            self.write(folder, "fits", fits, 200, headers)
            self.write(folder, "above", above, 200, headers)
            with Fakellm(fixtures=folder, max_seconds=SECONDS + 60) as llm:
                jobs = [Job(n, "openai-chat", llm.base("fix/%s/v1" % n), True)
                        for n in ("fits", "above")]
                status, answers = run_client(jobs)
        self.assertEqual(status, 0)
        want = {"state": "sealed", "parts": [{"type": "text", "text": text}],
                "stop_reason": "stop", "stop_word": "stop", "usage": {}, "error": None}
        self.assertIsNone(compare.diff(want, answers[0]["event"]))
        event = answers[1]["event"]
        self.assertEqual(event["type"], "error")
        self.assertIn(event["error"]["code"], ("TOO_LARGE", "PROVIDER_PROTOCOL"))


if __name__ == "__main__":
    if not (CLIENT and os.environ.get("FAKELLM")):
        sys.exit("REPLAY_CLIENT and FAKELLM must name the two programs")
    unittest.main(verbosity=1)
