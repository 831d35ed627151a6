"""Every recording and every fixture of the two dialects, decoded without a network.

What the library's decoder builds must be what the oracle says (tests/oracle), however the
bytes of a stream are cut. The recordings are skipped, saying so, where they are absent.

usage: test_decode.py DECODE_LINES [WORD...]   (WORD: only ids that contain it)
"""

import collections
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))

import compare                                                      # noqa: E402
import fixtures                                                     # noqa: E402
import oracle                                                       # noqa: E402

NAMES = {"chat": "openai-chat", "messages": "anthropic-messages"}
THINK_TAGS, DEDUPE, OUTPUT_WITHOUT_REASONING = 1 << 8, 1 << 9, 1 << 11
RECORDINGS = 2019       # of both dialects; see tests/oracle/test_oracle.py for the others
BYTEWISE_MAX = 20000


class Decoder:
    """The library's decoders behind a pipe."""

    def __init__(self, program):
        self.pipe = subprocess.Popen([program], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE)

    def decode(self, dialect, status, stream, body, quirks, cut):
        line = json.dumps({"dialect": dialect, "status": status, "stream": stream,
                           "quirks": quirks, "cut": cut, "body": body})
        self.pipe.stdin.write(line.encode("utf-8") + b"\n")
        self.pipe.stdin.flush()
        answer = self.pipe.stdout.readline()
        if not answer:
            raise SystemExit("the decoder died")
        return json.loads(answer)

    def close(self):
        self.pipe.stdin.close()
        return self.pipe.wait()


def cuts_of(stream, body):
    if not stream:
        return [0]
    return [0, 7, 1] if len(body) <= BYTEWISE_MAX else [0, 61]


def check(decoder, name, dialect, status, stream, body, quirks, expected, model):
    found = []
    for cut in cuts_of(stream, body):
        got = decoder.decode(dialect, status, stream, body, quirks, cut)
        line = compare.diff(expected, got, model=model)
        if line is None and expected["state"] == "sealed":
            for number, choice in enumerate(expected.get("choices") or [], 1):
                others = got.get("messages") or []
                if choice["state"] != "sealed":
                    continue
                line = compare.diff(choice, others[number]) if number < len(others) \
                    else "answer %d is missing" % number
                if line and line.startswith("usage."):
                    line = None     # usage belongs to the reply
                if line:
                    break
        if line:
            found.append("%s (pieces of %d): %s" % (name, cut, line))
    return found


def run_fixtures(decoder, words, counts):
    found = []
    for case in fixtures.replies():
        if words and not any(word in case.name for word in words):
            continue
        stream = case.content_type.startswith("text/event-stream")
        quirks = (THINK_TAGS if case.options.get("split_think") else 0) | \
            (DEDUPE if case.options.get("dedupe") else 0) | \
            (OUTPUT_WITHOUT_REASONING if case.options.get("provider") == "xai" else 0)
        counts["fixtures"] += 1
        found += check(decoder, case.name, case.dialect, case.status, stream,
                       case.body.decode("utf-8", "replace"), quirks, case.expect, True)
    return found


def run_recordings(decoder, words, counts):
    folder = oracle.recordings_dir()
    found = []
    if folder is None:
        print("recordings: skipped, they are not here")
        return found
    for _, rec in oracle.recordings(folder):
        if words and not any(word in rec["id"] for word in words):
            continue
        dialect, reason = oracle.classify(rec)
        if dialect is None:
            counts["skipped"] += 1
            continue
        response = rec["response"]
        body = response["body_text"]
        kind = oracle.header(rec, "content-type")
        stream = oracle.is_stream(kind, body.encode("utf-8", "surrogatepass"))
        quirks = OUTPUT_WITHOUT_REASONING if rec["provider"].endswith(":xai") else 0
        counts["recordings"] += 1
        counts[NAMES[dialect]] += 1
        found += check(decoder, rec["id"], NAMES[dialect], response["status"], stream, body,
                       quirks, oracle.decode(rec), True)
    return found


def main(arguments):
    decoder = Decoder(arguments[0])
    counts = collections.Counter()
    found = run_fixtures(decoder, arguments[1:], counts)
    found += run_recordings(decoder, arguments[1:], counts)
    status = decoder.close()
    for line in found:
        print(line)
    print(", ".join("%s %d" % item for item in sorted(counts.items())))
    if not arguments[1:]:
        if counts["recordings"] not in (0, RECORDINGS):
            found.append("recordings")
            print("expected %d recordings" % RECORDINGS)
        if not counts["fixtures"]:
            found.append("fixtures")
    return 1 if found or status else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
