"""Who asks and what they may: keys, passwords, logins, roles."""

import hashlib
import itertools
import json
import os
import pathlib
import re
import sqlite3
import threading
import time
import unittest

from accounts import PASSWORD, ROLE_SCOPES, SCOPES, AccountTest
from base import wait_until


class Keys(AccountTest):
    def test_first_key_is_an_admins(self):
        me = self.me()
        self.assertEqual(me["user"]["role"], "admin")
        self.assertEqual(me["scopes"], list(SCOPES))

    def test_every_header_form_decides_alike(self):
        user = self.new_user()
        good = self.new_key(user)
        flipped = good[:-1] + ("a" if good[-1] != "a" else "b")
        for token in (good, flipped, good[:40], good.upper(), "ack_", "nonsense", "sk-1"):
            seen = set()
            for headers in ({"Authorization": f"Bearer {token}"},
                            {"authorization": f"bearer {token}"},
                            {"x-api-key": token}, {"API-Key": token}):
                answer = self.daemon.request("GET", "/api/v1/me", key="", headers=headers)
                body = answer.json()
                body.get("error", {}).get("details", {}).pop("request_id", None)
                # When a key was used last is told, to the minute.
                seen.add((answer.status, json.dumps(body)))
            self.assertEqual(len(seen), 1, token)
            self.assertEqual(seen.pop()[0], 200 if token == good else 401, token)

    def test_what_is_no_key_is_not_echoed(self):
        for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer "},
                        {"Authorization": "Basic dXNlcjpwYXNz"}, {"x-api-key": "x" * 4000},
                        {"Cookie": "aichat_login=acl_x; a=b"},
                        {"Cookie": "aichat_login=" + self.daemon.key}):
            answer = self.daemon.request("GET", "/api/v1/me", key="", headers=headers)
            self.assertEqual(answer.status, 401, (headers, answer))
            self.assertEqual(answer.headers["www-authenticate"], "Bearer")
            self.assertNotIn(b"dXNlcjpwYXNz", answer.body)

    def test_two_credentials_are_refused(self):
        other = self.new_key(self.new_user())
        mine = self.daemon.key
        for headers in ({"Authorization": f"Bearer {mine}", "x-api-key": other},
                        {"x-api-key": mine, "api-key": other},
                        {"x-api-key": mine, "api-key": "y" * 500},
                        {"x-api-key": mine, "Cookie": f"aichat_login={other}"},
                        {"Cookie": f"aichat_login={mine}; aichat_login={other}"}):
            answer = self.daemon.request("GET", "/api/v1/me", key="", headers=headers)
            self.assertEqual(answer.status, 400, (headers, answer))
            self.assertNotIn(mine.encode(), answer.body)
        same = {"Authorization": f"Bearer {mine}", "x-api-key": mine}
        self.assertEqual(self.daemon.request("GET", "/api/v1/me", key="",
                                             headers=same).status, 200)

    def test_colliding_prefixes_are_different_keys(self):
        """Everything but the end is the same: the cache must not take one for another."""
        user = self.new_user()
        key = self.new_key(user)
        self.me(key=key)
        for at in range(5, len(key)):
            if key[at] == "_":
                continue
            other = key[:at] + ("a" if key[at] != "a" else "b") + key[at + 1:]
            self.me(401, key=other)
        self.me(key=key)

    def test_a_key_is_made_listed_used_and_revoked(self):
        user = self.new_user()
        first = self.new_key(user)
        made = self.ok("POST", "/api/v1/me/keys", {"name": "laptop", "scopes": ["read", "chat"]},
                       201, key=first)
        self.assertRegex(made["key"], r"^ack_[a-z2-7]{16}_[a-z2-7]{58}$")
        self.assertEqual((made["name"], made["scopes"]), ("laptop", ["read", "chat"]))
        self.assertNotIn("digest", made)
        self.assertEqual(self.me(key=made["key"])["scopes"], ["read", "chat"])
        listed = self.ok("GET", "/api/v1/me/keys", key=first)
        self.assertEqual(listed["object"], "list")
        self.assertEqual([k["name"] for k in listed["data"]], ["", "laptop"])
        self.assertIn("last_used_at", listed["data"][1])
        for key in listed["data"]:
            self.assertFalse({"digest", "key"} & set(key), key)
        page = self.ok("GET", "/api/v1/me/keys?limit=1", key=first)
        self.assertTrue(page["has_more"])
        page = self.ok("GET", f"/api/v1/me/keys?limit=1&after={page['next_cursor']}", key=first)
        self.assertEqual((page["data"][0]["name"], page["has_more"]), ("laptop", False))
        self.ok("DELETE", f"/api/v1/me/keys/{made['id']}", status=204, key=first)
        self.me(401, key=made["key"])
        self.refused(404, "NOT_FOUND", "DELETE", f"/api/v1/me/keys/{made['id']}", key=first)

    def test_a_foreign_key_is_not_there(self):
        mine, other = self.new_key(self.new_user()), self.new_key(self.new_user())
        theirs = self.me(key=other)["key_id"]
        self.refused(404, "NOT_FOUND", "DELETE", f"/api/v1/me/keys/{theirs}", key=mine)
        self.me(key=other)

    def test_a_key_revokes_nothing_above_it(self):
        for role in ROLE_SCOPES:
            user = self.new_user(role, password=PASSWORD)
            sets = list(subsets(ROLE_SCOPES[role]))
            if role == "admin":
                sets = [{"chat"}, {"admin"}, set(SCOPES)]
            for held, wanted in itertools.product(sets, sets):
                key, other = self.new_key(user, *held), self.new_key(user, *wanted)
                path = f"/api/v1/me/keys/{self.me(key=other)['key_id']}"
                answer = self.daemon.request("DELETE", path, key=key)
                self.assertEqual(answer.status, 204 if wanted <= held else 403, (held, wanted))
                if wanted <= held:
                    continue
                # It may end itself, and a login anything.
                self.ok("DELETE", path, status=204, key=other)
            login = self.log_in(user["name"])
            headers = {"Cookie": login.headers["set-cookie"].split(";")[0],
                       "X-CSRF-Token": login.json()["csrf_token"]}
            key = self.new_key(user, *ROLE_SCOPES[role])
            self.ok("DELETE", f"/api/v1/me/keys/{self.me(key=key)['key_id']}", status=204,
                    key="", headers=headers)
            self.me(401, key=key)

    def test_what_a_key_may_not_be(self):
        for body, field in (({"scopes": ["all"]}, "scopes"), ({"scopes": []}, "scopes"),
                            ({"scopes": "read"}, "scopes"), ({"name": "n" * 101}, "name"),
                            ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
                            ({"expires_at": "2099-02-30T00:00:00Z"}, "expires_at"),
                            ({"limits": {"requests_per_minute": -1}}, "limits")):
            error = self.refused(422, "VALIDATION_FAILED", "POST", "/api/v1/me/keys", body)
            self.assertEqual(error["details"]["errors"][0]["loc"][1], field, body)

    def test_a_key_ends(self):
        user = self.new_user()
        soon = time.time() + 1.5
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(soon)) + f".{int(soon % 1 * 1000):03}Z"
        key = self.ok("POST", "/api/v1/me/keys", {"expires_at": text}, 201,
                      key=self.new_key(user))["key"]
        wait_until(lambda: self.daemon.request("GET", "/api/v1/me", key=key).status == 401,
                   "the key's end", 20)

    def test_a_key_never_has_more_than_its_maker(self):
        """The lattice: every role, every set of scopes that makes, every one that is made."""
        for role in ROLE_SCOPES:
            user = self.new_user(role)
            for held in subsets(ROLE_SCOPES[role]):
                key = self.new_key(user, *held)
                for wanted in subsets(SCOPES):
                    answer = self.daemon.request("POST", "/api/v1/me/keys",
                                                 {"scopes": sorted(wanted)}, key=key)
                    may = role != "viewer" and held & {"chat", "admin"}
                    what = (role, held, wanted)
                    if may and wanted <= held:
                        self.assertEqual(answer.status, 201, what)
                        self.assertEqual(set(answer.json()["scopes"]), wanted, what)
                    else:
                        self.assertEqual(answer.status, 403, what)

    def test_a_key_does_not_outlive_its_maker(self):
        def expires(days):
            return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + days * 86400))
        maker = self.new_key(self.new_user(), days=3)
        ends = [k["expires_at"] for k in self.ok("GET", "/api/v1/me/keys", key=maker)["data"]]
        made = self.ok("POST", "/api/v1/me/keys", {}, 201, key=maker)
        self.assertEqual(made["expires_at"], ends[0])
        sooner = {"expires_at": expires(2)}
        made = self.ok("POST", "/api/v1/me/keys", sooner, 201, key=maker)
        self.assertEqual(made["expires_at"], sooner["expires_at"])
        self.refused(403, "FORBIDDEN", "POST", "/api/v1/me/keys", {"expires_at": expires(4)},
                     key=maker)

    def test_a_key_with_limits_makes_none(self):
        """Two keys with the same limit would have twice of it."""
        user = self.new_user()
        for limit in ("--requests-per-minute", "--tokens-per-minute", "--concurrent-replies"):
            key = self.operator("key", "add", user["name"], limit, "50").stdout.strip()
            for body in ({}, {"limits": {"requests_per_minute": 1, "tokens_per_minute": 1,
                                         "concurrent_replies": 1}}):
                self.refused(403, "FORBIDDEN", "POST", "/api/v1/me/keys", body, key=key)

    def test_a_key_follows_its_users_role(self):
        """All pairs of roles: what the key holds is cut to what the role has now."""
        for before, after in itertools.permutations(ROLE_SCOPES, 2):
            user = self.new_user(before)
            key = self.new_key(user, *ROLE_SCOPES[before])
            self.assertEqual(set(self.me(key=key)["scopes"]), ROLE_SCOPES[before])
            self.ok("PATCH", f"/api/v1/users/{user['id']}", {"role": after})
            self.assertEqual(set(self.me(key=key)["scopes"]),
                             ROLE_SCOPES[before] & ROLE_SCOPES[after])

    def test_operator_gives_no_more_than_the_role(self):
        user = self.new_user("viewer")
        done = self.operator("key", "add", user["name"], "--scope", "chat", status=1)
        self.assertIn("viewer", done.stderr)

    def test_a_repeat_makes_no_second_key(self):
        key = self.new_key(self.new_user())
        how = {"key": key, "headers": {"Idempotency-Key": "once"}}
        answers = []

        def make():
            answers.append(self.daemon.request("POST", "/api/v1/me/keys", {"name": "n"}, **how))
        threads = [threading.Thread(target=make) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(a.status for a in answers), [200] * 19 + [201])
        self.assertEqual(len({a.json()["id"] for a in answers}), 1)
        self.assertEqual(sum("key" in a.json() for a in answers), 1)
        self.assertEqual(len(self.ok("GET", "/api/v1/me/keys", key=key)["data"]), 2)
        error = self.refused(409, "IDEMPOTENCY_CONFLICT", "POST", "/api/v1/me/keys",
                             {"name": "m"}, **how)
        self.assertIn("idempotency", error["message"])
        # Another user's key of the same text is another one.
        other = self.new_key(self.new_user())
        self.ok("POST", "/api/v1/me/keys", {"name": "n"}, 201, key=other,
                headers={"Idempotency-Key": "once"})


