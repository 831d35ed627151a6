"""An independent reader of recorded provider traffic.

It says what the final message of a reply must be, for the two dialects Chat Completions and
Messages. It shares no code with the library and was written from the protocols' facts
alone, so that an agreement of both means something. Python's standard library only.

    classify(rec) -> ("chat"|"messages", None) or (None, reason to skip it)
    decode(rec)   -> the neutral result, described in ../fixtures/README.md
"""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import wire_chat                                                    # noqa: E402
import wire_messages                                                # noqa: E402
import wire_sse                                                     # noqa: E402
from wire_common import make_error, protocol_error, result          # noqa: E402

FILES = ("anthropic.jsonl", "openai-chat.jsonl", "openai-compatible.jsonl",
         "response-only.jsonl")

_SKIP_PATHS = (
    (re.compile(r"/messages/count_tokens$"), "counts tokens"),
    (re.compile(r"/messages/batches"), "message batches"),
    (re.compile(r"/files(/|$)"), "files"),
    (re.compile(r"/batches(/|$)"), "batches"),
    (re.compile(r"/responses(/|$)"), "Responses API"),
    (re.compile(r"/embeddings$"), "embeddings"),
    (re.compile(r"/models(/[^/]*)?$"), "models list"),
    (re.compile(r"/fim/completions$"), "fill in the middle"),
    (re.compile(r"/agents/completions$"), "Mistral agents API"),
    (re.compile(r"/chat/completions$"), None),
    (re.compile(r"/completions$"), "legacy completions"),
    (re.compile(r"/complete$"), "legacy completions"),
)


def recordings_dir():
    """The folder with the recordings, or None where it is absent."""
    here = os.path.dirname(os.path.abspath(__file__))
    default = os.path.join(here, "..", "..", "..", "shared", "recordings")
    path = os.environ.get("AICHAT_RECORDINGS") or default
    return os.path.normpath(path) if os.path.isdir(path) else None


def recordings(folder):
    """Every line of the files that hold one of the two dialects, as (file, record)."""
    for name in FILES:
        with open(os.path.join(folder, name), encoding="utf-8") as lines:
            for line in lines:
                yield name, json.loads(line)


def header(rec, name):
    for key, value in (rec["response"].get("headers") or {}).items():
        if key.lower() == name:
            return value
    return None


def _classify_body(body, status):
    """Which dialect a reply without its request is in."""
    if re.search(r'"object"\s*:\s*"response"|"type"\s*:\s*"response\.', body):
        return None, "Responses API"
    if re.search(r'"choices"\s*:', body):
        return "chat", None
    if re.search(r'"type"\s*:\s*"message(_start)?"', body):
        return "messages", None
    if status >= 400:
        return None, "an error reply whose dialect nothing tells"
    return None, "neither dialect"


def classify(rec):
    request = rec.get("request")
    if not request:
        return _classify_body(rec["response"]["body_text"], rec["response"]["status"])
    path = request["path"]
    for pattern, reason in _SKIP_PATHS:
        if pattern.search(path):
            if reason is not None:
                return None, reason
            break
    if request["method"] != "POST":
        return None, "not a POST"
    if path.endswith("/chat/completions"):
        return "chat", None
    if path.endswith("/messages"):
        return "messages", None
    return None, "another endpoint"


def is_stream(content_type, body):
    """Is the reply a stream? Its content type says so; where there is none, its looks."""
    if content_type:
        return content_type.split(";")[0].strip().lower() == "text/event-stream"
    return not body.lstrip()[:1] in (b"{", b"[")


def decode_body(dialect, status, content_type, body, options=None):
    """The neutral result of BODY (bytes), answered with STATUS and CONTENT_TYPE."""
    options = options or {}
    text = body.decode("utf-8", "replace")
    if not 200 <= status <= 299:
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        return result("failed", [], None, None, {}, None,
                      make_error(document, status, text))
    if is_stream(content_type, body):
        found, truncated = wire_sse.read(body)
        if dialect == "chat":
            return wire_chat.decode_stream(found, truncated, options)
        return wire_messages.decode_stream(found, truncated)
    try:
        document = json.loads(text)
    except ValueError:
        return result("failed", [], None, None, {}, None,
                      protocol_error("the reply is not JSON"))
    if dialect == "chat":
        return wire_chat.decode_reply(document, options)
    return wire_messages.decode_reply(document)


def decode(rec):
    dialect, reason = classify(rec)
    if dialect is None:
        raise ValueError("%s: not decoded: %s" % (rec["id"], reason))
    response = rec["response"]
    return decode_body(dialect, response["status"], header(rec, "content-type"),
                       response["body_text"].encode("utf-8", "surrogatepass"))


def main(arguments):
    """Print what the oracle says: all recordings, or those whose id contains a word."""
    folder = recordings_dir()
    if folder is None:
        print("no recordings", file=sys.stderr)
        return 77
    for _, rec in recordings(folder):
        if arguments and not any(word in rec["id"] for word in arguments):
            continue
        dialect, reason = classify(rec)
        if dialect is None:
            print(json.dumps({"id": rec["id"], "skipped": reason}))
        else:
            print(json.dumps(dict(decode(rec), id=rec["id"], dialect=dialect),
                             ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
