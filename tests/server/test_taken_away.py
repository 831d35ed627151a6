"""What was allowed ends while it runs: keys that are revoked, roles that are taken away,
users who are deleted, here or by an operator beside the daemon."""

import json
import re
import socket
import sqlite3
import subprocess
import threading
import time
import unittest

from accounts import AccountTest
from base import AICHAT, read_all, read_until, wait_until


class TakenAway(AccountTest):
    """Fault 64: what was allowed ends while it runs. Heartbeats are rare here, so that only
    the wake-up of this process, or its absence, can end a stream."""

    options = {"heartbeat_ms": "60000", "drain_ms": "500"}
    llm_path = "gen/n/100000/rate/20"

    def begin_reply(self, key, daemon=None):
        """A conversation's reply that runs: its stream's socket and the reply's id."""
        daemon = daemon or self.daemon
        made = daemon.request("POST", "/api/v1/conversations", {}, key=key).json()
        sock = self.ask(f"/api/v1/conversations/{made['id']}/messages", {
            "text": "on and on", "options": {"model": "openai/gpt-fake"}, "stream": True},
            key, daemon)
        head = read_until(sock, b'"type":"text"')
        return sock, re.search(rb'"reply_id":"([^"]+)"', head).group(1).decode()

    def ask(self, path, body, key, daemon=None, sock=None):
        data = json.dumps(body).encode()
        sock = sock or (daemon or self.daemon).connect()
        self.addCleanup(sock.close)
        sock.sendall(b"POST " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\n"
                     b"Authorization: Bearer " + key.encode() + b"\r\n"
                     b"Content-Type: application/json\r\nContent-Length: "
                     + str(len(data)).encode() + b"\r\n\r\n" + data)
        return sock

    def chat(self, key, daemon=None, sock=None):
        sock = self.ask("/v1/chat/completions", {
            "model": "openai/gpt-fake", "stream": True,
            "messages": [{"role": "user", "content": "on"}]}, key, daemon, sock)
        read_until(sock, b"tok3")
        return sock

    def assert_cut(self, sock, seconds=30):
        """It ends soon, and not as if it were whole."""
        sock.settimeout(seconds)
        rest = read_all(sock)
        self.assertNotIn(b"[DONE]", rest)
        self.assertNotIn(b'"type":"done"', rest)
        self.assertFalse(rest.endswith(b"0\r\n\r\n"))

    def test_a_key_is_revoked(self):
        user = self.new_user()
        first, key = self.new_key(user), self.new_key(user)
        sock, reply = self.begin_reply(key)
        chat = self.chat(key)
        self.ok("DELETE", f"/api/v1/me/keys/{self.me(key=key)['key_id']}", status=204, key=first)
        self.assert_cut(sock)
        self.assert_cut(chat)
        # The reply belongs to its user, who may go on reading it.
        state = self.ok("GET", f"/api/v1/replies/{reply}", key=first)
        self.assertIn(state["state"], ("running", "complete"))
        self.ok("POST", f"/api/v1/replies/{reply}/cancel", key=first)

    def test_a_key_is_revoked_that_waits_for_the_whole_reply(self):
        user = self.new_user()
        first, key = self.new_key(user), self.new_key(user)
        made = self.ok("POST", "/api/v1/conversations", {}, 201, key=key)
        before = self.llm.stats()["requests"]
        sock = self.ask(f"/api/v1/conversations/{made['id']}/messages", {
            "text": "on and on", "options": {"model": "openai/gpt-fake"}, "stream": False}, key)
        self.llm.wait_for(lambda llm: llm.stats()["requests"] > before)
        self.ok("DELETE", f"/api/v1/me/keys/{self.me(key=key)['key_id']}", status=204, key=first)
        answer = read_until(sock, b"}}}")
        self.assertTrue(answer.startswith(b"HTTP/1.1 401"), answer)

    def test_a_role_is_taken_away(self):
        user = self.new_user()
        key = self.new_key(user)
        sock, _ = self.begin_reply(key)
        self.ok("PATCH", f"/api/v1/users/{user['id']}", {"role": "viewer"})
        self.assert_cut(sock)

    def test_a_user_is_deleted(self):
        user = self.new_user()
        key = self.new_key(user)
        sock, reply = self.begin_reply(key)
        self.ok("DELETE", f"/api/v1/users/{user['id']}", status=204)
        self.assert_ended(sock)
        with sqlite3.connect(self.store()) as db:
            self.assertEqual(db.execute("SELECT count(*) FROM conversation WHERE owner = ?",
                                        (user["id"],)).fetchone()[0], 0)

    def test_nothing_is_written_after_a_user_is_deleted(self):
        """What an exchange writes at its end, it writes before the answer says so."""
        daemon = self.another(env=self.provider_env("gen/n/60000/bytes/200/rate/50000"))
        user = daemon.request("POST", "/api/v1/users", {"name": "ann"}).json()
        key = self.operator("key", "add", "ann", daemon=daemon).stdout.strip()
        seen = []

        def delete():
            answer = daemon.request("DELETE", f"/api/v1/users/{user['id']}")
            with sqlite3.connect(self.store(daemon)) as db:
                seen.append((answer.status, db.execute(
                    "SELECT count(*) FROM usage WHERE owner = ?", (user["id"],)).fetchone()[0]))
        with socket.socket() as sock:
            # Its worker is in the middle of a write when the user goes.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", daemon.port))
            self.chat(key, daemon, sock)
            time.sleep(1)
            thread = threading.Thread(target=delete)
            thread.start()
            wait_until(lambda: daemon.request("GET", "/api/v1/me", key=key).status == 401,
                       "the end of the key")
            time.sleep(0.5)
        thread.join()
        self.assertEqual(seen, [(204, 1)])

    def assert_ended(self, sock):
        """Cut, or told that it was stopped; but never as complete."""
        sock.settimeout(30)
        self.assertNotIn(b'"state":"complete"', read_all(sock))

    def test_by_an_operator_beside_the_daemon(self):
        """Nothing wakes the stream; its heartbeat asks."""
        daemon = self.another(options={"heartbeat_ms": "500"})
        made = daemon.request("POST", "/api/v1/users", {"name": "ann"})
        self.assertEqual(made.status, 201)
        key = json.loads(self.operator("key", "add", "ann", "--json", daemon=daemon).stdout)
        sock, _ = self.begin_reply(key["key"], daemon)
        chat = self.chat(key["key"], daemon)
        self.operator("key", "revoke", key["id"], daemon=daemon)
        self.assert_cut(sock)
        self.assert_cut(chat)

    def left_of(self, user, daemon):
        """Rows of the store that a user owns, or that are about them, by table. The audit
        log and the rows of usage stay."""
        found = {}
        with sqlite3.connect(self.store(daemon)) as db:
            tables = [name for name, in db.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table'")]
            for table in tables:
                columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
                where = " OR ".join(f"CAST({column} AS text) = ?" for column in columns)
                count = db.execute(f"SELECT count(*) FROM {table} WHERE {where}",
                                   len(columns) * (user["id"],)).fetchone()[0]
                if count and table not in ("audit", "usage"):
                    found[table] = count
        return found

    def assert_deleted(self, daemon, user, key):
        self.assertEqual(self.left_of(user, daemon), {})
        self.assertEqual(daemon.request("GET", "/api/v1/me", key=key).status, 401)
        self.assertEqual(daemon.request("GET", f"/api/v1/users/{user['id']}").status, 404)
        done = subprocess.run([AICHAT, "verify"], env=daemon.env, capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done)

    def test_deleted_by_an_operator_beside_the_daemon(self):
        """The daemon ends what runs in it, and nothing is written afterwards."""
        daemon = self.another(options={"heartbeat_ms": "60000"})
        user = daemon.request("POST", "/api/v1/users", {"name": "ann"}).json()
        key = self.operator("key", "add", "ann", daemon=daemon).stdout.strip()
        daemon.request("POST", "/api/v1/conversations", {}, key, {"Idempotency-Key": "once"})
        watched, _ = self.begin_reply(key, daemon)
        left, _ = self.begin_reply(key, daemon)
        left.close()
        chat = self.chat(key, daemon)
        self.assertTrue(self.left_of(user, daemon))
        self.operator("user", "delete", "ann", daemon=daemon)
        self.assert_deleted(daemon, user, key)
        for sock in (watched, chat):
            self.assert_ended(sock)
        other = daemon.request("POST", "/api/v1/users", {"name": "ben"}).json()
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.left_of(user, daemon), {})
        self.operator("user", "delete", "ben", daemon=daemon)  # with no daemon there
        self.assertEqual(self.left_of(other, daemon), {})

    def test_a_deletion_is_finished_by_the_daemon(self):
        """What still runs does not take what is written to it: nobody waits so long."""
        daemon = self.another(env=self.provider_env("gen/n/60000/bytes/200/rate/50000"),
                              options={"write_timeout_ms": "7000"})
        user = daemon.request("POST", "/api/v1/users", {"name": "ann"}).json()
        key = self.operator("key", "add", "ann", daemon=daemon).stdout.strip()
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", daemon.port))
            self.chat(key, daemon, sock)
            time.sleep(1)
            done = self.operator("-o", "server.write_timeout_ms=100", "user", "delete", "ann",
                                 daemon=daemon, status=1)
            self.assertIn("ann cannot get in any more", done.stderr)
            self.assertTrue(self.left_of(user, daemon))
            wait_until(lambda: not self.left_of(user, daemon), "the end of the deletion")
        self.assert_deleted(daemon, user, key)
        self.assertIn("was deleted", daemon.log())

    def test_others_go_on(self):
        keys = [self.new_key(self.new_user()) for _ in range(2)]
        streams = [self.chat(key) for key in keys]
        self.ok("PATCH", f"/api/v1/users/{self.me(key=keys[0])['user']['id']}",
                {"role": "viewer"})
        self.assert_cut(streams[0])
        for n in range(3):
            read_until(streams[1], b"tok")


if __name__ == "__main__":
    unittest.main()
