"""The matrix: every route of the document x everybody who may ask x own, foreign and
missing ids. What is expected comes from the document; a route that has no row in CASES, or
a row without its route, fails."""

import itertools
import re
import unittest

from base import ServerTest

SCOPES = ("read", "chat", "gateway", "admin")
ROLE_SCOPES = {"admin": set(SCOPES), "user": {"read", "chat", "gateway"}, "viewer": {"read"}}
PASSWORD = "correct horse battery"
NO_ID = "0197a000-0000-7000-8000-000000000000"
CHAT = {"model": "openai/gpt-fake", "max_tokens": 3,
        "messages": [{"role": "user", "content": "hi"}]}

# Operation -> what to send, and the status for who may. `fresh`: the objects are used up.
CASES = {
    "docs.openapi": {"status": 200},
    "docs.page": {"status": 200},
    "docs.script": {"status": 200},
    "docs.style": {"status": 200},
    "health.live": {"status": 200},
    "health.ready": {"status": 200},
    "health.metrics": {"status": 200},
    "conversations.list": {"status": 200},
    "conversations.create": {"status": 201, "body": {}},
    "conversations.get": {"status": 200},
    "conversations.change": {"status": 200, "body": {"title": "t"}},
    "conversations.delete": {"status": 204, "fresh": True},
    "messages.list": {"status": 200},
    "messages.send": {"status": 200, "body": {"text": "hi"}},
    "messages.get": {"status": 200},
    "messages.erase": {"status": 200, "fresh": True},
    "messages.edit": {"status": 200, "body": {"text": "hello"}},
    "messages.retry": {"status": 200, "body": {}},
    "replies.get": {"status": 200},
    "replies.events": {"status": 200},
    "replies.cancel": {"status": 200},
    "replies.tool_results": {"status": 409, "body": {"results": [
        {"tool_call_id": "c", "text": "r"}]}},
    "models.list": {"status": 200},
    "account.login": {"status": 401, "body": lambda _: {"name": new_name(),
                                                        "password": PASSWORD}},
    "account.logout": {"status": 409, "login": 204, "fresh_actor": True},
    "account.me": {"status": 200},
    "account.password": {"status": 204, "fresh_actor": True, "body": {
        "old_password": PASSWORD, "new_password": PASSWORD}},
    "keys.list": {"status": 200},
    "keys.add": {"status": 201, "body": lambda actor: {
        "scopes": sorted(actor.scopes)[:1] or ["read"]}},
    "keys.revoke": {"status": 204, "fresh": True},
    "users.list": {"status": 200},
    "users.add": {"status": 201, "body": lambda actor: {"name": new_name()}},
    "users.get": {"status": 200},
    "users.change": {"status": 200, "body": {}},
    "users.delete": {"status": 204, "fresh": True, "fresh_actor": True},
    "audit.list": {"status": 200},
    "gateway.chat": {"status": 200, "body": CHAT},
    "gateway.messages": {"status": 200, "body": {**CHAT, "model": "anthropic/claude-fake"}},
    "gateway.count_tokens": {"status": 200, "body": {
        "model": "anthropic/claude-fake", "messages": CHAT["messages"]}},
    "gateway.embeddings": {"status": 200, "body": {"model": "openai/embed", "input": "hi"}},
    "gateway.models": {"status": 200},
    "gateway.model": {"status": 200, "value": "openai/gpt-fake"},
}

names = itertools.count()


def new_name():
    return f"u{next(names)}"


class Actor:
    """Somebody who asks: a role, by a login or a key with scopes."""

    def __init__(self, test, role, scopes=None):
        self.role = role
        self.test = test
        made = test.ok("POST", "/api/v1/users", {"name": new_name(), "password": PASSWORD}, 201)
        self.id = made["id"]
        answer = test.daemon.request("POST", "/api/v1/login", {
            "name": made["name"], "password": PASSWORD}, key="")
        self.login = {"Cookie": answer.headers["set-cookie"].split(";")[0],
                      "X-CSRF-Token": answer.json()["csrf_token"]}
        self.things = self.new_things()
        if role != "user":
            test.ok("PATCH", f"/api/v1/users/{self.id}", {"role": role})
        self.scopes = scopes or ROLE_SCOPES[role]
        self.by_login = scopes is None
        self.headers = self.login
        if scopes is not None:
            self.headers = {"x-api-key": self.new_key(scopes)["key"]}

    def new_key(self, scopes=("read",)):
        """As whoever may make keys of these scopes; a viewer was one once."""
        test = self.test
        if self.role == "viewer":
            test.ok("PATCH", f"/api/v1/users/{self.id}", {"role": "user"})
        key = test.ok("POST", "/api/v1/me/keys", {"scopes": list(scopes)}, 201, key="",
                      headers=self.login)
        if self.role == "viewer":
            test.ok("PATCH", f"/api/v1/users/{self.id}", {"role": "viewer"})
        return key

    def new_things(self):
        """One of each kind, of this user, who is in the role `user` now."""
        test, how = self.test, {"key": "", "headers": self.login}
        conversation = test.ok("POST", "/api/v1/conversations", {}, 201, **how)
        sent = test.ok("POST", f"/api/v1/conversations/{conversation['id']}/messages",
                       {"text": "hi"}, **how)
        listed = test.ok("GET", f"/api/v1/conversations/{conversation['id']}/messages", **how)
        message = [m for m in listed["data"] if m["role"] == "user"][0]
        return {"conversation": conversation["id"], "message": message["id"],
                "reply": sent["reply"]["id"], "user": self.id,
                "key": test.ok("POST", "/api/v1/me/keys", {"scopes": ["read"]}, 201,
                               **how)["id"]}

    def renew(self):
        test = self.test
        if self.role == "viewer":
            test.ok("PATCH", f"/api/v1/users/{self.id}", {"role": "user"})
        self.things = self.new_things()
        if self.role == "viewer":
            test.ok("PATCH", f"/api/v1/users/{self.id}", {"role": "viewer"})


