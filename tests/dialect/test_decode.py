"""Every recording and every fixture of the two dialects, decoded without a network.

What the library's decoder builds must be what the oracle says (tests/oracle), however the
bytes of a stream are cut. The requests of Chat Completions that a provider took are read
as a caller's and written again: nothing that counts may be lost. The recordings are
skipped, saying so, where they are absent.

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
REQUESTS = 1145         # that name their model: Azure has it in the path
BYTEWISE_MAX = 20000


class Decoder:
    """The library's decoders behind a pipe."""

    def __init__(self, program):
        self.pipe = subprocess.Popen([program], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE)

    def decode(self, dialect, status, stream, body, quirks, cut):
        return self.ask({"dialect": dialect, "status": status, "stream": stream,
                         "quirks": quirks, "cut": cut, "body": body})

    def pass_on(self, dialect, body):
        return self.ask({"dialect": dialect, "request": True, "body": json.dumps(body)})

    def ask(self, question):
        line = json.dumps(question)
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


def plain_message(message):
    """A message without what may be said in two ways, or is no part of the protocol."""
    out = {k: v for k, v in message.items() if v not in (None, [], "")}
    out["role"] = "system" if out["role"] == "developer" else out["role"]
    for name in ("name", "prefix", "reasoning", "reasoning_content", "reasoning_details",
                 "annotations", "cache_control"):
        out.pop(name, None)
    content = out.pop("content", None)
    if isinstance(content, list):
        content = [{k: v for k, v in part.items() if v is not None} for part in content]
        for part in content:
            if isinstance(part.get("image_url"), str):
                part["image_url"] = {"url": part["image_url"]}
        if out["role"] in ("assistant", "tool") or len(content) == 1 \
                and set(content[0]) == {"type", "text"}:
            content = "".join(part.get("text", "[media]") for part in content)
    if out["role"] == "tool" and "that follows]" in (content or ""):
        content = "[media]"
    if content:
        out["content"] = content
    for call in out.get("tool_calls", []):
        call.pop("index", None)
        call.setdefault("type", "function")
        call["function"] = {k: v for k, v in call["function"].items()
                            if k in ("name", "arguments")} if "function" in call else None
    return out


def request_diff(body, got):
    """None, or what was lost of the request BODY."""
    if "error" in got:
        return got["error"]
    renamed = {"max_tokens": "max_completion_tokens", "functions": "tools",
               "function_call": "tool_choice"}
    loose = {"messages", "stream", "stream_options", "stop", "functions", "function_call",
             "response_format", "tools"}
    for name, value in body.items():
        name = renamed.get(name, name)
        if value not in (None, []) and name not in loose and got.get(name) != value \
                and name != "tool_choice":
            return "%s: %r became %r" % (name, value, got.get(name))
    if len(body.get("tools") or body.get("functions") or []) != len(got.get("tools", [])):
        return "tools are missing"
    if bool(body.get("stream")) != bool(got.get("stream")):
        return "stream differs"
    if any(m.get("function_call") or m["role"] == "function" for m in body["messages"]):
        return None
    # Images of results go into a message of their own.
    wanted = [plain_message(m) for m in body["messages"]]
    have = [plain_message(m) for m in got["messages"]]
    if len(have) > len(wanted):
        have = [m for m in have if "From the tool results above:" not in json.dumps(m)]
    for number, (one, two) in enumerate(zip(wanted, have)):
        if one != two:
            return "messages[%d]: %.200s became %.200s" % (number, one, two)
    return None if len(wanted) == len(have) else "%d messages became %d" % (
        len(wanted), len(have))


def run_requests(decoder, words, counts):
    folder = oracle.recordings_dir()
    found = []
    for _, rec in oracle.recordings(folder) if folder else []:
        body = (rec.get("request") or {}).get("body")
        if oracle.classify(rec)[0] != "chat" or rec["response"]["status"] != 200 or \
                not body or not body.get("model"):
            continue
        if words and not any(word in rec["id"] for word in words):
            continue
        counts["requests"] += 1
        line = request_diff(body, decoder.pass_on("openai-chat", body))
        if line:
            found.append("%s (request): %s" % (rec["id"], line))
    return found


def main(arguments):
    decoder = Decoder(arguments[0])
    counts = collections.Counter()
    found = run_fixtures(decoder, arguments[1:], counts)
    found += run_recordings(decoder, arguments[1:], counts)
    found += run_requests(decoder, arguments[1:], counts)
    status = decoder.close()
    for line in found:
        print(line)
    print(", ".join("%s %d" % item for item in sorted(counts.items())))
    if not arguments[1:]:
        if counts["recordings"] not in (0, RECORDINGS):
            found.append("recordings")
            print("expected %d recordings" % RECORDINGS)
        if counts["requests"] not in (0, REQUESTS):
            found.append("requests")
            print("expected %d requests" % REQUESTS)
        if not counts["fixtures"]:
            found.append("fixtures")
    return 1 if found or status else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
