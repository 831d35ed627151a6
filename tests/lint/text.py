"""Functions that are not used here; files, functions and lines that are too long."""

import re
import sys

import lint

MAX_FILE = 800
MAX_FUNCTION = 70
MAX_WIDTH = 90

# Longer ones, with the reason: "path" or "path:function" -> why.
EXCEPTIONS = {
    "bindings/python/aichat/_ffi.py": "generated",
}

# Where a function is banned: everywhere in C, in what we ship, or in the library.
UNSAFE = ("sprintf vsprintf strcpy stpcpy strcat strtok atoi atol atoll gets localtime "
          "gmtime asctime ctime system alloca mktemp tmpnam rand srand").split()
LOCALE = "strtod strtof strtold atof setlocale".split()
HEAP = ("malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf "
        "posix_memalign aligned_alloc").split()
NOISE = ("printf vprintf puts putchar perror exit abort assert signal sigaction "
         "atexit").split()
ENVIRONMENT = "getenv secure_getenv setenv putenv unsetenv".split()

RULES = [
    # (names, where, except where, what to do instead)
    (UNSAFE, r"", r"tests/.*/samples/", "has a safer successor"),
    (LOCALE, r"libaichat/|cli/|server/", r"^$", "depends on the locale"),
    (HEAP, r"libaichat/", r"libaichat/base/mem\.c$", "is aic_...() here"),
    (NOISE, r"libaichat/", r"libaichat/base/fault\.c$", "is not for a library"),
    (ENVIRONMENT, r"libaichat/", r"libaichat/api/config\.c$|libaichat/base/fault\.c$",
     "is for api/config.c alone"),
]

# The one place that prints floats, and puts the point right.
PRINTS_FLOATS = "libaichat/base/json_write.c"
FLOAT_FORMAT = re.compile(r"%[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?L?[aAeEfFgG]")


def function_lengths(text):
    """(name, first line, lines of the body) of each function, by its braces in column 0."""
    lines = text.split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            start = number
        elif line.startswith("}") and start is not None:
            head = " ".join(lines[max(0, start - 8):start - 1])
            names = re.findall(r"(\w+)\s*\(", head.split("}")[-1].split(";")[-1])
            # Attributes may stand before the name.
            names = [name for name in names
                     if name == "START_TEST" or not (name.isupper() or name[:2] == "__")]
            if names and names[0] == "START_TEST":
                names = [head.split("START_TEST(")[-1].split(")")[0]]
            if names:
                yield names[0], start, number - start - 1
            start = None


def check(path, text, used=None):
    used = set() if used is None else used
    lines = text.count("\n")
    if lines > MAX_FILE:
        used.add(path)
        if path not in EXCEPTIONS:
            yield f"{path}: {lines} lines, {MAX_FILE} at most"
    if not path.endswith((".c", ".h")):
        return
    for number, line in enumerate(text.split("\n"), 1):
        width = len(line.expandtabs(8))
        if width > MAX_WIDTH and not re.match(r".*https?://\S+$|#define\s+\w+\s+\"", line):
            yield f"{path}:{number}: {width} columns, {MAX_WIDTH} at most"
    code = lint.without_comments(text, strings=False)
    for name, start, length in function_lengths(code):
        if length > MAX_FUNCTION:
            used.add(f"{path}:{name}")
            if f"{path}:{name}" not in EXCEPTIONS:
                yield f"{path}:{start}: {name}: {length} lines, {MAX_FUNCTION} at most"
    for names, where, besides, reason in RULES:
        if not re.match(where, path) or re.match(besides, path):
            continue
        for match in re.finditer(r"(?<![\w.>])(%s)\s*\(" % "|".join(names), code):
            yield f"{path}:{lint.line_of(code, match.start())}: {match.group(1)} {reason}"
    if path.startswith("libaichat/") and path != PRINTS_FLOATS:
        with_strings = lint.without_comments(text)
        for match in re.finditer(r'"(?:\\.|[^"\\\n])*"', with_strings):
            if FLOAT_FORMAT.search(match.group().replace("%%", "")):
                yield (f"{path}:{lint.line_of(with_strings, match.start())}: "
                       "a float format depends on the locale")


def main():
    lint.expect(check, "banned.c", "has a safer", "has a safer", "has a safer",
                "depends on the locale", "depends on the locale", "is aic_...() here",
                "is aic_...() here", "is not for a library", "is for api/config.c",
                path="libaichat/base/x.c")
    long = "AIC_PRINTF(1, 2)\nstatic int f(void)\n{\n" + "\t;\n" * (MAX_FUNCTION + 1) + "}\n"
    assert len(list(check("x.c", long))) == 1
    assert len(list(check("x.c", long.replace("\t;\n", "", 1)))) == 0
    assert len(list(check("x.c", "\t" * 10 + "/* 12345 */\n"))) == 1
    assert len(list(check("x.py", "\n" * (MAX_FILE + 1)))) == 1

    used = set()
    found = []
    for path in lint.files(".c", ".h", ".py", ".build", ".def", ".sh"):
        found += check(path, lint.read(path), used)
    found += [f"{name}: an exception that nothing needs"
              for name in sorted(set(EXCEPTIONS) - used)]
    lint.finish(found)


if __name__ == "__main__":
    sys.exit(main())
