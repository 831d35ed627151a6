"""Includes point downward only, and outside headers stay where they belong."""

import re
import sys

import lint

# From the bottom to the top; folders on one line do not see each other.
LAYERS = [
    ["base"],
    ["model"],
    ["dialect", "net"],
    ["provider", "store", "archive"],
    ["chat", "account"],
    ["api"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

# Outside header -> where it may be included, tests aside. Inside libaichat/ these are
# the places at which a dependency could be replaced.
OUTSIDE = [
    (r"json-c/", []),
    (r"curl/", [r"libaichat/net/curl\.h$"]),
    (r"sqlite3\.h", [r"libaichat/store/"]),
    (r"confuse\.h", [r"libaichat/api/config\.c$", r"server/config\.c$"]),
    (r"sodium", [r"libaichat/base/", r"libaichat/account/", r"server/"]),
    (r"histedit\.h|editline/|readline/", [r"cli/"]),
    (r"civetweb\.h", [r"server/http/"]),
    (r"libpq", [r"libaichat/store/"]),
    (r"check\.h", []),
]

INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"\n]+)[>\"]", re.M)


def layer_problem(layer, name):
    """Why a file of the layer must not include "name", or None."""
    folder, _, rest = name.partition("/")
    if not rest:
        return f'"{name}" is not written as "LAYER/FILE"'
    if folder not in LEVEL:
        return f'"{name}" is in no layer'
    if layer not in LEVEL:
        return f"{layer} is not a layer"
    if folder == layer or LEVEL[folder] < LEVEL[layer]:
        return None
    where = "beside" if LEVEL[folder] == LEVEL[layer] else "above"
    return f'"{name}" is {where} {layer}'


def check(path, text):
    parts = path.split("/")
    for match in INCLUDE.finditer(lint.without_comments(text)):
        own, name = match.group(1) == '"', match.group(2)
        where = f"{path}:{lint.line_of(text, match.start(1))}: "
        if own:
            if parts[0] == "libaichat":
                problem = layer_problem(parts[1], name)
                if problem:
                    yield where + problem
            elif parts[0] == "include":
                yield where + f'a public header includes <aichat/...>, not "{name}"'
            elif name.split("/")[0] in LEVEL and (
                    parts[0] in ("cli", "server", "examples") or
                    parts[:2] in (["tests", "api"], ["tests", "consumers"])):
                yield where + f'"{name}" is inside the library'
            continue
        for outside, places in OUTSIDE:
            if parts[0] != "tests" and re.match(outside, name) and \
                    not any(re.match(place, path) for place in places):
                yield where + f"<{name}> does not belong here"


def main():
    lint.expect(check, "layers_up.c", "above dialect", "beside dialect",
                "is not written as", "in no layer", *["does not belong here"] * 4,
                path="libaichat/dialect/x.c")
    lint.expect(check, "layers_front.c", "inside the library", "does not belong here",
                path="cli/cmd/x.c")
    lint.finish(problem for path in lint.files(".c", ".h")
                for problem in check(path, lint.read(path)))


if __name__ == "__main__":
    sys.exit(main())
