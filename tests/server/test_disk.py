"""Rows 46 to 49 of the fault matrix: a disk that is full, fills up or fails under the
daemon, when something is said, while replies are written, and when the gateway is asked.

What must hold: nothing that was acknowledged is lost, nothing was shown that is not
stored, the store is sound. A commit whose sync failed is neither: nobody was told that it
is there, and it may be found whole after the next start."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import threading
import unittest

from base import SECONDS, wait_until
from native import message_text, text_of
from test_faults import CHAT, MESSAGES, SANITIZED, FaultTest, tokens


class DiskTest(FaultTest):
    def ready(self, daemon):
        answer = daemon.request("GET", "/readyz", key="")
        return answer.status, answer.json()["store"]

    def gateway_refuses(self, daemon, status, code):
        """Both protocols, in their words, before a provider is asked."""
        asked = self.llm.stats()["requests"]
        for path in (CHAT, MESSAGES):
            answer = daemon.request("POST", path, {
                "model": "plain/fake", "max_tokens": 100,
                "messages": [{"role": "user", "content": "Hello?"}]})
            error = answer.json()["error"]
            self.assertEqual((answer.status, answer.headers["x-should-retry"]),
                             (status, "false"), answer)
            if path == CHAT:
                self.assertEqual((error["type"], error["code"]), ("server_error", code))
            else:
                self.assertEqual((answer.json()["type"], error["type"]),
                                 ("error", "api_error"))
            self.assertIn("no model was asked", error["message"])
            self.assertNotIn(str(daemon.home), error["message"])
        self.assertEqual(self.llm.stats()["requests"], asked, "a provider was asked")

    def gateway_works(self, daemon):
        for path in (CHAT, MESSAGES):
            answer = daemon.request("POST", path, {
                "model": "plain/fake", "max_tokens": 100,
                "messages": [{"role": "user", "content": "Hello?"}]})
            self.assertEqual(answer.status, 200, answer)

    def told(self, daemon, text):
        """How often the log says so."""
        return sum(text in line.get("message", "") for line in daemon.log_lines())


class Failing(DiskTest):
    """Rows 46, 48 and 49: writes and syncs that fail; and reads."""

    models = {"paced": "n/100/rate/100", "large": "n/3000/bytes/40"}

    def with_disk(self, home=None):
        """A daemon, and the file that makes its disk fail."""
        home = home or self.new_home()
        env = {"LD_PRELOAD": os.environ["BADDISK"], "BAD_DISK": str(home / "bad-disk")}
        if SANITIZED:
            env["ASAN_OPTIONS"] = (os.environ.get("ASAN_OPTIONS", "") +
                                   ":verify_asan_link_order=0")
        return self.another(home, env=env), home / "bad-disk"

    def check_kept(self, home, path, kept, more):
        """After another start: what was told is there, and at most so much besides."""
        again = self.another(home)
        found = again.request("GET", f"{path}/messages").json()["data"]
        self.assertEqual(found[1], kept["message"])
        self.assertLessEqual(len([m for m in found[2:] if message_text(m)]), more)
        self.say(path, "on", again)
        self.gateway_works(again)
        self.assertEqual(self.ready(again), (200, "ok"))
        self.assertEqual(again.stop(), 0)
        self.verify(home)

    def check_read(self, daemon, path, kept):
        found = daemon.request("GET", f"{path}/messages").json()["data"]
        self.assertEqual(found[-1], kept["message"])
        self.assertEqual(daemon.request("GET", "/healthz").status, 200)

    def test_a_question(self):
        """What was lost once is not tried again before the next start."""
        for fault in ("write EIO", "sync EIO", "sync ENOSPC"):
            with self.subTest(fault):
                daemon, disk = self.with_disk()
                path = self.new(daemon=daemon)
                kept = self.say(path, "kept", daemon)
                asked = self.llm.stats()["requests"]
                disk.write_text(fault)
                met = []
                for _ in range(3):
                    answer = daemon.request("POST", f"{path}/messages", {"text": "lost"})
                    error = answer.json()["error"]
                    met.append((answer.status, error["code"]))
                    self.assertIn("the disk failed", error["message"])
                    disk.unlink(missing_ok=True)  # the disk is well again: too late
                # The daemon itself may have been the first to meet it.
                self.assertIn(met[0], ((500, "STORAGE"), (503, "STORAGE_READ_ONLY")))
                self.assertEqual(met[1:], 2 * [(503, "STORAGE_READ_ONLY")])
                self.assertEqual(self.llm.stats()["requests"], asked, "it was sent")
                self.assertEqual(self.ready(daemon), (503, "STORAGE_READ_ONLY"))
                self.check_read(daemon, path, kept)
                self.gateway_refuses(daemon, 503, "storage_read_only")
                self.gateway_refuses(daemon, 503, "storage_read_only")
                self.assertEqual(self.told(daemon, "nothing new is taken"), 1)
                note = pathlib.Path(f"{daemon.home}/store-lock")
                self.assertGreater(note.stat().st_size, 0)
                self.assertEqual(daemon.stop(), 0)
                self.check_kept(daemon.home, path, kept, fault != "write EIO")
                self.assertEqual(note.stat().st_size, 0)

    def test_an_answer_that_cannot_be_read_is_not_made_again(self):
        def ask(daemon):
            return daemon.request("POST", CHAT, {
                "model": "large/fake", "messages": [{"role": "user", "content": "Hello?"}]},
                headers={"Idempotency-Key": "once"})

        before, _ = self.with_disk()
        first = ask(before)
        self.assertEqual((first.status, before.stop()), (200, 0))
        daemon, disk = self.with_disk(before.home)
        daemon.key = before.key
        self.assertEqual(daemon.request("GET", "/api/v1/me").status, 200)
        asked = self.llm.stats()["requests"]
        disk.write_text("read EIO once")
        answer = ask(daemon)
        # Somebody else may have met the failure.
        self.assertIn((answer.status, answer.body == first.body), ((500, False), (200, True)))
        disk.unlink(missing_ok=True)
        again = ask(daemon)
        self.assertEqual((again.status, again.body), (200, first.body))
        self.assertEqual(self.llm.stats()["requests"], asked, "a provider was asked")
        self.assertEqual(daemon.stop(), 0)

    def test_a_question_on_a_full_disk(self):
        for fault in ("write ENOSPC", "write EDQUOT"):
            with self.subTest(fault):
                daemon, disk = self.with_disk()
                path = self.new(daemon=daemon)
                kept = self.say(path, "kept", daemon)
                asked = self.llm.stats()["requests"]
                disk.write_text(fault)
                for _ in range(3):
                    answer = daemon.request("POST", f"{path}/messages", {"text": "lost"})
                    self.assertEqual((answer.status, answer.json()["error"]["code"]),
                                     (507, "STORAGE_FULL"), answer)
                self.assertEqual(self.llm.stats()["requests"], asked, "it was sent")
                self.assertEqual(self.ready(daemon), (503, "STORAGE_FULL"))
                self.check_read(daemon, path, kept)
                self.gateway_refuses(daemon, 507, "storage_full")
                self.assertEqual(self.told(daemon, "nothing new is taken"), 1)
                # It goes on by itself.
                disk.unlink()
                wait_until(lambda: self.ready(daemon) == (200, "ok"), "room")
                self.gateway_works(daemon)
                self.assertEqual(self.told(daemon, "takes what is new again"), 1)
                self.say(path, "on", daemon)
                self.assertEqual(daemon.stop(), 0)
                self.check_kept(daemon.home, path, kept, 2)

    def test_a_reply(self):
        # The daemon itself may have been the first to meet it.
        lost = ("STORAGE", "STORAGE_READ_ONLY")
        for fault, codes in (("write ENOSPC", ("STORAGE_FULL",)), ("write EIO", lost),
                             ("sync EIO", lost)):
            with self.subTest(fault):
                daemon, disk = self.with_disk()
                events = self.stream(self.new("paced", daemon), daemon=daemon)
                seen = events.until("text")
                other = self.look(events.location, daemon=daemon)
                disk.write_text(fault)
                seen += list(events)
                self.assertEqual(seen[-1]["type"], "error")
                self.assertIn(seen[-1]["error"]["code"], codes)
                self.assertEqual(list(other)[-1]["type"], "error")
                self.assertEqual(daemon.request("GET", "/healthz").status, 200)
                daemon.kill()
                disk.unlink()
                # Whatever was shown is there. Its end is not, but for one whose sync
                # failed: nobody was told that it is stored, and it may be.
                again = self.another(daemon.home)
                state = self.state(events.location, again)["state"]
                self.assertIn(state, ("interrupted", "complete") if fault == "sync EIO"
                              else ("interrupted",))
                stored = list(self.look(events.location, daemon=again))
                self.assertTrue(text_of(stored).startswith(text_of(seen)))
                if state == "complete":
                    self.assertEqual(message_text(stored[-1]["message"]), tokens(100))
                self.others_go_on(again)
                self.assertEqual(again.stop(), 0)
                self.verify(daemon.home)


    def ask_while(self, daemon, change):
        """Streams of the gateway, in the middle of which this is done; they end well."""
        streams = []
        for _ in range(3):
            connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=SECONDS)
            self.addCleanup(connection.close)
            connection.request("POST", CHAT, json.dumps({
                "model": "paced/fake", "stream": True,
                "messages": [{"role": "user", "content": "Hello?"}]}),
                {"Authorization": f"Bearer {daemon.key}", "Content-Type": "application/json"})
            streams.append(connection.getresponse())
            self.assertTrue(streams[-1].readline().startswith(b"data: "))
        change()
        for stream in streams:
            self.assertTrue(stream.read().endswith(b"data: [DONE]\n\n"))

    def rows(self, daemon):
        path = f"file:{daemon.home}/store?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True)) as db:
            return db.execute("SELECT model, outcome, output FROM usage").fetchall()

    def test_what_was_used(self):
        """What the store does not take at the end of a call is written when it does."""
        daemon, disk = self.with_disk()
        self.ask_while(daemon, lambda: disk.write_text("write ENOSPC"))
        wait_until(lambda: self.told(daemon, "kept in memory"), "a word of it")
        self.assertEqual(self.rows(daemon), [])
        disk.unlink()
        wait_until(lambda: self.ready(daemon) == (200, "ok"), "room")
        wait_until(lambda: self.rows(daemon) == 3 * [("fake", "complete", 100)], "the rows")
        self.assertEqual(self.told(daemon, "kept in memory"), 1)
        self.assertEqual(self.told(daemon, "3 rows of what was used are written"), 1)
        # At the end of the daemon, too; and what is lost is told.
        self.ask_while(daemon, lambda: disk.write_text("write ENOSPC"))
        wait_until(lambda: self.told(daemon, "kept in memory") == 2, "a word of it")
        disk.unlink()
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(len(self.rows(daemon)), 6)
        again = self.another(daemon.home, env=daemon.env)
        self.ask_while(again, lambda: disk.write_text("write EIO"))
        wait_until(lambda: self.told(again, "kept in memory") == 3, "a word of it")
        self.assertEqual(again.stop(), 0)
        self.assertEqual(self.told(again, "3 rows of what was used are lost"), 1)


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("mount"),
                     "only root mounts a small disk")
class Small(DiskTest):
    """Row 47: a disk that fills up while replies are written."""

    models = {"paced": "n/300/rate/100", "endless": "n/1000000/bytes/2000/rate/500"}
    settings = {**FaultTest.settings, "max_reply_bytes": "1000000000"}
    STREAMS = 4

    def setUp(self):
        self.home_of_disk = self.new_home()
        self.disk = self.home_of_disk / "disk"
        self.disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs",
                                  str(self.disk)], capture_output=True, text=True)
        if mounted.returncode:
            self.skipTest(f"no small disk: {mounted.stderr}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.disk)], check=True)
        # The store is where the link leads to, and everything of it beside.
        (self.home_of_disk / "store").symlink_to(self.disk / "store")

    def start(self):
        return self.another(self.home_of_disk, options={"ballast_bytes": str(4 << 20),
                                                        "min_free_bytes": "0"})

    def fill(self, leave):
        """Leave so much; others are writing meanwhile."""
        def filled():
            space = os.statvfs(self.disk)
            with open(self.disk / "filler", "ab") as file:
                try:
                    os.posix_fallocate(file.fileno(), file.tell(),
                                       max(space.f_bavail * space.f_frsize - leave, 1))
                except OSError:
                    return False
            return True
        wait_until(filled, "a full disk")

    def run_streams(self, daemon, model):
        """Streams that have begun; a list of events of each grows by itself."""
        streams = [self.stream(self.new(model, daemon), daemon=daemon)
                   for _ in range(self.STREAMS)]
        seen = [stream.until("text") for stream in streams]
        threads = [threading.Thread(target=lambda s=s, to=to: to.extend(s))
                   for s, to in zip(streams, seen)]
        for thread in threads:
            thread.start()
        return streams, seen, threads

    def test_replies_end_on_the_ballast(self):
        daemon = self.start()
        ballast = self.disk / "store-ballast"
        self.assertEqual(ballast.stat().st_size, 4 << 20)
        self.assertEqual(ballast.stat().st_mode & 0o7777, 0o600)
        idle = self.new(daemon=daemon)
        kept = self.say(idle, "kept", daemon)
        user = {"name": "anna", "role": "user", "password": "a long pass phrase"}
        answer = daemon.request("POST", "/api/v1/users", user)
        self.assertEqual(answer.status, 201)
        anna = f"/api/v1/users/{answer.json()['id']}"
        _, seen, threads = self.run_streams(daemon, "paced")
        self.fill(64 << 10)
        asked = self.llm.stats()["requests"]
        answer = daemon.request("POST", f"{idle}/messages", {"text": "too late"})
        self.assertEqual((answer.status, answer.json()["error"]["code"]),
                         (507, "STORAGE_FULL"))
        self.assertEqual(daemon.request("POST", "/api/v1/conversations", {}).status, 507)
        self.assertEqual(self.llm.stats()["requests"], asked, "it was sent")
        self.gateway_refuses(daemon, 507, "storage_full")
        self.assertEqual(self.ready(daemon), (503, "STORAGE_FULL"))
        self.assertFalse(ballast.exists())
        # Rights can be taken away meanwhile, and one may log in.
        self.assertEqual(daemon.request("POST", "/api/v1/login", {
            "name": "anna", "password": user["password"]}, key="").status, 200)
        self.assertEqual(daemon.request("PATCH", anna, {"role": "viewer"}).status, 200)
        self.assertEqual(daemon.request("DELETE", anna).status, 204)
        for thread in threads:
            thread.join(SECONDS)
        for events in seen:
            self.assertEqual((events[-1]["type"], text_of(events)), ("done", tokens(300)))
        # What was used is written down, and what makes room is allowed.
        self.assertEqual(daemon.request("GET", idle).status, 200)
        message = f"{idle}/messages/{kept['message']['id']}"
        self.assertIn(daemon.request("DELETE", message).status, (200, 202, 204))
        (self.disk / "filler").unlink()
        wait_until(lambda: self.ready(daemon) == (200, "ok"), "room")
        self.assertEqual(ballast.stat().st_size, 4 << 20)
        self.gateway_works(daemon)
        self.say(idle, "on", daemon)
        self.assertEqual(daemon.stop(), 0)
        self.verify(self.home_of_disk)

    def test_the_ballast_fills_up_too(self):
        daemon = self.start()
        streams, seen, threads = self.run_streams(daemon, "endless")
        self.fill(64 << 10)
        for thread in threads:
            thread.join(SECONDS)
        for events in seen:
            self.assertEqual((events[-1]["type"], events[-1]["error"]["code"]),
                             ("error", "STORAGE_FULL"))
        self.assertEqual(daemon.request("GET", "/healthz").status, 200)
        daemon.kill()
        (self.disk / "filler").unlink()
        again = self.start()
        for stream, events in zip(streams, seen):
            self.assertEqual(self.state(stream.location, again)["state"], "interrupted")
            stored = list(self.look(stream.location, daemon=again))
            self.assertTrue(text_of(stored).startswith(text_of(events)))
        self.others_go_on(again)
        self.assertEqual(again.stop(), 0)
        self.verify(self.home_of_disk)

    def test_a_start_without_room(self):
        """What is there can be read and deleted; nothing new is taken until there is
        room."""
        daemon = self.start()
        path = self.new(daemon=daemon)
        kept = self.say(path, "kept", daemon)
        self.assertEqual(daemon.stop(), 0)
        (self.disk / "store-ballast").unlink()
        self.fill(1 << 20)
        daemon = self.start()
        self.assertEqual(self.ready(daemon), (503, "STORAGE_FULL"))
        found = daemon.request("GET", f"{path}/messages").json()["data"]
        self.assertEqual(found[-1], kept["message"])
        self.gateway_refuses(daemon, 507, "storage_full")
        self.assertIn(daemon.request("DELETE", path).status, (200, 202, 204))
        (self.disk / "filler").unlink()
        wait_until(lambda: self.ready(daemon) == (200, "ok"), "room")
        self.others_go_on(daemon)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
