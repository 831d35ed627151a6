"""Compare what the library made of a reply with what the oracle says.

    diff(expected, got) -> None, or one line that names the first difference

EXPECTED is a neutral result (see ../fixtures/README.md). GOT is the library's canonical
message, or its final `done`, `error` or `message` event with the message inside.

Where the protocols leave a choice, this is lenient, and only there: the id of a call that
came without one may be anything; sources are compared among themselves, wherever they
stand; arguments are compared by value if both sides are JSON; empty text and (if none is
expected) empty reasoning does not count; an error may carry any of the codes that fit.
"""

import base64
import binascii
import hashlib
import json
import sys

FINAL_STATES = {"complete": "sealed"}


def unpack(got):
    """(message, state, error) of the library's final event or bare message."""
    kind = got.get("type")
    if kind in ("done", "error", "message"):
        # A reply of several answers lists them all; the first one counts.
        message = (got.get("messages") or [got.get("message")])[0] or {}
        error = got.get("error")
        state = message.get("state") or got.get("state")
        if state in (None, "open") and error is not None:
            state = "interrupted" if error.get("code") == "INTERRUPTED" else "failed"
        return message, FINAL_STATES.get(state, state), error
    return got, FINAL_STATES.get(got.get("state"), got.get("state")), got.get("error")


def _strings(value):
    if isinstance(value, str):
        yield value
        # Raw text inside raw text: a part's raw is JSON in a JSON string.
        if value[:1] in ("{", "["):
            try:
                yield from _strings(json.loads(value))
            except ValueError:
                pass
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _lost(opaque, parts):
    """The first of the OPAQUE strings that the raw texts of PARTS do not carry."""
    if not opaque:
        return None
    raws = [p["raw"] for p in parts if p.get("raw")]
    carried = set(_strings(raws))
    joined = None
    for text in opaque:
        if text in carried:
            continue
        if joined is None:
            joined = "\0".join(carried)
        if text not in joined:
            return text
    return None


def _short(value):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return repr(text if len(text) <= 120 else text[:80] + " ... " + text[-30:])


def _text_diff(where, want, have):
    if want == have:
        return None
    have = have if isinstance(have, str) else ""
    at = next((i for i, (a, b) in enumerate(zip(want, have)) if a != b),
              min(len(want), len(have)))
    return "%s differs at character %d: expected %s, got %s" % (
        where, at, _short(want[max(0, at - 20):at + 40]), _short(have[max(0, at - 20):at + 40]))


def _value(text):
    """TEXT as JSON, or TEXT itself where it is none; empty arguments are {}."""
    if isinstance(text, str) and text.strip() == "":
        return {}
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return text


def _raw_value(part):
    raw = part.get("raw")
    return _value(raw) if isinstance(raw, str) else raw


def _media_diff(where, want, have):
    data = want.get("data")
    if data and have.get("sha256"):
        try:
            digest = hashlib.sha256(base64.b64decode(data)).hexdigest()
        except (binascii.Error, ValueError):
            return None
        if digest != have["sha256"]:
            return "%s: expected the bytes with sha256 %s, got %s" % (
                where, digest, have["sha256"])
    return None


def _part_diff(where, want, have):
    kind = want["type"]
    where = "%s (%s)" % (where, kind)
    if have.get("type") != kind:
        return "%s: got a part of type %s: %s" % (where, have.get("type"), _short(have))
    if kind in ("text", "reasoning", "refusal"):
        if want.get("as_json"):
            if _value(want["text"]) != _value(have.get("text")):
                return "%s: expected the JSON value %s, got %s" % (
                    where, _short(want["text"]), _short(have.get("text")))
        else:
            found = _text_diff(where, want["text"], have.get("text") or "")
            if found:
                return found
    elif kind == "tool_call":
        if want.get("id") is None:
            if not have.get("id"):
                return "%s: no id was made for a call that came without one" % where
        elif want["id"] != have.get("id"):
            return "%s: id: expected %s, got %s" % (where, want["id"], have.get("id"))
        if want["name"] != (have.get("name") or ""):
            return "%s: name: expected %s, got %s" % (where, want["name"], have.get("name"))
        if _value(want["arguments"]) != _value(have.get("arguments") or ""):
            return _text_diff(where + " arguments", want["arguments"],
                              have.get("arguments") or "") or where + ": arguments differ"
    elif kind in ("unknown", "compaction"):
        if _raw_value(want) != _raw_value(have):
            return "%s: raw: expected %s, got %s" % (
                where, _short(want["raw"]), _short(have.get("raw")))
    elif kind == "source":
        titled = dict(have, title=have.get("title") or have.get("name"))
        for name in ("url", "title"):
            if (want.get(name) or "") != (titled.get(name) or ""):
                return "%s: %s: expected %s, got %s" % (
                    where, name, _short(want.get(name)), _short(titled.get(name)))
    else:
        found = _media_diff(where, want, have)
        if found:
            return found
    lost = _lost(want.get("opaque"), [have])
    if lost is not None:
        return "%s: raw does not carry %s" % (where, _short(lost))
    return None


