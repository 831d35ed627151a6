"""The audit log: who did what, in a chain that shows what was changed."""

import json
import sqlite3
import subprocess
import threading
import unittest

from base import AICHATD, ServerTest

PASSWORD = "correct horse battery"


class Audit(ServerTest):
    def operator(self, *words, daemon=None, status=0):
        done = subprocess.run([AICHATD, *words], env=(daemon or self.daemon).env, text=True,
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, status, done)
        return done

    def entries(self, limit=50):
        return self.ok("GET", f"/api/v1/audit?limit={limit}")["data"]

    def test_what_is_written_down(self):
        user = self.ok("POST", "/api/v1/users", {"name": "ann", "password": PASSWORD}, 201)
        login = self.daemon.request("POST", "/api/v1/login", {
            "name": "ann", "password": PASSWORD}, key="")
        headers = {"Cookie": login.headers["set-cookie"].split(";")[0],
                   "X-CSRF-Token": login.json()["csrf_token"]}
        key = self.ok("POST", "/api/v1/me/keys", {}, 201, key="", headers=headers)
        self.ok("DELETE", f"/api/v1/me/keys/{key['id']}", status=204, key="", headers=headers)
        self.ok("POST", "/api/v1/logout", status=204, key="", headers=headers)
        self.ok("PATCH", f"/api/v1/users/{user['id']}", {"role": "viewer"})
        self.ok("DELETE", f"/api/v1/users/{user['id']}", status=204)
        self.operator("user", "add", "bob")
        seen = [(e["actor"], e["action"], e.get("object")) for e in self.entries(8)]
        self.assertEqual(seen, [
            ("operator", "user.add", "bob"), ("admin", "user.delete", "ann"),
            ("admin", "user.role", "ann"), ("ann", "logout", None),
            ("ann", "key.revoke", key["id"]), ("ann", "key.add", key["id"]),
            ("ann", "login", None), ("admin", "user.add", "ann")])
        details = self.entries(8)[7]["details"]
        self.assertEqual(details["peer"], "127.0.0.1")
        text = json.dumps(self.entries())
        for secret in (PASSWORD, key["key"], headers["Cookie"].split("=")[1],
                       headers["X-CSRF-Token"]):
            self.assertNotIn(secret, text)

    def test_pages(self):
        for n in range(5):
            self.ok("POST", "/api/v1/users", {"name": f"page-{n}"}, 201)
        numbers, after = [], ""
        while after is not None:
            page = self.ok("GET", f"/api/v1/audit?limit=2{after and '&after=' + after}")
            numbers += [entry["number"] for entry in page["data"]]
            after = page.get("next_cursor")
        self.assertEqual(numbers, list(range(numbers[0], 0, -1)))
        self.refused(422, "VALIDATION_FAILED", "GET", "/api/v1/audit?limit=0")
        self.assertEqual(self.daemon.request("GET", "/api/v1/audit?after=x").status, 422)

    def test_who_guesses_is_written_down_once_it_counts(self):
        for n in range(6):
            self.daemon.request("POST", "/api/v1/login", {
                "name": "guessed", "password": f"wrong-{n}"}, key="")
        actions = [entry["action"] for entry in self.entries(200)]
        self.assertEqual(actions.count("login.held_off"), 1)

    def test_the_chain_holds_whoever_writes(self):
        """The daemon's workers and operators beside it append at once."""
        def by_api(n):
            self.ok("POST", "/api/v1/users", {"name": f"api-{n}"}, 201)

        def by_hand(n):
            self.operator("user", "add", f"hand-{n}")
        threads = [threading.Thread(target=act, args=(n,))
                   for n in range(8) for act in (by_api, by_hand)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done = json.loads(self.operator("audit", "verify", "--json").stdout)
        newest = self.entries(1)[0]
        self.assertEqual((done["entries"], done["hash"]), (newest["number"], newest["hash"]))

    def test_tampering_is_seen(self):
        home = self.new_home()
        daemon = self.another(home)
        for n in range(3):
            daemon.request("POST", "/api/v1/users", {"name": f"user-{n}"})
        self.assertIn("4 entries, none was changed",
                      self.operator("audit", "verify", daemon=daemon).stdout)
        self.assertIn("user-1", self.operator("audit", "list", daemon=daemon).stdout)
        listed = json.loads(self.operator("audit", "list", "--limit", "1", "--json",
                                          daemon=daemon).stdout)
        self.assertEqual(len(listed["entries"]), 1)
        self.assertEqual(daemon.stop(), 0)
        path = home / ".local/share/aichat/aichat.db"
        for sql, text in (
                ("UPDATE audit SET object = 'user-9' WHERE no = 3", "entry 3"),
                ("UPDATE audit SET object = 'user-1', actor = 'eve' WHERE no = 3", "entry 3"),
                ("UPDATE audit SET actor = 'admin' WHERE no = 3; DELETE FROM audit WHERE no = 2",
                 "no entry 2")):
            with sqlite3.connect(path) as db:
                db.executescript(sql)
            done = self.operator("audit", "verify", daemon=daemon, status=1)
            self.assertIn(text, done.stderr)
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
