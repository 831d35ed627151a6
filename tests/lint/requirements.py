"""What docs/requirements.md and docs/module-spec.md claim: statuses, tests that exist.

A requirement is an item `- **FR-BE-001** ...` that ends with

    Status: done. Tests: tests/api/test_send.c:messages, tests/cli/test_ask.py:test_retry.
    Status: partial. Missing: what is not there. Tests: ...
    Status: planned.

and a test is a file and a function in it. The endpoint table of the specification has
every route of the daemon, and no other but those that are proposed.
"""

import re

import lint

REQUIREMENTS = "docs/requirements.md"
SPECIFICATION = "docs/module-spec.md"
ITEM = re.compile(r"^- \*\*((?:FR|NFR|ERR|SC|EP)-[A-Z0-9-]+)\*\*", re.M)
STATUS = re.compile(r"Status: (\w+)\.(?: Missing: (.*?\.))?(?: Tests: (.*)\.)?$")
TEST_NAME = re.compile(r"([\w/.-]+\.(?:c|py)):(\w+)")
ROUTE = re.compile(r"\.method\s*=\s*\"([A-Z]+)\"\s*,\s*\.path\s*=\s*\"([^\"]+)\"", re.S)
# A row that a macro makes, as those of plain files are.
FILE_ROUTE = re.compile(r"^\t[A-Z_]+\(\"(/[^\"]+)\"", re.M)
ROW = re.compile(r"^\| (EP-\d+[a-z]*) \| ([A-Z]+) \| `([^`]+)` \|.*\| (\w+) \|[^|]*\|$", re.M)
ENDPOINT_STATUSES = {"proposed", "in_progress", "implemented", "tested", "accepted"}


def has_test(path, name):
    try:
        text = lint.read(path)
    except OSError:
        return False
    if path.endswith(".c"):
        return re.search(r"^START_TEST\(%s\)" % name, text, re.M) is not None
    return re.search(r"^\s*(?:async )?def %s\(" % name, text, re.M) is not None


def check_tests(path, where, text):
    for file, name in TEST_NAME.findall(text):
        if not has_test(file, name):
            yield f"{path}: {where}: there is no test {file}:{name}"


def items(text):
    """(name, whole text on one line) of each requirement."""
    found = list(ITEM.finditer(text))
    for match, after in zip(found, found[1:] + [None]):
        body = text[match.start():after.start() if after else len(text)]
        body = re.split(r"\n\s*\n|\n#", body)[0]
        yield match.group(1), " ".join(body.split())


def check_requirements(path, text):
    seen = set()
    for name, body in items(text):
        if name in seen:
            yield f"{path}: {name} stands here twice"
        seen.add(name)
        status = STATUS.search(body)
        if not status or status.group(1) not in ("done", "partial", "planned"):
            yield f"{path}: {name} does not end with a status"
            continue
        word, missing, tests = status.groups()
        if word == "planned" and (tests or missing):
            yield f"{path}: {name} is planned, and has tests"
        if word != "planned" and not TEST_NAME.search(tests or ""):
            yield f"{path}: {name} is {word} and names no test"
        if (word == "partial") != bool(missing):
            yield f"{path}: {name}: `partial` goes with what is missing"
        yield from check_tests(path, name, tests or "")


def routes():
    for path in lint.files(".c"):
        if path.startswith("server/"):
            text = lint.without_comments(lint.read(path))
            yield from ROUTE.findall(text)
            yield from (("GET", route) for route in FILE_ROUTE.findall(text))


def check_specification(path, text, offered):
    listed = {}
    for name, method, route, status in ROW.findall(text):
        if status not in ENDPOINT_STATUSES:
            yield f"{path}: {name}: {status} is no status"
        listed[method, route] = status
    for route in sorted(offered - set(listed)):
        yield f"{path}: {' '.join(route)} is not in the endpoint list"
    for route in sorted(set(listed) - offered):
        if listed[route] != "proposed":
            yield f"{path}: there is no route {' '.join(route)}"
    for route in sorted(set(listed) & offered):
        if listed[route] == "proposed":
            yield f"{path}: {' '.join(route)} is there and listed as proposed"
        if not re.search(r"^### .*`%s %s`" % (route[0], re.escape(route[1])), text, re.M):
            yield f"{path}: {' '.join(route)} has no section"
    yield from check_tests(path, "tests", text)


lint.expect(check_requirements, "requirements.txt", "stands here twice",
            "does not end with a status", "is planned, and has tests", "names no test",
            "what is missing", "there is no test")
lint.expect(lambda path, text: check_specification(path, text, {("GET", "/a"), ("GET", "/b")}),
            "specification.txt", "is no status", "is not in the endpoint list",
            "there is no route", "there is no route", "listed as proposed",
            "has no section", "there is no test")

lint.finish([*check_requirements(REQUIREMENTS, lint.read(REQUIREMENTS)),
             *check_specification(SPECIFICATION, lint.read(SPECIFICATION), set(routes()))])
