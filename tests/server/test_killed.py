"""Rows 33 to 35 of the fault matrix: the daemon is killed at each of its fault points, at
each passage, beginning with its start, and while it recovers from that."""

import http.client
import os
import threading
import unittest

from base import SECONDS
from native import CONVERSATIONS, Events, message_text, text_of
from test_faults import FaultTest, tokens

WORDS = 6


@unittest.skipUnless(os.environ.get("AICHAT_TEST_HOOKS") == "1", "not a test build")
class Killed(FaultTest):
    models = {"paced": f"n/{WORDS}/rate/40"}
    STREAMS = 2

    def begin(self, home, fault):
        """A daemon that will die; None: it has done so before it was there."""
        try:
            return self.another(home, env={"AICHAT_FAULT": fault})
        except AssertionError as error:
            self.assertIn("ended with -9", str(error))
            return None

    def live(self, daemon):
        """Streams of conversations of their own, as far as each came: (the path of the
        reply, or of the conversation if that is all; its events)."""
        told = [[None, None, []] for _ in range(self.STREAMS)]

        def talk(mine):
            try:
                answer = daemon.request("POST", CONVERSATIONS, {
                    "settings": {"options": {"model": "paced/fake"}}})
                if answer.status != 201:
                    return
                mine[0] = answer.headers["location"]
                events = Events(daemon, "POST", f"{mine[0]}/messages", {"text": "hi"})
                if events.status == 200:
                    mine[1] = events.location
                    mine[2].extend(events)
                events.close()
            except (OSError, http.client.HTTPException):
                pass  # it is dead
        threads = [threading.Thread(target=talk, args=(mine,)) for mine in told]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        return told

    def check(self, daemon, told):
        """What was told is there, and each reply has one end."""
        for conversation, reply, seen in told:
            if conversation:
                self.assertEqual(daemon.request("GET", conversation).status, 200)
            if not reply:
                continue
            state = self.state(reply, daemon)["state"]
            rest = self.look(reply, last=seen[-1]["seq"] if seen else 0, daemon=daemon)
            whole = seen + (list(rest) if rest.status == 200 else [])
            self.assertEqual([e["seq"] for e in whole], list(range(1, len(whole) + 1)))
            self.assertEqual(sum(e["type"] in ("done", "error") for e in whole), 1)
            self.assertEqual(message_text(whole[-1]["message"]), text_of(whole))
            self.assertEqual(whole[-1]["type"],
                             "done" if state == "complete" else "error")
            if state == "complete":
                self.assertEqual(text_of(whole), tokens(WORDS))
            else:
                self.assertEqual(state, "interrupted")

    def kill_at(self, home, point):
        """At every passage, until one life has fewer. How often it died."""
        deaths = 0
        while True:
            daemon = self.begin(home, f"{point}:kill@{deaths + 1}")
            told = self.live(daemon) if daemon else []
            if daemon and daemon.process.poll() is None and daemon.stop() == 0:
                self.check_end(home, told)
                return deaths
            deaths += 1
            if daemon:
                self.assertEqual(daemon.wait(), -9)
            self.check_end(home, told)

    def check_end(self, home, told):
        again = self.another(home)
        self.check(again, told)
        self.assertEqual(again.stop(), 0)

    def test_at_each_point(self):
        home = self.new_home()
        # A life passes each of these so often at least.
        for point, least in (("turn.begin", self.STREAMS), ("turn.seal", self.STREAMS),
                             ("store.after_commit", 8), ("store.before_commit", 8)):
            with self.subTest(point):
                self.assertGreaterEqual(self.kill_at(home, point), least)
        self.verify(home)

    def test_while_it_recovers(self):
        """Replies without an owner are put together by the next start, which dies, too."""
        home = self.new_home()
        for point in ("store.fold", "store.folded"):
            for passage in range(1, self.STREAMS + 1):
                daemon = self.another(home)
                paths = [self.new("paced", daemon) for _ in range(self.STREAMS)]
                streams = [self.stream(path, daemon=daemon) for path in paths]
                told = [[path, stream.location, stream.until("text")]
                        for path, stream in zip(paths, streams)]
                daemon.kill()
                for _ in range(3):
                    self.assertIsNone(self.begin(home, f"{point}:kill@{passage}"))
                self.check_end(home, told)
        self.verify(home)


if __name__ == "__main__":
    unittest.main()
