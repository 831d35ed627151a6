"""The document: OpenAPI 3.1 that describes every route, and the page that shows it."""

import re
import unittest

from base import ServerTest

METHODS = {"get", "post", "put", "patch", "delete"}
ROLES = {"admin", "user", "viewer"}
SCOPES = {"read", "chat", "gateway", "admin"}
OBJECTS = {"conversation", "message", "reply", "key", "user", "none"}


class OpenApi(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        answer = cls.daemon.request("GET", "/openapi.json")
        assert answer.status == 200, answer
        cls.api = answer.json()

    def operations(self):
        for path, item in self.api["paths"].items():
            for method, operation in item.items():
                yield path, method, operation

    def test_head(self):
        self.assertEqual(self.api["openapi"], "3.1.0")
        self.assertEqual(set(self.api), {"openapi", "info", "security", "paths", "components"})
        self.assertTrue(self.api["info"]["title"] and self.api["info"]["version"])

    def test_every_route_is_described(self):
        names = set()
        for path, method, operation in self.operations():
            with self.subTest(path=path, method=method):
                self.assertIn(method, METHODS)
                self.assertRegex(operation["operationId"], r"^[a-z_]+\.[a-z_]+$")
                self.assertNotIn(operation["operationId"], names)
                names.add(operation["operationId"])
                self.assertTrue(10 <= len(operation["summary"]) <= 120, operation["summary"])
                self.assertTrue(operation["tags"])
                self.assertIn("default", operation["responses"])
                self.assertTrue(any(re.match(r"2\d\d$", status)
                                    for status in operation["responses"]))
                for answer in operation["responses"].values():
                    self.assertTrue(answer["description"])

    def test_every_route_says_who_may(self):
        for path, method, operation in self.operations():
            with self.subTest(path=path, method=method):
                roles, scopes = set(operation["x-roles"]), set(operation["x-scopes"])
                self.assertLessEqual(roles, ROLES)
                self.assertLessEqual(scopes, SCOPES)
                if operation.get("security") == []:
                    self.assertFalse(roles or scopes)
                else:
                    self.assertTrue(roles and scopes)
                self.assertLessEqual(set(operation["x-objects"].values()), OBJECTS)

    def test_open_routes_are_few(self):
        is_open = {path for path, _, operation in self.operations()
                   if operation.get("security") == []}
        self.assertLessEqual(is_open, {"/healthz", "/readyz", "/docs", "/docs/page.js",
                                       "/docs/page.css", "/api/v1/login"})

    def test_path_values_are_described(self):
        for path, method, operation in self.operations():
            with self.subTest(path=path, method=method):
                values = re.findall(r"\{(\w+)\}", path)
                described = [parameter["name"] for parameter in operation["parameters"]
                             if parameter["in"] == "path"]
                self.assertEqual(values, described)
                self.assertEqual(set(values), set(operation["x-objects"]))

    def test_fields_are_described(self):
        def check(schema, where):
            for name, field in schema.get("properties", {}).items():
                self.assertTrue(field.get("description"), f"{where}.{name}")
                check(field, f"{where}.{name}")
                check(field.get("items", {}), f"{where}.{name}[]")
            for name in schema.get("required", []):
                self.assertIn(name, schema["properties"])
        for path, method, operation in self.operations():
            for parameter in operation["parameters"]:
                self.assertTrue(parameter["description"], f"{path} {parameter}")
            body = operation.get("requestBody")
            if body:
                check(body["content"]["application/json"]["schema"], f"{method} {path}")
                self.assertNotEqual(method, "get")

    def test_every_reference_leads_somewhere(self):
        known = self.api["components"]["schemas"]

        def walk(node):
            if isinstance(node, dict):
                if "$ref" in node:
                    prefix, _, name = node["$ref"].rpartition("/")
                    self.assertEqual(prefix, "#/components/schemas")
                    self.assertTrue(name in known, f"there is no schema {name}")
                for value in node.values():
                    walk(value)
            elif isinstance(node, list):
                for value in node:
                    walk(value)
        walk(self.api)

    def test_get_changes_nothing(self):
        # A link that somebody is made to follow must not act.
        for path, method, operation in self.operations():
            if method == "get":
                self.assertNotIn("requestBody", operation, path)
                self.assertNotIn("chat", operation["x-scopes"] if len(operation["x-scopes"]) == 1
                                 else [], path)

    def test_the_page_has_nothing_from_outside(self):
        page = self.daemon.request("GET", "/docs", key="")
        self.assertEqual(page.status, 200)
        policy = page.headers["content-security-policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("http", policy)
        text = page.body.decode()
        self.assertNotRegex(text, r"(?i)(src|href)\s*=\s*[\"']?(https?:)?//")
        self.assertNotRegex(text, r"(?i)<script(?![^>]*src)|\son\w+\s*=|style\s*=")
        for name in re.findall(r"(?:src|href)=\"(/[^\"]+)\"", text):
            if name != "/openapi.json":
                with self.subTest(name=name):
                    self.assertEqual(self.daemon.request("GET", name, key="").status, 200)
        script = self.daemon.request("GET", "/docs/page.js", key="")
        self.assertTrue(script.headers["content-type"].startswith("text/javascript"))
        self.assertNotRegex(script.body.decode(), r"innerHTML|outerHTML|document\.write|eval\(")


if __name__ == "__main__":
    unittest.main()