class Nobody:
    role, scopes, headers, by_login = None, set(), {}, False
    things = {kind: NO_ID for kind in ("conversation", "message", "reply", "user", "key")}


class Access(ServerTest):
    llm_path = "gen/n/2"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.document = cls.daemon.request("GET", "/openapi.json").json()

    def operations(self):
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                if method != "parameters":
                    yield method.upper(), path, operation

    def test_every_route_has_its_row(self):
        there = {operation["operationId"] for _, _, operation in self.operations()}
        self.assertEqual(there, set(CASES))
        for method, path, operation in self.operations():
            is_open = operation.get("security") == []
            self.assertEqual(bool(operation["x-roles"]), not is_open, path)
            self.assertEqual(bool(operation["x-scopes"]), not is_open, path)
            self.assertEqual(set(re.findall(r"\{(\w+)\*?\}", path)), set(operation["x-objects"]))
            if method == "GET":
                self.assertNotIn("requestBody", operation, path)

    # --- who ---

    def everybody(self):
        yield Nobody()
        for role, may in ROLE_SCOPES.items():
            yield Actor(self, role)
            yield Actor(self, role, may if role != "viewer" else {"read", "chat"})
            for scope in sorted(may):
                yield Actor(self, role, {scope})

    def test_the_matrix(self):
        other = Actor(self, "user")
        cells = 0
        for actor in self.everybody():
            for method, path, operation in self.operations():
                for which in self.ids_of(operation):
                    with self.subTest(role=actor.role, scopes=sorted(actor.scopes),
                                      login=actor.by_login, path=path, method=method,
                                      ids=which):
                        self.check(actor, other, method, path, operation, which)
                        cells += 1
        self.assertGreater(cells, 800)

    @staticmethod
    def ids_of(operation):
        """For each value of the path: own, foreign or missing; all mixtures."""
        objects = [kind for kind in operation["x-objects"].values() if kind != "none"]
        return list(itertools.product(("own", "foreign", "missing"), repeat=len(objects)))

    def expected(self, actor, operation, which, case):
        if operation.get("security") == []:
            return case["status"]
        if actor.role is None:
            return 401
        held = actor.scopes & ROLE_SCOPES[actor.role]
        if actor.role not in operation["x-roles"] or not held & set(operation["x-scopes"]):
            return 403
        kinds = list(operation["x-objects"].values())
        if "missing" in which or ("foreign" in which and kinds != ["user"]):
            return 404
        # A key ends no key that may do more than it; each user's other one may read.
        if operation["operationId"] == "keys.revoke" and not actor.by_login and \
                "read" not in held:
            return 403
        return case["login"] if actor.by_login and "login" in case else case["status"]

    def check(self, actor, other, method, path, operation, which):
        case = CASES[operation["operationId"]]
        wanted = self.expected(actor, operation, which, case)
        used_up = wanted < 300 or wanted == 409
        if used_up and case.get("fresh_actor"):
            actor = Actor(self, actor.role, None if actor.by_login else actor.scopes)
        victim = other
        if used_up and case.get("fresh_actor") and "foreign" in which:
            victim = Actor(self, "user")
        whose = {"own": actor.things, "foreign": victim.things}
        picks = iter(which)
        for name, kind in operation["x-objects"].items():
            pick = next(picks) if kind != "none" else None
            value = case["value"] if kind == "none" else whose.get(pick, Nobody.things)[kind]
            path = re.sub(r"\{%s\*?\}" % name, value, path)
        body = case.get("body")
        body = body(actor) if callable(body) else body
        headers = dict(actor.headers)
        if operation["operationId"] == "gateway.messages":
            headers["anthropic-version"] = "2023-06-01"
        answer = self.daemon.request(method, path, body, key="", headers=headers)
        if used_up and case.get("fresh") and not case.get("fresh_actor"):
            actor.renew()
        self.assertEqual(answer.status, wanted, answer)
        if wanted == 404:
            self.assertEqual(answer.json()["error"]["code"], "NOT_FOUND")

    # --- ids in bodies ---

    def test_foreign_ids_in_bodies(self):
        """Wherever an id can stand, a foreign one is as one that is not there."""
        mine, theirs = Actor(self, "user"), Actor(self, "user")
        how = {"key": "", "headers": mine.headers}
        path = f"/api/v1/conversations/{mine.things['conversation']}"
        bodies = (("PATCH", path, lambda id: {"head": id}),
                  ("POST", path + "/messages", lambda id: {"text": "hi", "parent_id": id}))
        for method, where, body in bodies:
            seen = set()
            for message in (theirs.things["message"], NO_ID):
                answer = self.daemon.request(method, where, body(message), **how)
                error = answer.json()["error"]
                seen.add((answer.status, error["code"],
                          error["message"].replace(message, "ID")))
            self.assertEqual(len(seen), 1, (where, seen))
            self.assertEqual(seen.pop()[0], 404)

    def test_an_admin_reads_nobodys_conversations(self):
        theirs = Actor(self, "user")
        self.refused(404, "NOT_FOUND", "GET",
                     f"/api/v1/conversations/{theirs.things['conversation']}/messages")
        listed = self.ok("GET", "/api/v1/conversations")
        self.assertNotIn(theirs.things["conversation"], [c["id"] for c in listed["data"]])


if __name__ == "__main__":
    unittest.main()
