"""Conversations and messages through the native API."""

import json
import threading
import unittest

from base import wait_until
from native import (API, CONVERSATIONS, NO_ID, Events, Locked, NativeTest, message_text,
                    small_files)


def together(count, work):
    """What work(n) returns, for all n at once."""
    results = [None] * count
    start = threading.Barrier(count)

    def run(n):
        start.wait()
        results[n] = work(n)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class ConversationsTest(NativeTest):
    models = {"slow": "n/2000/rate/200", "tools": "tools/2", "failing": "status/400",
              "refusing": "status/401", "busy": "status/503", "echo2": "echo"}

    # --- conversations ---

    def test_life(self):
        answer = self.daemon.request("POST", CONVERSATIONS, {
            "title": "Roses", "tags": ["garden", "work"], "pinned": True,
            "settings": {"options": {"model": "plain/fake", "temperature": 0.5},
                         "tools": [{"name": "f", "parameters": {"type": "object"}}]}})
        self.assertEqual(answer.status, 201, answer)
        made = answer.json()
        path = answer.headers["location"]
        self.assertEqual(path, f"{CONVERSATIONS}/{made['id']}")
        self.assertEqual(answer.headers["etag"], '"1"')
        self.assertEqual((made["title"], made["tags"], made["pinned"], made["archived"],
                          made["version"]), ("Roses", ["garden", "work"], True, False, 1))
        self.assertEqual(made["settings"]["options"],
                         {"model": "plain/fake", "temperature": "0.5"})
        self.assertNotIn("head", made)
        self.assertEqual(self.ok("GET", path), made)

        changed = self.ok("PATCH", path, {"title": "Weeds", "archived": True, "settings": {
            "options": {"temperature": None, "seed": 3}, "tools": None}})
        self.assertEqual(changed["settings"],
                         {"options": {"model": "plain/fake", "seed": "3"}})
        self.assertEqual((changed["title"], changed["version"]), ("Weeds", 2))

        self.ok("DELETE", path, status=204)
        for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
            self.refused(404, "NOT_FOUND", method, path, body)
        self.refused(404, "NOT_FOUND", "GET", f"{path}/messages")

    def test_only_the_version_that_was_seen_is_changed(self):
        path = self.new()
        self.ok("PATCH", path, {"title": "a"}, headers={"If-Match": '"1"'})
        self.refused(412, "STALE", "PATCH", path, {"title": "b"},
                     headers={"If-Match": '"1"'})
        self.refused(412, "STALE", "PATCH", path, {"title": "b"},
                     headers={"If-Match": 'W/"2"'})
        self.ok("PATCH", path, {"title": "c"}, headers={"If-Match": "*"})
        self.assertEqual(self.ok("GET", path)["title"], "c")
        # Of many who saw the same one wins.
        version = self.ok("GET", path)["version"]
        answers = together(20, lambda n: self.daemon.request(
            "PATCH", path, {"title": f"t{n}"}, headers={"If-Match": f'"{version}"'}))
        self.assertEqual(sorted(a.status for a in answers), [200] + 19 * [412])

    def test_lists(self):
        tag = "of-this-test"
        for n in range(5):
            self.ok("POST", CONVERSATIONS, {"title": f"Number {n}", "tags": [tag],
                                            "archived": n == 0}, 201)
        seen, path = [], f"{CONVERSATIONS}?tag={tag}&limit=3"
        while path:
            answer = self.daemon.request("GET", path)
            page = answer.json()
            seen += [c["title"] for c in page["data"]]
            self.assertEqual(page["has_more"], "link" in answer.headers)
            path = (answer.headers["link"].removeprefix("<").split(">")[0]
                    if page["has_more"] else None)
        self.assertEqual(seen, [f"Number {n}" for n in (4, 3, 2, 1)])

        def titles(query):
            return [c["title"] for c in self.ok("GET", f"{CONVERSATIONS}?{query}")["data"]]
        self.assertEqual(titles(f"tag={tag}&archived=true"), ["Number 0"])
        self.assertEqual(titles(f"tag={tag}&text=NUMBER%202"), ["Number 2"])
        self.assertEqual(titles(f"tag={tag}&text=%25"), [])
        for query in ("limit=0", "limit=201", "limit=x", "archived=perhaps", "tag=",
                      "nonsense=1", "limit=1&limit=2"):
            self.refused(422, "VALIDATION_FAILED", "GET", f"{CONVERSATIONS}?{query}")
        self.refused(422, "VALIDATION_FAILED", "GET", f"{CONVERSATIONS}?cursor=x")

    # --- messages ---

    def test_the_tree(self):
        path = self.new(system="Be brief.")
        first = self.say(path, "one")
        self.assertEqual(first["reply"]["state"], "complete")
        self.assertEqual(message_text(first["message"]), "tok0 tok1 tok2 tok3 tok4 ")
        second = self.say(path, "two")
        beside = self.say(path, "two, too", parent_id=first["message"]["id"])
        alone = self.say(path, "alone", parent_id=None)

        def ask(end):
            return end["reply"]["user_message_id"]

        def get(message):
            return self.ok("GET", f"{path}/messages/{message}")
        self.assertEqual(get(ask(second))["parent_id"], first["message"]["id"])
        self.assertEqual(get(ask(beside))["parent_id"], first["message"]["id"])
        root = get(get(ask(alone))["parent_id"])
        self.assertEqual((root["role"], "parent_id" in root), ("system", False))

        self.ok("PATCH", path, {"head": second["message"]["id"]})
        shown = self.ok("GET", f"{path}/messages")
        self.assertEqual([m["role"] for m in shown["data"]],
                         ["system", "user", "assistant", "user", "assistant"])
        self.assertEqual(shown["data"][-1], second["message"])
        pages, cursor = [], ""
        while cursor is not None:
            page = self.ok("GET", f"{path}/messages?limit=2{cursor}")
            pages = page["data"] + pages
            cursor = f"&cursor={page['next_cursor']}" if page["has_more"] else None
        self.assertEqual(pages, shown["data"])

        tree, cursor = [], ""
        while cursor is not None:
            page = self.ok("GET", f"{path}/messages?view=tree&limit=3{cursor}")
            tree += page["data"]
            cursor = f"&cursor={page['next_cursor']}" if page["has_more"] else None
        self.assertEqual(len(tree), 10)
        known = set()
        for message in tree:  # parents come first
            self.assertIn(message.get("parent_id"), {None} | known)
            known.add(message["id"])

    def test_parts(self):
        path = self.new("echo2")
        answer = self.ok("POST", f"{path}/messages", {"parts": [
            {"type": "text", "text": "See this:"},
            {"type": "image", "media_type": "image/png", "data": "iVBORw0KGgo="}]})
        asked = self.ok("GET", f"{path}/messages/{answer['reply']['user_message_id']}")
        self.assertEqual([p["type"] for p in asked["parts"]], ["text", "image"])
        self.assertEqual(asked["parts"][1]["data"], "iVBORw0KGgo=")
        for body in ({}, {"text": ""}, {"text": " \n"}, {"text": "x", "parts": []},
                     {"text": "x", "parts": [{"type": "text", "text": "y"}]},
                     {"parts": [{"type": "tool_result"}]}, {"parts": [{"type": "text"}]},
                     {"parts": [{"type": "image", "media_type": "image/png",
                                 "data": "not base64"}]},
                     {"parts": [{"type": "text", "text": "x", "raw": "{}"}]},
                     {"text": "x", "options": {"nonsense": 1}},
                     {"text": "x", "options": {"store": "/etc/passwd"}},
                     {"text": "x", "options": {"temperature": "hot"}}):
            self.refused(422, "VALIDATION_FAILED", "POST", f"{path}/messages", body)
        self.refused(404, "UNKNOWN_MODEL", "POST", f"{path}/messages",
                     {"text": "x", "options": {"model": "nobody"}})
        self.assertEqual(len(self.ok("GET", f"{path}/messages")["data"]), 2)

    def test_edit_and_retry(self):
        path = self.new()
        first = self.say(path, "one")
        asked = f"{path}/messages/{first['reply']['user_message_id']}"
        edited = self.ok("POST", f"{asked}/edit", {"text": "one, better"})
        self.assertNotEqual(edited["reply"]["user_message_id"],
                            first["reply"]["user_message_id"])
        again = self.ok("POST", f"{asked}/retry",
                        {"options": {"model": "echo2/fake"}})
        self.assertEqual(message_text(again["message"]), "one")
        self.assertEqual(again["reply"]["model"], "echo2/fake")
        self.assertEqual(again["reply"]["user_message_id"],
                         first["reply"]["user_message_id"])
        # An answer names its question.
        self.ok("POST", f"{path}/messages/{first['message']['id']}/retry", {})
        self.ok("POST", f"{path}/messages/{first['message']['id']}/retry")
        self.refused(409, "WRONG_STATE", "POST",
                     f"{path}/messages/{first['message']['id']}/edit", {"text": "x"})
        self.assertEqual(len(self.ok("GET", f"{path}/messages?view=tree")["data"]), 7)

    def test_erase(self):
        path = self.new("echo2")
        end = self.say(path, "the canary sings")
        for message in (end["reply"]["user_message_id"], end["message"]["id"]):
            self.assertEqual(self.ok("DELETE", f"{path}/messages/{message}"),
                             {"id": message, "state": "erased", "purged": True})
            self.assertEqual(self.ok("GET", f"{path}/messages/{message}")["parts"], [])
        self.assertNotIn("title", self.ok("GET", path))
        for name in ("store", "store-wal"):
            self.assertNotIn(b"canary sings", (self.home / name).read_bytes())
        running = self.stream(self.new("slow"))
        start = running.until("text")[0]
        self.refused(409, "WRONG_STATE", "DELETE",
                     f"{CONVERSATIONS}/{start['conversation_id']}/messages/"
                     f"{start['message_id']}")
        self.refused(409, "WRONG_STATE", "DELETE",
                     f"{CONVERSATIONS}/{start['conversation_id']}")
        self.ok("POST", f"{API}/replies/{start['reply_id']}/cancel")
        self.ok("DELETE", f"{CONVERSATIONS}/{start['conversation_id']}", status=204)
        self.refused(404, "NOT_FOUND", "GET", f"{API}/replies/{start['reply_id']}/events")

    def test_tools(self):
        path = self.new("tools")
        self.ok("PATCH", path, {"settings": {"tools": [
            {"name": "add", "parameters": {"type": "object", "properties": {
                "a": {"type": "integer"}}}}]}})
        end = self.say(path, "2 + 2?")
        self.assertEqual(end["reply"]["state"], "waiting")
        calls = [p for p in end["message"]["parts"] if p["type"] == "tool_call"]
        self.assertEqual(len(calls), 2)
        reply = f"{API}/replies/{end['reply']['id']}"
        viewer = self.look(reply, after=end["reply"]["last_seq"])
        self.refused(404, "NOT_FOUND", "POST", f"{reply}/tool-results",
                     {"results": [{"tool_call_id": "none", "text": "4"}]})
        first = {"results": [{"tool_call_id": calls[0]["id"], "text": "4"}]}
        self.assertEqual(self.ok("POST", f"{reply}/tool-results", first)["state"],
                         "waiting")
        self.ok("POST", f"{reply}/tool-results", first)  # once more: nothing happens
        self.ok("POST", f"{reply}/tool-results", {"results": [
            {"tool_call_id": calls[1]["id"], "text": "no such number",
             "is_error": True}]})
        self.assertEqual(list(viewer)[-1]["type"], "done")
        state = self.ends(reply)
        self.assertEqual((state["state"], state["rounds"], len(state["message_ids"])),
                         ("complete", 2, 3))
        self.refused(409, "WRONG_STATE", "POST", f"{reply}/tool-results", first)

    # --- once and no more ---

    def test_a_repeat_is_told_of_the_first(self):
        path = self.new("slow")
        key = {"Idempotency-Key": "of this test"}
        asked = self.llm.stats()["requests"]

        def ask(n):
            events = Events(self.daemon, "POST", f"{path}/messages",
                            {"text": "hi", "stream": True}, key)
            seen = events.until("text")
            events.close()
            return events.status, seen[0]["reply_id"], events.headers.get(
                "idempotent-replayed")
        answers = together(50, ask)
        self.assertEqual({a[0] for a in answers}, {200})
        self.assertEqual(len({a[1] for a in answers}), 1)
        self.assertEqual(sorted(str(a[2]) for a in answers), ["None"] + 49 * ["true"])
        self.assertEqual(self.llm.stats()["requests"], asked + 1)
        self.refused(409, "IDEMPOTENCY_CONFLICT", "POST", f"{path}/messages",
                     {"text": "ho", "stream": True}, headers=key)
        self.refused(409, "IDEMPOTENCY_CONFLICT", "POST", f"{self.new()}/messages",
                     {"text": "hi", "stream": True}, headers=key)
        self.ok("POST", f"{API}/replies/{answers[0][1]}/cancel")
        # After the end as well: the same events again.
        again = Events(self.daemon, "POST", f"{path}/messages",
                       {"text": "hi", "stream": True}, key)
        self.assertEqual(list(again)[-1]["state"], "stopped")
        again.close()

    def test_a_repeat_after_a_crash(self):
        """Fault 6 with kill -9 between: the store alone knows that it was made."""
        home = self.new_home()
        daemon = self.another(home)
        path = self.new("slow", daemon=daemon)
        key = {"Idempotency-Key": "before and after"}
        body = {"text": "hi", "stream": True}
        asked = self.llm.stats()["requests"]
        first = Events(daemon, "POST", f"{path}/messages", body, key)
        reply = first.until("text")[0]["reply_id"]
        daemon.kill()
        first.close()
        daemon = self.another(home)
        again = Events(daemon, "POST", f"{path}/messages", body, key)
        seen = list(again)
        again.close()
        self.assertEqual((seen[0]["reply_id"], seen[-1]["state"]), (reply, "interrupted"))
        self.assertEqual(self.llm.stats()["requests"], asked + 1)
        answer = daemon.request("POST", f"{path}/messages", {"text": "ho"}, headers=key)
        self.assertEqual(answer.json()["error"]["code"], "IDEMPOTENCY_CONFLICT")

    def test_a_conversation_is_made_once(self):
        key = {"Idempotency-Key": "one conversation"}
        answers = together(20, lambda n: self.daemon.request(
            "POST", CONVERSATIONS, {"title": "Once"}, headers=key))
        self.assertEqual({a.status for a in answers}, {201})
        self.assertEqual(len({a.json()["id"] for a in answers}), 1)
        self.refused(409, "IDEMPOTENCY_CONFLICT", "POST", CONVERSATIONS,
                     {"title": "Twice"}, headers=key)
        self.refused(422, "VALIDATION_FAILED", "POST", CONVERSATIONS, {},
                     headers={"Idempotency-Key": "x" * 256})

    def running(self, path, **how):
        """The path of a reply that goes on for long."""
        events = Events(self.daemon, "POST", f"{path}/messages",
                        {"text": "hi", "stream": True}, **how)
        self.addCleanup(events.close)
        return f"{API}/replies/{events.until('text')[0]['reply_id']}"

    def test_a_reply_is_stopped_once(self):
        key = {"Idempotency-Key": "stop"}
        path = self.new("slow")
        first, second = self.running(path), self.running(path)
        for replayed in (None, "true"):
            answer = self.daemon.request("POST", f"{first}/cancel", headers=key)
            self.assertEqual((answer.status, answer.json()["state"]), (200, "stopped"))
            self.assertEqual(answer.headers.get("idempotent-replayed"), replayed)
        for other, body in ((first, {}), (second, None)):
            self.refused(409, "IDEMPOTENCY_CONFLICT", "POST", f"{other}/cancel", body,
                         headers=key)
        self.assertNotIn("ended_at", self.state(second))
        self.refused(422, "VALIDATION_FAILED", "POST", f"{second}/cancel",
                     headers={"Idempotency-Key": "x" * 256})
        self.ok("POST", f"{second}/cancel")

    def test_keys_of_others_are_others(self):
        key = {"Idempotency-Key": "of two users"}
        who = {"name": "other", "password": "a password of twenty"}
        self.ok("POST", "/api/v1/users", who, 201)
        login = self.daemon.request("POST", "/api/v1/login", who, key="")
        other = {"Cookie": login.headers["set-cookie"].split(";")[0],
                 "X-CSRF-Token": login.json()["csrf_token"]}
        mine = self.running(self.new("slow"))
        made = self.ok("POST", CONVERSATIONS, {"settings": {"options": {
            "model": "slow/fake"}}}, 201, key="", headers=other)
        theirs = self.running(f"{CONVERSATIONS}/{made['id']}", key="", headers=other)
        self.ok("POST", f"{mine}/cancel", headers=key)
        answer = self.daemon.request("POST", f"{theirs}/cancel", {}, key="",
                                     headers={**other, **key})
        self.assertEqual((answer.status, answer.json()["state"]), (200, "stopped"))
        self.assertNotIn("idempotent-replayed", answer.headers)

    def test_tools_are_answered_once(self):
        daemon = self.another(home := self.new_home())
        path = self.new("tools", daemon)
        tools = [{"name": "f", "parameters": {"type": "object"}}]
        daemon.request("PATCH", path, {"settings": {"tools": tools}})
        end = self.say(path, daemon=daemon)
        reply = f"{API}/replies/{end['reply']['id']}"
        ids = [p["id"] for p in end["message"]["parts"] if p["type"] == "tool_call"]

        def answer(key, *ids):
            """Status, state or error, and whether it was told before."""
            got = daemon.request(
                "POST", f"{reply}/tool-results",
                {"results": [{"tool_call_id": id, "text": "4"} for id in ids]},
                headers={"Idempotency-Key": key})
            told = got.json()
            return (got.status, told["error"]["code"] if "error" in told else
                    told["state"], got.headers.get("idempotent-replayed"))
        # What was refused is judged again.
        for _ in range(2):
            self.assertEqual(answer("none", "none"), (404, "NOT_FOUND", None))
        self.assertEqual(answer("one", ids[0]), (200, "waiting", None))
        daemon.kill()
        daemon = self.another(home)
        self.assertEqual(answer("one", ids[0]), (200, "waiting", "true"))
        self.assertEqual(answer("one", ids[1]), (409, "IDEMPOTENCY_CONFLICT", None))
        self.assertEqual(answer("two", ids[1])[::2], (200, None))
        self.assertEqual(self.ends(reply, daemon)["state"], "complete")
        # What was taken is not refused, though nothing waits any more.
        self.assertEqual(answer("two", ids[1]), (200, "complete", "true"))
        self.assertEqual(answer("late", ids[1]), (409, "WRONG_STATE", None))
        self.assertEqual(answer("two", *ids), (409, "IDEMPOTENCY_CONFLICT", None))

    def test_two_tabs(self):
        path = self.new()
        head = self.say(path, "zero")["message"]["id"]
        ends = together(8, lambda n: self.say(path, f"tab {n}", parent_id=head))
        for end in ends:
            asked = self.ok("GET", f"{path}/messages/{end['reply']['user_message_id']}")
            self.assertEqual(asked["parent_id"], head)
        count = 18
        for _ in range(25):  # one wins, however they meet
            version = self.daemon.request("GET", path).headers["etag"]
            answers = together(8, lambda n: self.daemon.request(
                "POST", f"{path}/messages", {"text": f"late {n}"},
                headers={"If-Match": version}))
            self.assertEqual(sorted(a.status for a in answers), [200] + 7 * [412])
            count += 2
        tree = []
        page = self.ok("GET", f"{path}/messages?view=tree&limit=200")
        tree += page["data"]
        self.assertEqual(len(tree), count)
        self.assertEqual(len({m["id"] for m in tree}), count)
        ids = {m["id"] for m in tree} | {None}
        self.assertTrue(all(m.get("parent_id") in ids for m in tree))

    # --- what goes wrong ---

    def test_providers_that_fail(self):
        for model, status, code in (("failing", 400, "PROVIDER_REJECTED"),
                                    ("refusing", 502, "PROVIDER_AUTH"),
                                    ("busy", 503, "PROVIDER_OVERLOADED")):
            path = self.new(model, max_retries=0)
            answer = self.daemon.request("POST", f"{path}/messages", {"text": "hi"})
            self.assertEqual(answer.status, status, answer)
            self.assertEqual(answer.json()["error"]["code"], code)
            self.assertNotIn(b"sk-canary", answer.body)
            state = self.state(answer.headers["location"])
            self.assertEqual(state["state"], "failed")
            self.assertTrue(state["error"]["message"])
            # What was said is kept, and can be answered by another.
            end = self.ok("POST", f"{path}/messages/{state['user_message_id']}/retry",
                          {"options": {"model": "plain/fake"}})
            self.assertEqual(end["reply"]["state"], "complete")
            events = list(self.stream(path))
            self.assertEqual(events[-1]["type"], "error")

    def test_a_full_disk(self):
        home = self.new_home()
        daemon = self.another(home, limit=small_files(400_000))
        path = self.new(daemon=daemon)
        kept = self.say(path, "kept", daemon)
        full = None
        for n in range(40):
            answer = daemon.request("POST", f"{path}/messages",
                                    {"text": f"{n} " + "x" * 20000})
            if answer.status != 200:
                full = answer
                break
        self.assertIsNotNone(full)
        # The store may have been filled by a question, or by the reply to one.
        if full.status != 507:
            full = daemon.request("POST", f"{path}/messages", {"text": "y" * 40000})
        self.assertEqual(full.status, 507, full)
        self.assertEqual(full.json()["error"]["code"], "STORAGE_FULL")
        asked = self.llm.stats()["requests"]
        answer = daemon.request("POST", f"{path}/messages", {"text": "z" * 40000})
        self.assertEqual(answer.status, 507, answer)
        self.assertEqual(self.llm.stats()["requests"], asked)
        found = daemon.request("GET", f"{path}/messages/{kept['message']['id']}")
        self.assertEqual(found.json(), kept["message"])
        daemon.kill()
        self.verify(home)

    def test_a_locked_store(self):
        home = self.new_home()
        daemon = self.another(home, args=("-o", "store_busy_timeout_ms=300"))
        path = self.new(daemon=daemon)
        asked = self.llm.stats()["requests"]
        with Locked(home):
            answer = daemon.request("POST", f"{path}/messages", {"text": "hi"})
            self.assertEqual(answer.status, 503, answer)
            self.assertEqual(answer.json()["error"]["code"], "BUSY")
            self.assertIn("retry-after", answer.headers)
            self.assertEqual(daemon.request("GET", path).status, 200)
        self.assertEqual(self.llm.stats()["requests"], asked)
        self.say(path, daemon=daemon)

    def test_nothing_is_found_by_ids_of_others(self):
        path = self.new()
        end = self.say(path)
        message, reply = end["message"]["id"], end["reply"]["id"]
        other = self.new()
        says = {"text": "x"}
        results = {"results": [{"tool_call_id": "x", "text": "x"}]}
        for strange in (NO_ID, "x", "..%2e", message.upper(), reply, message):
            for method, at, body in (
                    ("GET", "", None), ("PATCH", "", {}), ("DELETE", "", None),
                    ("GET", "/messages", None), ("POST", "/messages", says)):
                answer = self.daemon.request(method, f"{CONVERSATIONS}/{strange}{at}", body)
                self.assertIn(answer.status, (400, 404), (strange, method, at, answer))
        for strange in (NO_ID, "x", reply, message):
            for method, at, body in (("GET", "", None), ("DELETE", "", None),
                                     ("POST", "/edit", says), ("POST", "/retry", {})):
                self.refused(404, "NOT_FOUND", method,
                             f"{other}/messages/{strange}{at}", body)
            self.refused(404 if len(strange) == 36 else 422,
                         "NOT_FOUND" if len(strange) == 36 else "VALIDATION_FAILED",
                         "POST", f"{other}/messages", {"text": "x", "parent_id": strange})
            self.refused(404 if len(strange) == 36 else 422,
                         "NOT_FOUND" if len(strange) == 36 else "VALIDATION_FAILED",
                         "PATCH", other, {"head": strange})
        asked = end["reply"]["user_message_id"]
        for strange in (NO_ID, "x", asked, path.rsplit("/", 1)[1]):
            for method, at, body in (("GET", "", None), ("GET", "/events", None),
                                     ("POST", "/cancel", None),
                                     ("POST", "/tool-results", results)):
                self.refused(404, "NOT_FOUND", method,
                             f"{API}/replies/{strange}{at}", body)

    def test_hostile_bodies(self):
        path = self.new()
        targets = (("POST", CONVERSATIONS), ("PATCH", path), ("POST", f"{path}/messages"))
        bodies = (b"", b"{", b"[]", b'"x"', b"null", b"{}{}", b'{"a":1,"a":2}',
                  b'{"text":"\xff"}', b'{"text":"\\ud800"}', b"\xef\xbb\xbf{}",
                  b'{"text":' + b"[" * 100 + b"]" * 100 + b"}", b'{"text":1e999}',
                  b'{"text":"' + b"\\u0000" + b'"}', b"{" + b'"x":1,' * 200000 + b'"y":1}')
        for method, at in targets:
            for body in bodies:
                answer = self.daemon.request(method, at, body)
                fine = method != "POST" and body == b"" or at == CONVERSATIONS
                if fine and answer.status in (200, 201) and body == b"":
                    continue
                self.assertIn(answer.status, (400, 413, 422), (body[:40], answer))
                self.assertIn("error", answer.json())
        self.assertEqual(self.ok("GET", f"{path}/messages")["data"], [])

    def test_wrong_types_in_every_field(self):
        """Each field of each body gets what it is not: from the contract itself."""
        path = self.new()
        answer = self.daemon.request("GET", "/openapi.json")
        if answer.status == 404:
            self.skipTest("there is no /openapi.json")
        paths = answer.json()["paths"]
        schemas = answer.json().get("components", {}).get("schemas", {})
        end = self.say(path)
        ids = {CONVERSATIONS: path.rsplit("/", 1)[1], f"{API}/replies": end["reply"]["id"],
               "message": end["reply"]["user_message_id"]}
        values = {"string": [1, {}, [], True], "integer": ["1", 1.5, {}, []],
                  "number": ["1", {}, []], "boolean": ["true", 0, None],
                  "object": ["x", 1, []], "array": ["x", 1, {}]}
        tried = 0
        for template, methods in paths.items():
            if not template.startswith((CONVERSATIONS, f"{API}/replies")):
                continue
            at = template.replace("{message_id}", ids["message"])
            at = at.replace("{id}", ids[CONVERSATIONS if CONVERSATIONS in template
                                        else f"{API}/replies"])
            for method, operation in methods.items():
                body = operation.get("requestBody") if isinstance(operation, dict) else None
                if not body:
                    continue
                schema = body["content"]["application/json"]["schema"]
                if "$ref" in schema:
                    schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
                for name, field in schema.get("properties", {}).items():
                    kinds = field.get("type", [])
                    kinds = kinds if isinstance(kinds, list) else [kinds]
                    for value in values.get(kinds[0] if kinds else "", ()):
                        if value is None and "null" in kinds:
                            continue
                        answer = self.daemon.request(method.upper(), at, {name: value})
                        self.assertEqual(answer.status, 422, (method, at, name, value,
                                                              answer))
                        errors = answer.json()["error"]["details"]["errors"]
                        self.assertIn(["body", name], [e["loc"] for e in errors])
                        tried += 1
        self.assertGreater(tried, 30)

    def test_models(self):
        models = self.ok("GET", f"{API}/models")["data"]
        everything = self.ok("GET", f"{API}/models?all=true")["data"]
        self.assertTrue(all(m["ready"] for m in models))
        self.assertGreater(len(everything), len(models))
        priced = [m for m in everything if "nano_usd_per_token" in m]
        self.assertTrue(priced)
        self.assertTrue(any("tools" in m["abilities"] for m in priced))

    def test_the_log_says_what_was_used(self):
        path = self.new()
        answer = self.daemon.request("POST", f"{path}/messages", {"text": "canary words"})
        request_id = answer.headers["x-request-id"]
        line = wait_until(lambda: [at for at in self.daemon.log_lines()
                                   if at.get("request_id") == request_id], "a line")[0]
        self.assertEqual((line["route"], line["model"], line["output_tokens"]),
                         ("messages.send", "plain/fake", 5))
        self.assertNotIn("canary words", self.daemon.log())


if __name__ == "__main__":
    unittest.main()
