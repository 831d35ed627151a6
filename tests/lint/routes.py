"""What every route of the daemon must have, read from the table that the program has:

- a summary of its own, help for every field and answer, and an answer for success;
- roles and scopes, unless it is open, which few are on purpose: OPEN below;
- a section in docs/module-spec.md, and a row in the access test, which asks every route as
  everybody.
"""

import ast
import json
import re
import subprocess
import sys

import lint

SPECIFICATION = "docs/module-spec.md"
ACCESS = "tests/server/test_access.py"
OPEN = {"account.login", "docs.page", "docs.script", "docs.style", "health.live",
        "health.ready"}


def access_rows(text):
    """The operations that the access test has a row for."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "CASES":
            return {key.value for key in node.value.keys}
    sys.exit(f"{ACCESS} has no CASES")


def check_rights(route):
    if route["open"] != (route["name"] in OPEN):
        yield "is open, and not meant to be" if route["open"] else "is not open, but meant to be"
    if route["open"]:
        if route["roles"] or route["scopes"]:
            yield "is open, and has roles or scopes"
        return
    if not route["roles"]:
        yield "has no roles"
    if not route["scopes"]:
        yield "has no scopes"


def check_words(route):
    if not 10 <= len(route["summary"] or "") <= 120:
        yield "has no summary of 10 to 120 characters"
    if not any(200 <= answer["status"] < 300 for answer in route["answers"]):
        yield "has no answer for success"
    for answer in route["answers"]:
        if not answer["help"]:
            yield f"says nothing of its answer {answer['status']}"
    for field in route["fields"]:
        if not field["help"]:
            yield f"says nothing of {field['name']}"


def check_route(route, specification, rows):
    if not re.fullmatch(r"[a-z_]+\.[a-z_]+", route["name"] or ""):
        yield "has a name that is not `resource.action`"
    if not route["handled"]:
        yield "has no handler"
    yield from check_rights(route)
    yield from check_words(route)
    heading = r"^### .*`%s %s`$" % (route["method"], re.escape(route["path"]))
    if not re.search(heading, specification, re.M):
        yield f"has no section in {SPECIFICATION}"
    if route["name"] not in rows:
        yield f"has no row in {ACCESS}"


def check_table(lines, specification, rows):
    names, calls = set(), set()
    for line in lines.splitlines():
        route = json.loads(line)
        where = f"{route['name']} ({route['method']} {route['path']})"
        if route["name"] in names or (route["method"], route["path"]) in calls:
            yield f"{where} stands in the table twice"
        names.add(route["name"])
        calls.add((route["method"], route["path"]))
        for problem in check_route(route, specification, rows):
            yield f"{where} {problem}"
    for name in sorted(rows - names):
        yield f"{ACCESS}: there is no route {name}"


lint.expect(lambda _, text: check_table(text, "### 3.1 EP-001: `GET /good`\n",
                                        {"things.good", "things.gone"}),
            "routes.txt", "stands in the table twice", "is not `resource.action`",
            "has no handler", "is open, and not meant to be", "has no roles", "has no scopes",
            "is open, and has roles", "is not open, but meant to be", "has no summary",
            "has no answer for success", "says nothing of its answer 200",
            "says nothing of body.a.b", *5 * ["has no section"], *5 * ["has no row"],
            "there is no route things.gone")

table = subprocess.run([sys.argv[1]], stdout=subprocess.PIPE, text=True, check=True).stdout
lint.finish(check_table(table, lint.read(SPECIFICATION), access_rows(lint.read(ACCESS))))
