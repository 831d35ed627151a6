"""The hand-made fixtures in ../fixtures/cases; their layout is told in ../fixtures/README.md."""

import glob
import json
import os

import oracle

CASES = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                      "..", "fixtures", "cases"))
DIALECTS = {"openai-chat": "chat", "anthropic-messages": "messages"}


def _load(path, default=None):
    if default is not None and not os.path.exists(path):
        return default
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Reply:
    """One NAME.body with its NAME.expect.json and NAME.meta.json."""

    def __init__(self, path):
        self.name = os.path.basename(path)[:-len(".body")]
        base = path[:-len(".body")]
        with open(path, "rb") as file:
            self.body = file.read()
        self.expect = _load(base + ".expect.json")
        meta = _load(base + ".meta.json", {})
        default = "anthropic-messages" if self.name.startswith("M-") else "openai-chat"
        self.dialect = meta.get("dialect", default)
        self.stream = meta.get("stream", True)
        self.status = meta.get("status", 200)
        kind = "text/event-stream" if self.stream else "application/json"
        self.content_type = meta.get("content_type", kind)
        self.headers = meta.get("headers", {})
        self.options = meta.get("options", {})
        self.retry = meta.get("retry")

    def decode(self):
        return oracle.decode_body(DIALECTS[self.dialect], self.status, self.content_type,
                                  self.body, self.options)


def replies():
    return [Reply(path) for path in sorted(glob.glob(os.path.join(CASES, "*.body")))]


class Request:
    """One NAME.history.json with its NAME.request.json and NAME.meta.json."""

    def __init__(self, path):
        self.name = os.path.basename(path)[:-len(".history.json")]
        base = path[:-len(".history.json")]
        self.history = _load(path)
        self.request = _load(base + ".request.json")
        self.meta = _load(base + ".meta.json")
        self.target = self.meta["target"]
        self.compare = self.meta["compare"]


def requests():
    return [Request(path) for path in sorted(glob.glob(os.path.join(CASES, "*.history.json")))]


def comparable(result):
    """A result without the members that are absent or say nothing."""
    return {k: v for k, v in result.items() if v not in (None, {}, [])}
