"""OpenAI Chat Completions and those who speak it: what a reply says, from the facts.

A complete reply is fed to the same collector as a stream, as one big delta, so that both
forms obey the same rules.
"""

import json

from wire_common import (Opaque, clean, dig, dump, interrupted_error, is_count,
                         make_error, protocol_error, result, set_count)

STOP = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
NO_USAGE = ({}, {}, {})
# Finish words that mean "the provider failed", not "the model is done".
FAILED_WORDS = ("error", "insufficient_system_resource")


def usage_of(figures):
    """(usage, optional, either) of a usage object.

    optional holds figures under names that only few servers use: a reader may know them.
    either holds a second value that may be right as well, where a server contradicts
    itself.
    """
    usage, optional, either = {}, {}, {}
    prompt = figures.get("prompt_tokens")
    completion = figures.get("completion_tokens")
    total = figures.get("total_tokens")
    if not any(v for v in (prompt, completion, total)):
        return {}, {}, {}   # an all-zero placeholder says nothing
    cached = dig(figures, "prompt_tokens_details", "cached_tokens")
    for alias in ("prompt_cache_hit_tokens", "num_cached_tokens"):
        if cached is None:
            cached = figures.get(alias)
    written = dig(figures, "prompt_tokens_details", "cache_write_tokens")
    reasoning = dig(figures, "completion_tokens_details", "reasoning_tokens")
    if cached is None:
        for alias in ("cached_tokens", "cache_read_input_tokens"):
            set_count(optional, "cached_tokens", figures.get(alias))
    if written is None:
        set_count(optional, "cache_write_tokens", figures.get("cache_creation_input_tokens"))
    if reasoning is None:
        set_count(optional, "reasoning_tokens", figures.get("reasoning_tokens"))
    # xAI counts reasoning beside the completion, and at times the cache beside the prompt.
    if is_count(prompt) and is_count(cached) and cached > prompt:
        prompt += cached
    if is_count(completion) and is_count(reasoning) and reasoning > 0:
        asked = figures.get("prompt_tokens")
        known = is_count(total) and is_count(asked)
        if known and total == asked + completion + reasoning:
            completion += reasoning
        elif reasoning > completion:
            if known and total == asked + completion:
                # Some gateways: more reasoning than output, and a total without it.
                either["output_tokens"] = completion + reasoning
            else:
                completion += reasoning
    set_count(usage, "input_tokens", prompt)
    set_count(usage, "cached_tokens", cached)
    set_count(usage, "cache_write_tokens", written)
    set_count(usage, "output_tokens", completion)
    set_count(usage, "reasoning_tokens", reasoning)
    return usage, optional, either


class _Call:
    def __init__(self, index):
        self.index = index
        self.id = None
        self.name = ""
        self.arguments = ""
        self.opaque = Opaque()

    def part(self):
        part = {"type": "tool_call", "id": self.id, "name": self.name,
                "arguments": clean(self.arguments) if self.arguments.strip() else "{}"}
        if self.opaque:
            part["opaque"] = list(self.opaque)
        return part


class _Think:
    """Splits <think>...</think> out of content whose tags may be cut anywhere."""

    OPEN, CLOSE = "<think>", "</think>"

    def __init__(self):
        self.pending = ""
        self.inside = False

    def feed(self, text):
        self.pending += text
        out = []
        while True:
            tag = self.CLOSE if self.inside else self.OPEN
            at = self.pending.find(tag)
            if at < 0:
                break
            out.append(("reasoning" if self.inside else "text", self.pending[:at]))
            self.pending = self.pending[at + len(tag):]
            self.inside = not self.inside
        keep = 0
        for n in range(1, len(tag)):
            if self.pending.endswith(tag[:n]):
                keep = n
        cut = len(self.pending) - keep
        out.append(("reasoning" if self.inside else "text", self.pending[:cut]))
        self.pending = self.pending[cut:]
        return out

    def end(self):
        rest, self.pending = self.pending, ""
        return [("reasoning" if self.inside else "text", rest)]


