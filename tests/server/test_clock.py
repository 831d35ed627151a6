"""Wall clocks that jump under the daemon, by a day and more: timers do not notice, order is
by numbers, and logs that are older than they seem are told by a snapshot."""

import os
import unittest

from native import message_text, text_of
from test_faults import SANITIZED, FaultTest, tokens

DAY = 24 * 3600


class Clock(FaultTest):
    models = {"paced": "n/200/rate/100", "late": "delay/60000"}

    def with_clock(self):
        """A daemon, and what sets its wall clock off by so many seconds."""
        home = self.new_home()
        file = home / "bad-clock"

        def jump(seconds):
            new = home / "bad-clock-new"
            new.write_text(str(seconds))
            new.rename(file)
        env = {"LD_PRELOAD": os.environ["BADCLOCK"], "BAD_CLOCK": str(file)}
        if SANITIZED:
            env["ASAN_OPTIONS"] = (os.environ.get("ASAN_OPTIONS", "") +
                                   ":verify_asan_link_order=0")
        return self.another(home, env=env), jump

    def test_a_jump_in_the_stream(self):
        """Row 44: a day on, a day back, while a reply comes and another is waited for."""
        daemon, jump = self.with_clock()
        first = self.say(self.new(daemon=daemon), daemon=daemon)["message"]["created_at"]
        path = self.new("paced", daemon)
        events = self.stream(path, daemon=daemon)
        seen = events.until("text")
        for seconds in (DAY, -DAY, 400 * DAY, 0):
            jump(seconds)
            for _ in range(5):
                seen += events.until("text")
        seen += list(events)
        self.assertEqual((seen[-1]["type"], text_of(seen)), ("done", tokens(200)))
        self.assertEqual([e["seq"] for e in seen], list(range(1, len(seen) + 1)))
        # What is said later stands behind, whatever time it bears.
        jump(-DAY)
        end = self.say(path, "back then", daemon)
        self.assertLess(end["message"]["created_at"], first)
        order = daemon.request("GET", f"{path}/messages").json()["data"]
        self.assertEqual([message_text(m) for m in order[::2]], ["hi", "back then"])
        self.assertEqual([e["seq"] for e in self.look(f"/api/v1/replies/{end['reply']['id']}",
                                                      after=0, daemon=daemon)][0], 1)
        # A silent provider is given up after the time that was set, not at once.
        jump(DAY)
        self.fails("late", 504, "PROVIDER_TIMEOUT", daemon=daemon)
        self.assertEqual(daemon.stop(), 0)
        self.verify(daemon.home)

    def test_an_old_log_is_told_by_a_snapshot(self):
        """Row 5: at any number, of a reply whose log is gone; and numbers that never were."""
        daemon, jump = self.with_clock()
        path = self.new("paced", daemon)
        events = self.stream(path, daemon=daemon)
        seen = list(events)
        last = seen[-1]["seq"]
        self.assertGreater(last, 10)
        jump(3600)
        for _ in range(3):  # each takes away a few old logs
            self.say(self.new(daemon=daemon), daemon=daemon)
        for after in (None, 0, 1, last // 2, last - 2):
            for how in ({"after": after}, {"last": after}):
                with self.subTest(how):
                    told = list(self.look(events.location, daemon=daemon, **how))
                    self.assertEqual([e["type"] for e in told], ["snapshot", "done"])
                    self.assertEqual([e["seq"] for e in told], [last - 1, last])
                    self.assertEqual(message_text(told[0]["message"]), tokens(200))
                    self.assertEqual(told[-1]["message"], seen[-1]["message"])
        # From its place the end alone is told, and behind it nothing.
        told = list(self.look(events.location, after=last - 1, daemon=daemon))
        self.assertEqual([(e["type"], e["seq"]) for e in told], [("done", last)])
        for number in (last, last + 1, 10 ** 6):
            viewer = self.look(events.location, last=number, daemon=daemon)
            self.assertEqual((viewer.status, list(viewer)), (204, []))
        self.assertEqual(daemon.stop(), 0)
        self.verify(daemon.home)


if __name__ == "__main__":
    unittest.main()
