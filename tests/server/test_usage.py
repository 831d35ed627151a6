"""Rows of usage of replies, and what they count for limits: of every reply, however it
ends and whoever waits for that."""

import contextlib
import sqlite3
import unittest

from base import PROVIDER_KEY, wait_until
from native import API, NativeTest, message_text

LIMIT = 100000


def estimated(text):
    return (len(text.encode()) + 3) // 4


class UsageTest(NativeTest):
    options = {"tokens_per_minute": str(LIMIT)}
    models = {"slow": "n/2000/rate/200", "tools": "tools/2", "failing": "status/400",
              "silent": "n/50/no-usage", "late": "delay/60000", "cut": "n/50/cut/4000/no-usage"}

    @classmethod
    def start_daemon(cls, home=None, options=None, env=None, **how):
        options = {"provider.claude.base_url": cls.llm.base("n/2000/rate/200"),
                   "provider.claude.dialect": "anthropic-messages",
                   "provider.claude.api_key": PROVIDER_KEY, **(options or {})}
        return super().start_daemon(home, options, env, **how)

    def setUp(self):
        self.daemon = self.another()

    def row(self, count):
        """The newest row of usage, when there are so many."""
        def rows():
            path = f"file:{self.daemon.home}/store?mode=ro"
            with contextlib.closing(sqlite3.connect(path, uri=True)) as db:
                db.row_factory = sqlite3.Row
                found = [dict(row) for row in db.execute("SELECT * FROM usage ORDER BY no")]
            return found if len(found) == count else None
        return wait_until(rows, f"row {count} of usage")[-1]

    def is_row(self, count, model, outcome, input=None, output=None):
        row = self.row(count)
        self.assertEqual((f"{row['provider']}/{row['model']}", row["outcome"]),
                         (f"{model}/fake", outcome))
        if input is not None:
            self.assertEqual(row["input"], input)
        if output is not None:
            self.assertEqual(row["output"], output)
        return row

    def counts(self, used):
        """The limits are settled with what the rows say."""
        def remaining():
            answer = self.daemon.request("GET", f"{API}/me")
            return int(answer.headers["x-ratelimit-remaining-tokens"])
        wait_until(lambda: remaining() == LIMIT - used, f"{used} tokens used", 20)

    def stop(self, model, leave=False):
        """A reply that is stopped in the middle of its text: the message that is kept."""
        events = self.stream(self.new(model))
        events.until("text")
        if leave:
            events.close()  # from here on nobody looks
        self.assertEqual(self.ok("POST", f"{events.location}/cancel")["state"], "stopped")
        state = self.ends(events.location)
        return self.ok("GET", f"{API}/conversations/{state['conversation_id']}/messages/"
                              f"{state['message_id']}")

    def test_whole(self):
        used = self.say(self.new())["message"]["usage"]
        key = self.ok("GET", f"{API}/me")["key_id"]
        row = self.is_row(1, "plain", "complete", used["input_tokens"], used["output_tokens"])
        self.assertEqual(row["key"], key)
        self.counts(used["input_tokens"] + used["output_tokens"])

    def test_stopped(self):
        for count, leave in ((1, False), (2, True)):
            message = self.stop("slow", leave)
            row = self.is_row(count, "slow", "stopped", output=estimated(message_text(message)))
            self.assertTrue(1 <= row["input"] < 200, row)
            self.assertNotIn("usage", message)  # which is the provider's word
            if count == 1:
                self.counts(row["input"] + row["output"])

    def test_stopped_after_a_first_figure(self):
        message = self.stop("claude")
        told = message["usage"]
        row = self.is_row(1, "claude", "stopped", told["input_tokens"],
                          max(told["output_tokens"], estimated(message_text(message))))
        self.assertGreater(row["output"], told["output_tokens"])
        self.counts(row["input"] + row["output"])

    def test_stopped_before_anything_came(self):
        events = self.stream(self.new("late"))
        events.until("start")
        self.ok("POST", f"{events.location}/cancel")
        row = self.is_row(1, "late", "stopped", output=0)
        self.assertGreater(row["input"], 0)
        self.counts(row["input"])

    def test_a_provider_that_does_not_tell(self):
        message = self.say(self.new("silent"))["message"]
        row = self.is_row(1, "silent", "complete", output=estimated(message_text(message)))
        self.assertGreater(row["input"], 0)
        self.counts(row["input"] + row["output"])

    def test_cut_off_by_the_provider(self):
        last = list(self.stream(self.new("cut")))[-1]
        self.is_row(1, "cut", "provider_error",
                    output=estimated(message_text(last["message"])))

    def test_refused(self):
        """What the provider did not take costs nothing."""
        self.daemon.request("POST", f"{self.new('failing')}/messages", {"text": "hi"})
        row = self.is_row(1, "failing", "provider_rejected")
        self.assertEqual((row["input"], row["output"]), (None, None))
        self.counts(0)

    def test_the_daemon_goes(self):
        """Replies that are cut then, one of them with nobody who looks."""
        self.daemon.close()
        self.daemon = self.another(options={"drain_ms": "0"})
        for leave in (False, True):
            events = self.stream(self.new("slow"))
            events.until("text")
            if leave:
                events.close()
        self.assertEqual(self.daemon.stop(), 0)
        row = self.is_row(2, "slow", "own_draining")
        self.assertGreater(row["input"], 0)
        self.assertGreater(row["output"], 0)

    def test_rounds_with_tools(self):
        path = self.new_with_tools()
        end = self.say(path)
        self.is_row(1, "tools", "complete", end["message"]["usage"]["input_tokens"],
                    end["message"]["usage"]["output_tokens"])
        results = [{"tool_call_id": p["id"], "text": "4"} for p in end["message"]["parts"]
                   if p["type"] == "tool_call"]
        self.ok("POST", f"{API}/replies/{end['reply']['id']}/tool-results",
                {"results": results})
        self.is_row(2, "tools", "complete")

    def check_what_goes_on(self, path, message, reply, used):
        """So many tokens were used, and would be read again."""
        self.counts(used)
        self.ok("PATCH", path, {"settings": {"options": {"max_tokens": LIMIT - 15000}}})
        results = {"results": [{"tool_call_id": p["id"], "text": "4"}
                               for p in message["parts"] if p["type"] == "tool_call"]}
        self.refused(429, "RATE_LIMITED", "POST", f"{reply}/tool-results", results)
        self.ok("PATCH", path, {"settings": {"options": {"max_tokens": LIMIT - 35000}}})
        self.ok("POST", f"{reply}/tool-results", results)
        self.ends(reply)

    def new_with_tools(self):
        path = self.new("tools")
        self.ok("PATCH", path, {"settings": {"tools": [
            {"name": "f", "parameters": {"type": "object"}}]}})
        return path

    def test_what_goes_on_is_reserved(self):
        """With what was said, and the most that the next answer may have."""
        path = self.new_with_tools()
        end = self.say(path, "x" * 40000)
        row = self.row(1)
        self.check_what_goes_on(path, end["message"], f"{API}/replies/{end['reply']['id']}",
                                row["input"] + row["output"])
        other = self.is_row(2, "tools", "complete")
        self.counts(sum(r["input"] + r["output"] for r in (row, other)))

    def test_what_goes_on_before_a_viewer(self):
        """Who stays has one row for all of it; what waits has nothing reserved."""
        path = self.new_with_tools()
        events = self.stream(path, "x" * 40000)
        message = events.until("message")[-1]["message"]
        used = message["usage"]["input_tokens"] + message["usage"]["output_tokens"]
        self.check_what_goes_on(path, message, events.location, used)
        self.assertEqual(list(events)[-1]["type"], "done")
        row = self.is_row(1, "tools", "complete")
        self.assertGreater(row["input"] + row["output"], used)
        self.counts(row["input"] + row["output"])

    def test_the_provider_is_too_late(self):
        self.daemon.close()
        self.daemon = self.another(args=["-o", "first_event_timeout_ms=300",
                                         "-o", "max_retries=0"])
        self.daemon.request("POST", f"{self.new('late')}/messages", {"text": "hi"})
        row = self.is_row(1, "late", "provider_timeout", output=0)
        self.assertGreater(row["input"], 0)
        self.counts(row["input"])


if __name__ == "__main__":
    unittest.main()