class Choice:
    def __init__(self, options=None):
        options = options or {}
        self.parts = []         # dicts, or _Call objects, in order of first appearance
        self.sources = []
        self.calls = []
        self.finish = None
        self.opaque = Opaque()
        self.audio = {}
        self.think = _Think() if options.get("split_think") else None
        self.dedupe = bool(options.get("dedupe"))
        self.seen = ("", "")    # the last content, and all of it

    def _text(self, kind, text):
        if not isinstance(text, str) or text == "":
            return
        last = self.parts[-1] if self.parts else None
        if isinstance(last, dict) and last["type"] == kind:
            last["text"] += text
        else:
            self.parts.append({"type": kind, "text": text})

    def _content(self, content):
        if isinstance(content, str):
            if self.dedupe and content and content in self.seen:
                return
            self.seen = (content, self.seen[1] + content)
            if self.think is None:
                self._text("text", content)
            else:
                for kind, text in self.think.feed(content):
                    self._text(kind, text)
        elif isinstance(content, list):
            for item in content:
                self._content_item(item)
        elif isinstance(content, dict):
            # One server hands out structured output as the object itself.
            self.parts.append({"type": "text", "text": dump(content), "as_json": True})

    def _content_item(self, item):
        if isinstance(item, str):
            self._text("text", item)
            return
        if not isinstance(item, dict):
            return
        kind = item.get("type")
        if kind == "text":
            self._text("text", item.get("text"))
        elif kind == "thinking":
            inner = item.get("thinking")
            if isinstance(inner, str):
                self._text("reasoning", inner)
            for piece in inner if isinstance(inner, list) else []:
                self._text("reasoning", dig(piece, "text"))
        elif kind == "refusal":
            self._text("refusal", item.get("refusal"))
        else:
            self.parts.append({"type": "unknown", "raw": item})

    def _slot(self, fragment, position, several):
        ident = fragment.get("id")
        index = fragment.get("index")
        if not isinstance(ident, str) or ident == "":
            ident = None
        if not isinstance(index, int) or isinstance(index, bool):
            index = None
        by_id = [c for c in self.calls if ident is not None and c.id == ident]
        by_index = [c for c in self.calls if index is not None and c.index == index]
        if by_id and (index is None or any(c.index in (index, None) for c in by_id)):
            return by_id[-1]
        if ident is not None:
            if by_index and by_index[-1].id is None:
                return by_index[-1]
            return self._new_call(index)
        if index is not None:
            return by_index[-1] if by_index else self._new_call(index)
        if several:
            if position < len(self.calls):
                return self.calls[position]
            return self._new_call(None)
        return self.calls[-1] if self.calls else self._new_call(None)

    def _new_call(self, index):
        call = _Call(index)
        self.calls.append(call)
        self.parts.append(call)
        return call

    def _tool_calls(self, fragments):
        fragments = [f for f in fragments if isinstance(f, dict)]
        for position, fragment in enumerate(fragments):
            call = self._slot(fragment, position, len(fragments) > 1)
            if isinstance(fragment.get("id"), str) and fragment["id"]:
                call.id = fragment["id"]
            body = fragment.get("function") or {}
            text = body.get("arguments")
            custom = fragment.get("custom") or {}
            if custom.get("name") or custom.get("input"):
                body, text = custom, custom.get("input")
            if isinstance(body.get("name"), str) and body["name"]:
                call.name = body["name"]
            if isinstance(text, str):
                repeated = self.finish is not None and text == call.arguments
                if not repeated:
                    call.arguments += text
            elif isinstance(text, (dict, list)):
                call.arguments = dump(text)
            call.opaque.collect(fragment.get("extra_content"))

    def feed(self, delta):
        if not isinstance(delta, dict):
            return
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        details = delta.get("reasoning_details")
        if isinstance(reasoning, str) and reasoning:
            self._text("reasoning", reasoning)
        for detail in details if isinstance(details, list) else []:
            if not isinstance(detail, dict):
                continue
            self.opaque.collect(detail.get("signature"))
            self.opaque.collect(detail.get("data"))
            if not reasoning:
                self._text("reasoning", detail.get("text") or detail.get("summary"))
        self._content(delta.get("content"))
        self._text("refusal", delta.get("refusal"))
        if isinstance(delta.get("tool_calls"), list):
            self._tool_calls(delta["tool_calls"])
        legacy = delta.get("function_call")
        if isinstance(legacy, dict) and (legacy.get("name") or legacy.get("arguments")):
            self._tool_calls([{"index": 0, "function": legacy}])
        for note in delta.get("annotations") or []:
            cited = dig(note, "url_citation")
            if isinstance(cited, dict):
                self.sources.append({"type": "source", "url": cited.get("url"),
                                     "title": cited.get("title")})
            elif isinstance(note, dict):
                self.sources.append({"type": "unknown", "raw": note, "optional": True})
        audio = delta.get("audio")
        if isinstance(audio, dict) and any(audio.get(k) for k in ("id", "data", "transcript")):
            if not self.audio:
                self.audio = {"type": "audio", "data": "", "transcript": ""}
                self.parts.append(self.audio)
            self.audio["data"] += audio.get("data") or ""
            self.audio["transcript"] += audio.get("transcript") or ""

    def end(self):
        """The neutral parts, in order."""
        if self.think is not None:
            for kind, text in self.think.end():
                self._text(kind, text)
        out = []
        for part in self.parts:
            if isinstance(part, _Call):
                part = part.part()
            elif "text" in part:
                part = dict(part, text=clean(part["text"]))
            out.append(part)
        return out + self.sources

    def stop_reason(self, parts, complete):
        if any(p["type"] == "tool_call" for p in parts):
            return "tool_calls"
        if not self.finish:
            return "stop" if complete else None
        if self.finish == "stop" and any(p["type"] == "refusal" for p in parts):
            return "refusal"
        return STOP.get(self.finish, "unknown")


