"""Server-sent events, read from a whole body.

Written from the WHATWG rules and the habits of the official SDKs, not from the library's
parser: this is the second opinion that the library is compared with.
"""

import json
import re

_LINE_END = re.compile("\r\n|\n|\r")


def _is_payload(data):
    """Is an event that the body's end cut short whole nevertheless?"""
    if data.strip().startswith("[DONE]"):
        return True
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


def read(body):
    """Return (list of (name, data), truncated) for BODY (bytes)."""
    text = body.decode("utf-8", "replace")
    if text.startswith("\ufeff"):
        text = text[1:]
    lines = _LINE_END.split(text)
    last = lines.pop()      # what follows the last line end: "" if the body ends with one
    found = []
    name = None
    data = []

    def take(line):
        nonlocal name
        if line.startswith(":"):
            return
        field, _, value = line.partition(":")
        if value.startswith(" "):
            value = value[1:]
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value

    for line in lines:
        if line == "":
            joined = "\n".join(data)
            if joined:
                found.append((name, joined))
            name = None
            data = []
        else:
            take(line)
    if last != "":
        take(last)
    truncated = False
    joined = "\n".join(data)
    if joined:
        if _is_payload(joined):
            found.append((name, joined))
        else:
            truncated = True
    return found, truncated