class Users(AccountTest):
    def test_a_user_is_made_read_changed_and_deleted(self):
        name = self.new_name()
        user = self.ok("POST", "/api/v1/users",
                       {"name": name, "limits": {"requests_per_minute": 5}}, 201)
        self.assertEqual((user["role"], user["has_password"]), ("user", False))
        path = f"/api/v1/users/{user['id']}"
        answer = self.daemon.request("GET", path)
        self.assertEqual(answer.headers["etag"], '"1"')
        self.assertEqual(answer.json()["limits"], {"requests_per_minute": 5})
        changed = self.daemon.request("PATCH", path, {"role": "viewer",
                                                      "limits": {"tokens_per_minute": 7}},
                                      headers={"If-Match": '"1"'})
        self.assertEqual(changed.headers["etag"], '"2"')
        self.assertEqual(changed.json()["limits"],
                         {"requests_per_minute": 5, "tokens_per_minute": 7})
        self.refused(412, "STALE", "PATCH", path, {"role": "user"}, headers={"If-Match": '"1"'})
        self.refused(409, "CONFLICT", "POST", "/api/v1/users", {"name": name})
        self.assertIn(user["id"], [u["id"] for u in self.all_users()])
        self.ok("DELETE", path, status=204)
        for method in ("GET", "PATCH", "DELETE"):
            self.refused(404, "NOT_FOUND", method, path, {} if method == "PATCH" else None)
        self.ok("POST", "/api/v1/users", {"name": name}, 201)

    def all_users(self):
        users, after = [], ""
        while after is not None:
            page = self.ok("GET", f"/api/v1/users?limit=3{after and '&after=' + after}")
            users += page["data"]
            after = page.get("next_cursor")
        return users

    def test_what_a_user_may_not_be(self):
        for body in ({}, {"name": ""}, {"name": "Ann"}, {"name": "a b"}, {"name": "n" * 65},
                     {"name": "x", "role": "root"}, {"name": "x", "password": "short"},
                     {"name": "x", "limits": {"replies": 1}}, {"name": "x", "admin": True}):
            self.refused(422, "VALIDATION_FAILED", "POST", "/api/v1/users", body)

    def test_sql_in_names_is_text(self):
        for name in ("' OR '1'='1", "admin'--", "x\"; DROP TABLE record;--", "%", "ann\\"):
            self.refused(422, "VALIDATION_FAILED", "POST", "/api/v1/users", {"name": name})
            self.log_in(name, status=401)
            self.ok("POST", "/api/v1/me/keys", {"name": name}, 201)
        self.assertIn("' OR '1'='1", [k["name"] for k in self.ok("GET", "/api/v1/me/keys?limit=200")
                                      ["data"]])
        self.me()

    def test_the_last_admin_stays(self):
        daemon = self.another()
        me = daemon.request("GET", "/api/v1/me").json()["user"]
        path = f"/api/v1/users/{me['id']}"
        for method, body in (("PATCH", {"role": "user"}), ("DELETE", None)):
            answer = daemon.request(method, path, body)
            self.assertEqual((answer.status, answer.json()["error"]["code"]),
                             (409, "WRONG_STATE"))
        self.operator("user", "delete", "admin", daemon=daemon, status=1)
        other = daemon.request("POST", "/api/v1/users", {"name": "two", "role": "admin"})
        self.assertEqual(other.status, 201)
        self.assertEqual(daemon.request("PATCH", path, {"role": "user"}).status, 200)
        self.assertEqual(daemon.request("GET", path).status, 403)

    def test_deleting_takes_everything_along(self):
        """Fault 64: a user is deleted; keys, logins and stored things go, too."""
        user = self.new_user(password=PASSWORD)
        key = self.new_key(user)
        cookie = self.log_in(user["name"]).headers["set-cookie"].split(";")[0]
        self.me(key=key)
        self.ok("DELETE", f"/api/v1/users/{user['id']}", status=204)
        self.me(401, key=key)
        self.me(401, key="", headers={"Cookie": cookie})
        self.log_in(user["name"], status=401)
        with sqlite3.connect(self.store()) as db:
            for table in ("record", "conversation", "idempotency"):
                self.assertEqual(db.execute(f"SELECT count(*) FROM {table} WHERE owner = ?",
                                            (user["id"],)).fetchone()[0], 0)
            self.assertEqual(db.execute("SELECT count(*) FROM record r JOIN record p ON"
                                        " p.no = r.parent WHERE p.id = ?",
                                        (user["id"],)).fetchone()[0], 0)

    def test_a_repeat_makes_no_second_user(self):
        how = {"headers": {"Idempotency-Key": "user-once"}}
        body = {"name": self.new_name()}
        first = self.ok("POST", "/api/v1/users", body, 201, **how)
        self.assertEqual(self.ok("POST", "/api/v1/users", body, 200, **how)["id"], first["id"])
        self.refused(409, "IDEMPOTENCY_CONFLICT", "POST", "/api/v1/users",
                     {"name": self.new_name()}, **how)


