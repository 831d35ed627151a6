"""Does a request body say what a fixture wants it to say?

    diff(pattern, body, members, target) -> None, or one line with the first difference

The pattern is JSON. Objects match if each member that they name matches, others may be
there; arrays match item by item; other values by equality. Where the protocol leaves the
wording to us, an object with one of these members stands for a value:

    {"$any": true}              anything, but there
    {"$absent": true}           not there
    {"$absent_or": V}           not there, or V
    {"$type": "object"}         a value of this JSON type
    {"$contains": S}            a string that contains S
    {"$matches": R}             a string that the expression R matches as a whole
    {"$id": N, "$matches": R}   the same, and each N stands for one string, other N for others
    {"$json": V}                a string that holds the JSON value V
    {"$carries": S}             S is in a string anywhere inside
    {"$only": {...}}            an object with these members and no others
    {"$all": [P, ...]}          all of the patterns

Messages are brought to one form first: text that stands as a string is, in Messages, a list
with one text block; in Chat, a list with one text part is a string.
"""

import json
import re

_ABSENT = object()
_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}


def _short(value):
    if value is _ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else text[:120] + " ... " + text[-30:]


def _is_pattern(value):
    return isinstance(value, dict) and any(key.startswith("$") for key in value)


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


class _Matcher:
    def __init__(self):
        self.ids = {}

    def special(self, want, have, where):
        wrong = "%s: expected %s, got %s" % (where, _short(want), _short(have))
        if "$absent" in want:
            return None if have is _ABSENT else wrong
        if "$absent_or" in want:
            return None if have is _ABSENT else self.diff(want["$absent_or"], have, where)
        if have is _ABSENT:
            return wrong
        if "$any" in want:
            return None
        if "$all" in want:
            for pattern in want["$all"]:
                found = self.diff(pattern, have, where)
                if found:
                    return found
            return None
        if "$only" in want:
            if not isinstance(have, dict) or set(have) != set(want["$only"]):
                return wrong
            return self.diff(want["$only"], have, where)
        if "$type" in want:
            return None if isinstance(have, _TYPES[want["$type"]]) else wrong
        if "$carries" in want:
            return None if any(want["$carries"] in s for s in _strings(have)) else wrong
        if not isinstance(have, str):
            return wrong
        if "$contains" in want:
            return None if want["$contains"] in have else wrong
        if "$json" in want:
            try:
                return self.diff(want["$json"], json.loads(have), where + " (as JSON)")
            except ValueError:
                return wrong
        if not re.fullmatch(want["$matches"], have):
            return wrong
        if "$id" in want:
            known = self.ids.setdefault(want["$id"], have)
            if known != have:
                return "%s: expected %r again, got %r" % (where, known, have)
            if sum(value == have for value in self.ids.values()) > 1:
                return "%s: %r stands for two ids" % (where, have)
        return None

    def diff(self, want, have, where):
        if _is_pattern(want):
            return self.special(want, have, where)
        if isinstance(want, dict) and isinstance(have, dict):
            for key in want:
                found = self.diff(want[key], have.get(key, _ABSENT), where + "." + key)
                if found:
                    return found
            return None
        if isinstance(want, list) and isinstance(have, list):
            for index, item in enumerate(want):
                found = self.diff(item, have[index] if index < len(have) else _ABSENT,
                                  "%s[%d]" % (where, index))
                if found:
                    return found
            if len(have) > len(want):
                return "%s[%d]: not expected: %s" % (where, len(want), _short(have[len(want)]))
            return None
        if have is _ABSENT or type(want) is bool and want is not have or want != have:
            return "%s: expected %s, got %s" % (where, _short(want), _short(have))
        return None


def _one_form(body, target):
    body = json.loads(json.dumps(body))
    for message in body.get("messages") or []:
        blocks = [message]
        if target == "anthropic-messages" and isinstance(message.get("content"), list):
            blocks += [b for b in message["content"] if isinstance(b, dict)]
        for block in blocks:
            content = block.get("content")
            if target == "anthropic-messages" and isinstance(content, str):
                block["content"] = [{"type": "text", "text": content}]
            elif target == "openai-chat" and isinstance(content, list) and \
                    len(content) == 1 and isinstance(content[0], dict) and \
                    content[0].get("type") == "text":
                block["content"] = content[0]["text"]
    return body


def diff(pattern, body, members, target):
    """Compare the MEMBERS of BODY, a request in the dialect TARGET, with PATTERN."""
    matcher = _Matcher()
    pattern = _one_form(pattern, target)
    body = _one_form(body, target)
    for member in members:
        found = matcher.diff(pattern[member], body.get(member, _ABSENT), member)
        if found:
            return found
    return None
