"""Every error that a public function documents is provoked by a test, and the reverse.

A test provokes the error CODE of a function when it asserts it, as one of

    expect(aichat_function(...), CODE);
    ck_assert_int_eq(aichat_function(...), CODE);
    expect_no_memory(aichat_function(...));         AICHAT_ENOMEM

In place of CODE a parameter of the function that the assertion stands in will do: it
stands for all codes that the function is called with in the same file.
"""

import os
import re
import sys

import cdecl
import lint

CODE = re.compile(r"AICHAT_E(?!VENT)[A-Z0-9]+\b")
ASSERTION = re.compile(r"\b(expect|ck_assert_int_eq|expect_no_memory)\s*\(")
CALL = re.compile(r"\(*(aichat_\w+)\s*\(")
DEFINITION = re.compile(r"^(?:\w[\w *]*?\b(\w+)\(([^;{}]*?)\)|START_TEST\((\w+)\))\n\{(.*?)^\}",
                        re.M | re.S)

# What any call may return, and entries do not repeat: see <aichat/error.h>.
GENERAL = {"AICHAT_EINVAL", "AICHAT_EINTERNAL"}


def documented(path, text):
    """(function, code) -> where, for each code that an @return lists."""
    found = {}
    for function in cdecl.functions(path, text):
        returns = re.search(r"@return\b(.*?)(?:\n\s*\*\s*\n|\*/)", function.doc or "", re.S)
        for code in CODE.findall(returns.group(1) if returns else ""):
            found[function.name, code] = function.where
    return found


def arguments(text, start):
    """The arguments of a call whose opening parenthesis is at start."""
    depth = 0
    for end in range(start, len(text)):
        depth += (text[end] in "([{") - (text[end] in ")]}")
        if depth == 0:
            return cdecl.split(text[start + 1:end])
    return []


def provoked(text):
    """The pairs of function and code that a test asserts."""
    text = lint.without_comments(text, strings=False)
    bodies = [(match.group(1) or match.group(3), cdecl.split(match.group(2) or ""),
               match.group(4)) for match in DEFINITION.finditer(text)]

    def values(function, parameters, word, seen=()):
        """The codes that a word of a body stands for."""
        if CODE.fullmatch(word):
            return {word}
        names = [parameter.split(" ")[-1].lstrip("*") for parameter in parameters]
        if word not in names or function in seen:
            return set()
        found = set()
        for caller, own, body in bodies:
            for match in re.finditer(r"\b" + function + r"\s*\(", body):
                given = arguments(body, match.end() - 1)
                if len(given) == len(names):
                    found |= values(caller, own, given[names.index(word)],
                                    (*seen, function))
        return found

    found = set()
    for function, parameters, body in bodies:
        for match in ASSERTION.finditer(body):
            given = arguments(body, match.end() - 1)
            if match.group(1) == "expect_no_memory":
                given = [*given[:1], "AICHAT_ENOMEM"]
            call = CALL.match(given[0]) if len(given) == 2 else None
            if call:
                found |= {(call.group(1), code)
                          for code in values(function, parameters, given[1])}
    return found


def problems(wanted, tested):
    known = {name for name, _ in wanted}
    for (name, code), where in wanted.items():
        if (name, code) not in tested:
            yield (f"{where}: {name} documents {code}, and no test provokes it: "
                   f"expect({name}(...), {code})")
    for (name, code), where in sorted(tested.items()):
        if name in known and (name, code) not in wanted and code not in GENERAL:
            yield f"{where}: {name} returns {code}, and its entry does not say so"


def read_tests(paths):
    """(function, code) -> the test file."""
    found = {}
    for path in paths:
        for pair in provoked(lint.read(path)):
            found.setdefault(pair, path)
    return found


def check_itself():
    folder = os.path.join("tests", "lint", "samples", "errors")
    wanted = documented("errors.h", lint.read(folder + ".h"))
    found = list(problems(wanted, read_tests([folder + ".c"])))
    for words in ("aichat_one documents AICHAT_EUTF8", "aichat_two documents AICHAT_ENOMEM",
                  "aichat_two returns AICHAT_ESTATE"):
        if sum(words in problem for problem in found) != 1 or len(found) != 3:
            sys.exit(f"the lint itself is broken: not once '{words}', or more: {found}")


def main():
    check_itself()
    wanted = {}
    for path in lint.files(".h"):
        if path.startswith("include/"):
            wanted.update(documented(path, lint.read(path)))
    tested = read_tests(path for path in lint.files(".c") if path.startswith("tests/"))
    print(f"{len(wanted)} errors are documented, "
          f"{sum(pair in tested for pair in wanted)} of them provoked by a test")
    lint.finish(problems(wanted, tested))


if __name__ == "__main__":
    sys.exit(main())
