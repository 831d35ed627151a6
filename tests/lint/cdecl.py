"""The function declarations of a public header, with the comment above each."""

import re

import lint

API = re.compile(r"^AICHAT_API\b([^;{}]*?)\b(\w+)\s*\(([^;]*?)\)\s*;", re.M | re.S)


class Function:
    """One `AICHAT_API` function."""

    def __init__(self, path, text, match):
        self.where = f"{path}:{lint.line_of(text, match.start())}"
        self.result = " ".join(match.group(1).split())
        self.name = match.group(2)
        self.parameters = [_name(part) for part in split(match.group(3))]
        before = text[:match.start()].rstrip()
        start = before.rfind("/*")
        documented = before.endswith("*/") and before[start:].startswith("/**")
        self.doc = before[start:] if documented else None


def split(text):
    """The parameters of a list; commas inside parentheses do not count."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    parts = [" ".join(part.split()) for part in parts]
    return [] if parts in ([""], ["void"]) else parts


def _name(parameter):
    """The name of a parameter, or None if it has none."""
    pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)", parameter)
    if pointer:
        return pointer.group(1)
    words = re.findall(r"\w+", re.sub(r"\[[^\]]*\]", "", parameter))
    kinds = {"void", "char", "short", "int", "long", "unsigned", "double", "size_t"}
    if len(words) < 2 or words[-1] in kinds or parameter.endswith("*"):
        return None
    return words[-1]


def functions(path, text):
    """Every public function of a header. Comments are looked at, not into."""
    code = lint.without_comments(text)
    return [Function(path, text, match) for match in API.finditer(code)]