def _finish(choices, error, figures, model, complete):
    """Put the result together. COMPLETE: it is whole, and no finish word is a stop."""
    usage, optional, either = figures
    results = []
    for index in sorted(choices) or [0]:
        choice = choices.get(index) or Choice()
        parts = choice.end()
        mine = error
        if mine is None and choice.finish in FAILED_WORDS:
            mine = {"codes": ["PROVIDER_ERROR", "PROVIDER_OVERLOADED"]}
        if mine is not None:
            state = "failed"
        elif choice.finish or complete:
            state = "sealed"
        else:
            state, mine = "interrupted", interrupted_error()
        reason = choice.stop_reason(parts, complete) if state == "sealed" else None
        out = result(state, parts, choice.finish or None, reason, usage, model, mine)
        if choice.opaque:
            out["opaque"] = list(choice.opaque)
        if optional:
            out["usage_optional"] = optional
        if either:
            out["usage_either"] = either
        results.append(out)
    first = results[0]
    if len(results) > 1:
        first["choices"] = results[1:]
    return first


def _is_error(document):
    return bool(document.get("error")) or document.get("object") == "error"


def decode_reply(document, options):
    if isinstance(document, list) and document and isinstance(document[0], dict):
        document = document[0]
    if not isinstance(document, dict):
        return _finish({}, protocol_error("not a JSON object"), NO_USAGE, None, True)
    if _is_error(document):
        return _finish({}, make_error(document), NO_USAGE, None, True)
    listed = document.get("choices")
    if not isinstance(listed, list) or not listed:
        return _finish({}, protocol_error("no choices"), NO_USAGE, None, True)
    choices = {}
    for position, item in enumerate(listed):
        index = item.get("index")
        choice = Choice(options)
        choices[index if is_count(index) else position] = choice
        choice.feed(item.get("message"))
        choice.finish = item.get("finish_reason") or None
    return _finish(choices, None, usage_of(document.get("usage") or {}),
                   document.get("model") or None, True)


def decode_stream(found, truncated, options):
    choices = {}
    usage = NO_USAGE
    model = error = None
    # Usage without any choices is the final accounting: with [DONE] behind it the reply is
    # whole, though OpenAI's own audio streams and Snowflake give no finish_reason.
    accounted = done = False
    for name, data in found:
        if data.strip().startswith("[DONE]"):
            done = True
            break
        try:
            chunk = json.loads(data)
        except ValueError:
            error = make_error({}, None, data) if name == "error" else protocol_error(
                "event data is not JSON")
            break
        if isinstance(chunk, list) and chunk:
            chunk = chunk[0]
        if not isinstance(chunk, dict):
            continue
        if _is_error(chunk) or name == "error":
            error = make_error(chunk)
            for item in chunk.get("choices") or []:
                _choice(choices, item, options).feed(item.get("delta"))
            break
        if model is None and isinstance(chunk.get("model"), str) and chunk["model"]:
            model = chunk["model"]
        for item in chunk.get("choices") or []:
            choice = _choice(choices, item, options)
            choice.feed(item.get("delta"))
            if item.get("finish_reason"):
                choice.finish = item["finish_reason"]
        figures = chunk.get("usage") or dig(chunk, "x_groq", "usage")
        if isinstance(figures, dict):
            got = usage_of(figures)
            if got[0]:
                usage = got
                accounted = accounted or chunk.get("choices") == []
    return _finish(choices, error, usage, model, accounted and done)


def _choice(choices, item, options):
    index = item.get("index")
    if not is_count(index):
        index = 0
    if index not in choices:
        choices[index] = Choice(options)
    return choices[index]