class Logins(AccountTest):
    def test_a_login_and_its_cookie(self):
        user = self.new_user(password=PASSWORD)
        answer = self.log_in(user["name"])
        cookie = answer.headers["set-cookie"]
        self.assertIn("HttpOnly", cookie)
        self.assertIn("SameSite=Strict", cookie)
        self.assertIn("Path=/", cookie)
        self.assertNotIn("Secure", cookie)
        self.assertNotIn("acl_", answer.body.decode())
        csrf = answer.json()["csrf_token"]
        headers = {"Cookie": "theme=dark; " + cookie.split(";")[0] + "; a=b"}
        me = self.me(key="", headers=headers)
        self.assertEqual(me["csrf_token"], csrf)
        self.assertEqual(set(me["scopes"]), ROLE_SCOPES["user"])
        # What changes something needs the token that only the page has.
        how = {"key": "", "headers": headers}
        self.refused(403, "FORBIDDEN", "POST", "/api/v1/me/keys", {}, **how)
        self.refused(403, "FORBIDDEN", "POST", "/api/v1/me/keys", {}, key="",
                     headers={**headers, "X-CSRF-Token": "0" * 64})
        headers["X-CSRF-Token"] = csrf
        self.ok("POST", "/api/v1/me/keys", {}, 201, **how)
        self.ok("POST", "/api/v1/logout", status=204, **how)
        self.me(401, key="", headers=headers)
        self.refused(409, "WRONG_STATE", "POST", "/api/v1/logout")

    def test_one_logins_token_is_no_others(self):
        user = self.new_user(password=PASSWORD)
        logins = [self.log_in(user["name"]) for _ in range(2)]
        self.assertNotEqual(logins[0].json()["csrf_token"], logins[1].json()["csrf_token"])
        self.refused(403, "FORBIDDEN", "POST", "/api/v1/logout", key="", headers={
            "Cookie": logins[0].headers["set-cookie"].split(";")[0],
            "X-CSRF-Token": logins[1].json()["csrf_token"]})

    def test_secure_behind_tls(self):
        daemon = self.another(options={"proxies": "127.0.0.1"})
        answer = daemon.request("POST", "/api/v1/users", {"name": "ann", "password": PASSWORD})
        self.assertEqual(answer.status, 201)
        answer = daemon.request("POST", "/api/v1/login", {"name": "ann", "password": PASSWORD},
                                key="", headers={"X-Forwarded-Proto": "https"})
        self.assertIn("; Secure", answer.headers["set-cookie"])

    def test_wrong_is_wrong_in_one_way(self):
        user, keyed = self.new_user(password=PASSWORD), self.new_user()
        bodies = set()
        for name, password in ((user["name"], PASSWORD + "x"), (keyed["name"], PASSWORD),
                               ("nobody-there", PASSWORD), (user["name"], PASSWORD.upper())):
            error = self.log_in(name, password, 401).json()["error"]
            del error["details"]
            bodies.add(json.dumps(error))
        self.assertEqual(len(bodies), 1)

    def test_guessing_has_to_wait(self):
        user = self.new_user(password=PASSWORD)
        statuses = [self.daemon.request("POST", "/api/v1/login",
                                        {"name": user["name"], "password": f"wrong {i}"},
                                        key="").status for i in range(6)]
        self.assertEqual(statuses, [401] * 5 + [429])
        answer = self.log_in(user["name"], status=429)
        self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
        # Others are not held off, and the right one is let in after the wait.
        self.log_in(self.new_user(password=PASSWORD)["name"])
        wait_until(lambda: self.daemon.request("POST", "/api/v1/login", {
            "name": user["name"], "password": PASSWORD}, key="").status == 200, "the wait", 20)

    def test_a_flood_of_logins_costs_bounded_memory(self):
        """Two hashings of 64 MiB at once; who cannot wait is turned away."""
        daemon = self.another()
        statuses = []

        def guess(number):
            statuses.append(daemon.request("POST", "/api/v1/login", {
                "name": f"nobody-{number}", "password": PASSWORD}, key="").status)
        threads = [threading.Thread(target=guess, args=(n,)) for n in range(60)]
        for thread in threads:
            thread.start()
        peak = 0
        while any(thread.is_alive() for thread in threads):
            text = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
            peak = max(peak, int(re.search(r"VmRSS:\s+(\d+)", text).group(1)))
            time.sleep(0.005)
        self.assertEqual(len(statuses), 60)
        self.assertLessEqual(set(statuses), {401, 429, 503})
        self.assertIn(503, statuses)
        if "ASAN_OPTIONS" not in os.environ and "TSAN_OPTIONS" not in os.environ:
            self.assertLess(peak, 300 * 1024)

    def test_a_password_is_changed_and_taken_away(self):
        user = self.new_user(password=PASSWORD)
        path = f"/api/v1/users/{user['id']}"
        self.ok("PATCH", path, {"password": "another long one"})
        self.log_in(user["name"], status=401)
        self.log_in(user["name"], "another long one")
        self.assertFalse(self.ok("PATCH", path, {"password": None})["has_password"])
        self.log_in(user["name"], "another long one", 401)

    def test_a_new_password_ends_logins(self):
        """Whoever logged in with the one that somebody else knew."""
        user = self.new_user(password=PASSWORD)
        path = f"/api/v1/users/{user['id']}"

        def log_in(password):
            cookie = self.log_in(user["name"], password).headers["set-cookie"]
            headers = {"Cookie": cookie.split(";")[0]}
            self.me(key="", headers=headers)
            return headers
        login = log_in(PASSWORD)
        self.ok("PATCH", path, {"limits": {"requests_per_minute": 1000}})
        self.me(key="", headers=login)
        self.ok("PATCH", path, {"password": "another long one"})
        self.me(401, key="", headers=login)
        login = log_in("another long one")
        self.operator("user", "passwd", user["name"], stdin="a third long one\n")
        wait_until(lambda: self.daemon.request("GET", "/api/v1/me", key="",
                                               headers=login).status == 401,
                   "the end of the login in the running daemon", 20)
        login = log_in("a third long one")
        self.ok("PATCH", path, {"password": None})
        self.me(401, key="", headers=login)

    def new_login(self, user, password=PASSWORD):
        """How to ask with a new login."""
        answer = self.log_in(user["name"], password)
        return {"key": "", "headers": {"Cookie": answer.headers["set-cookie"].split(";")[0],
                                       "X-CSRF-Token": answer.json()["csrf_token"]}}

    def test_the_own_password(self):
        path, new = "/api/v1/me/password", "another long one"
        user = self.new_user(password=PASSWORD)
        own, other = self.new_login(user), self.new_login(user)
        key = self.new_key(user, "read")
        right = {"old_password": PASSWORD, "new_password": new}
        error = self.refused(422, "VALIDATION_FAILED", "POST", path,
                             {**right, "new_password": "short"}, **own)
        self.assertEqual(error["details"]["errors"][0]["loc"], ["body", "new_password"])
        self.refused(403, "FORBIDDEN", "POST", path, {**right, "old_password": new}, **own)
        self.refused(401, "UNAUTHENTICATED", "POST", path, right, key="")
        self.me(**other)
        self.ok("POST", path, right, 204, **own)
        # The other login has ended, what asked has not, nor has the key.
        self.me(401, **other)
        self.me(**own)
        self.me(key=key)
        self.log_in(user["name"], PASSWORD, 401)
        login = self.new_login(user, new)
        # With a key no login is spared.
        self.ok("POST", path, {"old_password": new, "new_password": PASSWORD}, 204, key=key)
        self.me(401, **own)
        self.me(401, **login)
        self.log_in(user["name"])
        entries = self.ok("GET", "/api/v1/audit?limit=20")["data"]
        self.assertEqual([e["object"] for e in entries if e["action"] == "user.password"],
                         2 * [user["name"]])

    def test_the_own_password_changed_by_several_at_once(self):
        """One of them does; nobody else is told that the server is at fault."""
        user = self.new_user(password=PASSWORD)
        key = self.new_key(user)
        answers = []
        threads = [threading.Thread(target=lambda n=n: answers.append(self.daemon.request(
            "POST", "/api/v1/me/password",
            {"old_password": PASSWORD, "new_password": f"another long one {n}"}, key)))
            for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = sorted(answer.status for answer in answers)
        self.assertEqual((statuses[0], statuses.count(204)), (204, 1), statuses)
        # It was changed before, or meanwhile, or too many asked at once.
        self.assertLessEqual(set(statuses), {204, 403, 409, 503}, statuses)

    def test_who_guesses_the_own_password_has_to_wait(self):
        user = self.new_user(password=PASSWORD)
        key = self.new_key(user)
        statuses = [self.daemon.request("POST", "/api/v1/me/password", {
            "old_password": f"wrong {n}", "new_password": PASSWORD}, key).status
            for n in range(6)]
        self.assertEqual(statuses, [403] * 5 + [429])
        self.log_in(user["name"], status=429)

    def test_without_a_password_there_is_none_to_change(self):
        key = self.new_key(self.new_user())
        self.refused(409, "WRONG_STATE", "POST", "/api/v1/me/password",
                     {"old_password": PASSWORD, "new_password": PASSWORD}, key=key)


class Operators(AccountTest):
    def test_commands_beside_the_daemon(self):
        name = self.new_name()
        self.operator("user", "add", name, "--role", "viewer", "--password",
                      stdin=PASSWORD + "\n")
        self.log_in(name)
        self.assertIn(name, self.operator("user", "list").stdout)
        self.operator("user", "role", name, "user")
        key = json.loads(self.operator("key", "add", name, "--name", "ci", "--scope", "read",
                                       "--days", "3", "--json").stdout)
        self.assertEqual((key["name"], key["scopes"]), ("ci", ["read"]))
        self.assertIn("expires_at", key)
        self.me(key=key["key"])
        self.assertIn(key["id"], self.operator("key", "list", name).stdout)
        self.assertNotIn(key["key"], self.operator("key", "list").stdout)
        self.operator("key", "revoke", key["id"])
        wait_until(lambda: self.daemon.request("GET", "/api/v1/me", key=key["key"]).status == 401,
                   "the end of the key in the running daemon", 10)
        self.operator("user", "passwd", name, stdin="a new password\n")
        self.log_in(name, "a new password")
        self.operator("user", "limit", name, "--requests-per-minute", "9")
        users = json.loads(self.operator("user", "list", "--json").stdout)
        self.assertEqual([u["limits"] for u in users if u["name"] == name],
                         [{"requests_per_minute": 9}])
        self.operator("user", "revoke", name)
        self.log_in(name, "a new password", 401)
        self.operator("user", "delete", name)
        self.assertNotIn(f"{name} ", self.operator("user", "list").stdout)

    def test_mistakes_are_named(self):
        for words, status, text in (
                (("user",), 2, "no command user"), (("user", "fly"), 2, "no command user fly"),
                (("user", "add"), 2, "another number of words"),
                (("user", "add", "Ann"), 2, "a-z"),
                (("user", "add", "x", "--role", "root"), 2, "no role root"),
                (("user", "add", "x", "--wings"), 2, "no option --wings"),
                (("key", "add", "x", "--scope"), 2, "--scope is"),
                (("key", "add", "x", "--days", "soon"), 2, "--days takes a number"),
                (("key", "add", "nobody-x"), 1, "no user nobody-x"),
                (("key", "revoke", "nokey"), 1, "no key nokey"),
                (("user", "add", "admin"), 1, "already")):
            done = self.operator(*words, status=status)
            self.assertIn(text, done.stderr, words)
            self.assertEqual(done.stderr.count("\n"), 1, words)
        done = self.operator("user", "add", "short-one", "--password", stdin="short\n", status=1)
        self.assertIn("at least 8", done.stderr)
        self.assertIn("user add NAME", self.operator("help").stdout)


class Secrets(AccountTest):
    def test_the_store_has_no_secret(self):
        """A dump of the store, and the log, have neither key, nor token, nor password."""
        user = self.new_user(password=PASSWORD)
        key = self.new_key(user)
        answer = self.log_in(user["name"])
        cookie = answer.headers["set-cookie"].split(";")[0].split("=")[1]
        self.me(key=key)
        self.me(401, key=key + "x")
        self.log_in(user["name"], PASSWORD + "!", 401)
        folder = self.store().parent
        secret = pathlib.Path(str(self.store()) + "-secret").read_bytes()
        self.assertEqual(len(secret), 32)
        for path in folder.iterdir():
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
            if path.name.endswith("-secret"):
                continue
            data = path.read_bytes()
            for canary in (key.encode(), key[21:].encode(), cookie.encode(),
                           cookie[21:].encode(), PASSWORD.encode(), secret, secret.hex().encode(),
                           answer.json()["csrf_token"].encode()):
                self.assertNotIn(canary, data, path)
        log = self.daemon.log()
        for canary in (key, key[21:], cookie, PASSWORD, answer.json()["csrf_token"]):
            self.assertNotIn(canary, log)

    def test_no_hash_of_a_password_that_can_be_tried(self):
        """What makes a repeat known is no fast way to guess the password."""
        how = {"headers": {"Idempotency-Key": "a user, once"}}
        body = {"name": self.new_name(), "password": PASSWORD}
        made = self.ok("POST", "/api/v1/users", body, 201, **how)
        self.assertEqual(self.ok("POST", "/api/v1/users", body, 200, **how)["id"], made["id"])
        self.refused(409, "IDEMPOTENCY_CONFLICT", "POST", "/api/v1/users",
                     {**body, "role": "viewer"}, **how)
        secret = pathlib.Path(str(self.store()) + "-secret").read_bytes()
        data = b"".join(path.read_bytes() for path in self.store().parent.iterdir())
        text = b"POST\0/api/v1/users\0" + json.dumps(body).encode() + b"\0"
        for key in (b"", secret):
            digest = hashlib.blake2b(text, digest_size=32, key=key).hexdigest()
            self.assertFalse(digest.encode() in data)

    def test_a_lost_secret_voids_keys_and_not_passwords(self):
        home = self.new_home()
        daemon = self.another(home)
        answer = daemon.request("POST", "/api/v1/users", {"name": "ann", "password": PASSWORD})
        self.assertEqual(answer.status, 201)
        self.assertEqual(daemon.stop(), 0)
        secret = pathlib.Path(str(self.store(daemon)) + "-secret")
        kept = secret.read_bytes()
        secret.unlink()
        daemon = self.another(home)
        self.assertEqual(daemon.request("GET", "/api/v1/me").status, 401)
        self.assertIn("all keys and logins are void", daemon.log())
        self.assertEqual(daemon.request("POST", "/api/v1/login", {
            "name": "ann", "password": PASSWORD}, key="").status, 200)
        self.assertEqual(daemon.stop(), 0)
        secret.write_bytes(kept)
        daemon = self.another(home)
        self.assertEqual(daemon.request("GET", "/api/v1/me").status, 200)
        self.assertEqual(daemon.stop(), 0)
        for spoil, text in ((lambda: secret.chmod(0o644), "only its owner can read"),
                            (lambda: (secret.chmod(0o600), secret.write_bytes(b"short")),
                             "not the secret")):
            spoil()
            done = self.operator("user", "list", daemon=daemon, status=1)
            self.assertIn(text, done.stderr)


def subsets(items):
    items = sorted(items)
    return [set(chosen) for size in range(1, len(items) + 1)
            for chosen in itertools.combinations(items, size)]


if __name__ == "__main__":
    unittest.main()
