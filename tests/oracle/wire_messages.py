"""Anthropic Messages: what a reply says, from the protocol's facts."""

import json

from wire_common import (Opaque, clean, dump, interrupted_error, is_count, dig,
                         make_error, protocol_error, result)

STOP = {
    "end_turn": "stop",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "compaction": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context_window",
}

# Fields whose input arrives as fragments of JSON text.
JSON_INPUT = ("tool_use", "server_tool_use", "mcp_tool_use")


def _stop_reason(word, parts):
    if any(p["type"] == "tool_call" for p in parts):
        return "tool_calls"
    if word is None:
        return None
    return STOP.get(word, "unknown")


def _usage(figures):
    usage = {}
    got = [figures.get(k) for k in ("input_tokens", "cache_creation_input_tokens",
                                    "cache_read_input_tokens")]
    if is_count(got[0]):
        usage["input_tokens"] = sum(v for v in got if is_count(v))
    for name, value in (
            ("cached_tokens", figures.get("cache_read_input_tokens")),
            ("cache_write_tokens", figures.get("cache_creation_input_tokens")),
            ("output_tokens", figures.get("output_tokens")),
            ("reasoning_tokens", dig(figures, "output_tokens_details", "thinking_tokens"))):
        if is_count(value):
            usage[name] = value
    return usage


def _part(block, arguments=None):
    """The neutral part of one finished block; ARGUMENTS is the text that deltas brought."""
    kind = block.get("type")
    opaque = Opaque()
    if kind == "text":
        part = {"type": "text", "text": clean(block.get("text") or "")}
        for citation in block.get("citations") or []:
            opaque.collect(citation)
    elif kind == "thinking":
        part = {"type": "reasoning", "text": clean(block.get("thinking") or "")}
        opaque.collect(block.get("signature"))
    elif kind == "redacted_thinking":
        part = {"type": "reasoning", "text": ""}
        opaque.collect(block.get("data"))
    elif kind == "tool_use":
        if arguments is None:
            arguments = dump(block.get("input") if block.get("input") is not None else {})
        part = {"type": "tool_call", "id": block.get("id"), "name": block.get("name"),
                "arguments": arguments if arguments.strip() else "{}"}
        caller = block.get("caller")
        if isinstance(caller, dict) and caller.get("type") != "direct":
            opaque.collect(caller)
    elif kind == "compaction":
        part = {"type": "compaction", "raw": block}
    else:
        part = {"type": "unknown", "raw": block}
    if opaque:
        part["opaque"] = list(opaque)
    return part


def _refusal(details):
    """Why it refused is no block of theirs, but a part: the explanation, and all of it."""
    if not isinstance(details, dict) or details.get("type") != "refusal":
        return []
    opaque = Opaque()
    opaque.collect(details)
    return [{"type": "refusal", "text": clean(details.get("explanation") or ""),
             "opaque": list(opaque)}]


def decode_reply(document):
    if not isinstance(document, dict):
        return result("failed", [], None, None, {}, None,
                      protocol_error("not a JSON object"))
    if document.get("type") == "error" or document.get("error"):
        return result("failed", [], None, None, {}, None, make_error(document, None))
    if not isinstance(document.get("content"), list):
        return result("failed", [], None, None, {}, None,
                      protocol_error("no content"))
    parts = [_part(b) for b in document["content"] if isinstance(b, dict)]
    parts += _refusal(document.get("stop_details"))
    word = document.get("stop_reason")
    out = result("sealed", parts, word, _stop_reason(word, parts),
                 _usage(document.get("usage") or {}), document.get("model"), None)
    if document.get("stop_sequence") is not None:
        out["stop_sequence"] = document["stop_sequence"]
    return out


class _Block:
    def __init__(self, start):
        self.block = dict(start)
        self.fragments = None

    def delta(self, delta):
        kind = delta.get("type")
        block = self.block
        if kind == "text_delta":
            block["text"] = (block.get("text") or "") + (delta.get("text") or "")
        elif kind == "thinking_delta":
            block["thinking"] = (block.get("thinking") or "") + (delta.get("thinking") or "")
        elif kind == "signature_delta":
            block["signature"] = delta.get("signature")
        elif kind == "citations_delta":
            block["citations"] = list(block.get("citations") or []) + [delta.get("citation")]
        elif kind == "input_json_delta":
            self.fragments = (self.fragments or "") + (delta.get("partial_json") or "")
        elif kind == "compaction_delta":
            for name in ("content", "encrypted_content"):
                if name in delta:
                    block[name] = delta[name]

    def part(self):
        kind = self.block.get("type")
        arguments = None
        if self.fragments is not None and self.fragments.strip() and kind in JSON_INPUT:
            arguments = self.fragments
            if kind != "tool_use":
                try:
                    self.block["input"] = json.loads(arguments)
                except ValueError:
                    pass        # cut off: the input stays what the start said
        return _part(self.block, arguments)


def decode_stream(found, truncated):
    blocks = {}
    figures = {}
    model = word = sequence = error = details = None
    started = stopped = False
    for name, data in found:
        try:
            event = json.loads(data)
        except ValueError:
            if name == "error":
                error = make_error({}, None, data)
                break
            if stopped or data.strip().startswith("[DONE]"):
                continue
            error = protocol_error("event data is not JSON")
            break
        if not isinstance(event, dict):
            continue
        kind = event.get("type") or name
        if kind == "error" or name == "error" or event.get("error"):
            error = make_error(event)
            break
        if stopped:
            continue
        if kind == "message_start":
            message = event.get("message") or {}
            started = True
            model = message.get("model") or model
            _overwrite(figures, message.get("usage"))
            for block in message.get("content") or []:
                blocks[len(blocks)] = _Block(block)
        elif not started:
            continue
        elif kind == "content_block_start":
            blocks[event.get("index")] = _Block(event.get("content_block") or {})
        elif kind == "content_block_delta":
            if event.get("index") in blocks:
                blocks[event["index"]].delta(event.get("delta") or {})
        elif kind == "message_delta":
            delta = event.get("delta") or {}
            word = delta.get("stop_reason") or word
            sequence = delta.get("stop_sequence") or sequence
            details = delta.get("stop_details") or details
            _overwrite(figures, event.get("usage"))
        elif kind == "message_stop":
            stopped = True
    parts = [blocks[i].part() for i in blocks] + _refusal(details)
    if error is not None:
        state = "failed"
    elif stopped and word is not None:
        state = "sealed"
    else:
        state, error = "interrupted", interrupted_error()
    reason = _stop_reason(word, parts) if state == "sealed" else None
    out = result(state, parts, word, reason, _usage(figures), model, error)
    if sequence is not None:
        out["stop_sequence"] = sequence
    return out


def _overwrite(figures, usage):
    """message_delta's figures are cumulative: they replace, they are never added."""
    for key, value in (usage or {}).items():
        if value is not None:
            figures[key] = value