def _counts(part, keep_empty_reasoning):
    kind = part.get("type")
    if kind == "text":
        return bool(part.get("text"))
    if kind == "reasoning":
        return bool(part.get("text")) or keep_empty_reasoning
    return True


def _parts_diff(expected, got):
    wanted = expected.get("parts") or []
    lost = _lost(expected.get("opaque"), got)
    if lost is not None:
        return "no part's raw carries %s" % _short(lost)
    empties = any(p["type"] == "reasoning" and not p["text"] for p in wanted)
    wanted = [p for p in wanted if _counts(p, True)]
    got = [p for p in got if _counts(p, empties)]
    for is_source in (False, True):
        want = [p for p in wanted if (p["type"] == "source") == is_source]
        have = [p for p in got if (p.get("type") == "source") == is_source]
        what = "source" if is_source else "part"
        at = 0
        for index, part in enumerate(want):
            if at >= len(have):
                if part.get("optional"):
                    continue
                return "%s %d is missing: %s" % (what, index, _short(part))
            found = _part_diff("%s %d" % (what, index), part, have[at])
            if found and part.get("optional"):
                continue
            if found:
                return found
            at += 1
        if at < len(have):
            return "%s %d was not expected: %s" % (what, at, _short(have[at]))
    return None


def _usage_diff(expected, got):
    wanted = expected.get("usage") or {}
    optional = expected.get("usage_optional") or {}
    either = expected.get("usage_either") or {}
    for name, value in wanted.items():
        if got.get(name) != value and (name not in either or got.get(name) != either[name]):
            return "usage.%s: expected %s, got %s" % (name, value, got.get(name))
    for name, value in got.items():
        if name in wanted:
            continue
        if name in optional and value == optional[name]:
            continue
        return "usage.%s: the provider said nothing, got %s" % (name, value)
    return None


def _squeeze(text):
    return " ".join("".join(c if c >= " " else " " for c in text).split())


def _error_diff(want, have):
    if not have:
        return "an error was expected: %s" % "/".join(want["codes"])
    if have.get("code") not in want["codes"]:
        return "error code: expected %s, got %s (%s)" % (
            " or ".join(want["codes"]), have.get("code"), have.get("message"))
    details = have.get("details") or {}
    status = details.get("http_status", details.get("status"))
    if status and want.get("status") and status != want["status"]:
        return "error status: expected %s, got %s" % (want["status"], status)
    word = details.get("provider_code")
    words = want.get("provider_words")
    if word is not None and words is not None and str(word) not in words:
        return "error provider_code: expected %s, got %s" % (" or ".join(words), word)
    message = _squeeze(have.get("message") or "")
    if not message:
        return "the error has no message"
    for text in (want.get("message"), want.get("excerpt")):
        if text and _squeeze(text)[:24] not in message:
            return "error message: %s does not say %s" % (_short(message), _short(text))
    return None


def diff(expected, got, model=False):
    """None if GOT is what EXPECTED says, else one line with the first difference.

    MODEL: compare the model's name, too (a library that is asked for another name than
    the recorded client asked for may report either).
    """
    message, state, error = unpack(got)
    if state != expected["state"]:
        return "state: expected %s, got %s%s" % (
            expected["state"], state,
            " (%s: %s)" % (error.get("code"), error.get("message")) if error else "")
    found = _parts_diff(expected, message.get("parts") or [])
    if found:
        return found
    if expected["state"] == "sealed":
        if expected["stop_reason"] != message.get("stop_reason"):
            return "stop_reason: expected %s, got %s" % (
                expected["stop_reason"], message.get("stop_reason"))
        for name in ("stop_word", "stop_sequence"):
            if message.get(name) is not None and message[name] != expected.get(name):
                return "%s: expected %s, got %s" % (name, expected.get(name), message[name])
    found = _usage_diff(expected, message.get("usage") or {})
    if found:
        return found
    if model and expected.get("model") and message.get("model") != expected["model"]:
        return "model: expected %s, got %s" % (expected["model"], message.get("model"))
    if expected.get("error"):
        return _error_diff(expected["error"], error)
    if error:
        return "no error was expected, got %s: %s" % (error.get("code"), error.get("message"))
    return None


def main(arguments):
    if len(arguments) != 2:
        print("usage: compare.py EXPECTED.json GOT.json", file=sys.stderr)
        return 2
    with open(arguments[0], encoding="utf-8") as one, open(arguments[1], encoding="utf-8") as two:
        found = diff(json.load(one), json.load(two))
    if found:
        print(found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
