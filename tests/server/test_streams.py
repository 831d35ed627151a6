"""Replies and who looks at them: events from any number on, viewers that come, go and
dawdle, ends of every kind, and what survives the daemon."""

import asyncio
import json
import random
import signal
import socket
import threading
import time
import unittest

from base import wait_until
from native import (API, Events, NativeTest, message_text, small_files, text_of)

TOKENS = 200


def tokens(count):
    return "".join(f"tok{n} " for n in range(count))


class StreamTest(NativeTest):
    options = {"heartbeat_ms": "200", "write_timeout_ms": "1500",
               "detached_per_user": "100"}
    models = {"paced": f"n/{TOKENS}/rate/200", "slow": "n/5000/rate/20",
              "stalled": "stall/0", "cut": "n/50/cut/3000", "large": "n/3000/bytes/2000",
              "fat": "n/600/bytes/4000/rate/600",
              "sound": f"n/{TOKENS}/rate/1000", "tools": "tools/2"}

    def begin(self, model, daemon=None):
        """A reply that somebody began and left: its path, and its `start`."""
        events = self.stream(self.new(model, daemon), daemon=daemon)
        start = events.until("start")[0]
        events.close()
        return f"{API}/replies/{start['reply_id']}", start

    # --- what is told ---

    def test_events(self):
        events = self.stream(self.new("paced"))
        seen = list(events)
        self.assertTrue(events.whole)
        self.assertEqual([e["seq"] for e in seen], list(range(1, len(seen) + 1)))
        self.assertEqual((seen[0]["type"], seen[-1]["type"], seen[-1]["state"]),
                         ("start", "done", "complete"))
        self.assertEqual(text_of(seen), tokens(TOKENS))
        self.assertEqual(message_text(seen[-1]["message"]), tokens(TOKENS))
        self.assertEqual(events.headers["content-type"], "text/event-stream")
        self.assertEqual(events.headers["x-accel-buffering"], "no")
        self.assertEqual(events.location, f"{API}/replies/{seen[0]['reply_id']}")
        self.assertEqual(events.retries, 1)
        self.assertGreater(events.comments, 0)  # it takes a second, and beats five times
        # Accept asks for it as well; the body has the last word.
        conversation = self.new()
        self.assertEqual(self.say(conversation, headers={"Accept": "text/event-stream"},
                                  stream=False)["reply"]["state"], "complete")

    def test_every_cut_point(self):
        """After the end, at each number: the concatenation is the original."""
        reply, _ = self.begin("sound")
        self.ends(reply)
        everything = list(self.look(reply))
        for cut in range(len(everything)):
            rest = self.look(reply, last=everything[cut]["seq"])
            if cut == len(everything) - 1:
                self.assertEqual(rest.status, 204)
            else:
                self.assertEqual(list(rest), everything[cut + 1:])
            rest.close()
        # Where both say something, the browser's word counts.
        both = Events(self.daemon, "GET", f"{reply}/events?after=1",
                      headers={"Last-Event-ID": str(everything[-2]["seq"])})
        self.assertEqual(list(both), everything[-1:])
        both.close()
        self.refused(422, "VALIDATION_FAILED", "GET", f"{reply}/events?after=-1")
        self.refused(422, "VALIDATION_FAILED", "GET", f"{reply}/events",
                     headers={"Last-Event-ID": "12a"})

    def test_cut_points_while_it_runs(self):
        """A viewer that is cut off after every few events sees what others see."""
        reply, _ = self.begin("paced")
        steady = self.look(reply)
        restless, last = [], 0
        while not restless or restless[-1]["type"] != "done":
            viewer = self.look(reply, after=last)
            for event in viewer:
                restless.append(event)
                if len(restless) % 3 == 0:
                    break
            last = restless[-1]["seq"]
            viewer.close()
        self.assertEqual(restless, list(steady))
        self.assertEqual(text_of(restless), tokens(TOKENS))

    def test_many_viewers(self):
        reply, _ = self.begin("paced")
        seen = [None] * 40

        def view(n):
            time.sleep(n * 0.02)
            viewer = Events(self.daemon, "GET", f"{reply}/events")
            seen[n] = list(viewer)
            viewer.close()
        threads = [threading.Thread(target=view, args=(n,)) for n in range(len(seen))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(text_of(seen[0]), tokens(TOKENS))
        for other in seen[1:]:
            self.assertEqual(other, seen[0])

    def test_who_leaves_changes_nothing(self):
        conversation = self.new("paced")
        events = self.stream(conversation)
        events.until("text")
        events.close()
        state = self.ends(events.location)
        self.assertEqual(state["state"], "complete")
        shown = self.ok("GET", f"{conversation}/messages")["data"]
        self.assertEqual(message_text(shown[-1]), tokens(TOKENS))
        # The same for one who waits for the end.
        conversation = self.new("paced")
        with self.daemon.connect() as sock:
            body = b'{"text":"hi"}'
            sock.sendall(b"POST %s/messages HTTP/1.1\r\nHost: localhost\r\n"
                         b"Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n%s"
                         % (conversation.encode(), (self.daemon.key or "x").encode(),
                            len(body), body))
            wait_until(lambda: self.ok("GET", f"{conversation}/messages")["data"],
                       "the question")
        wait_until(lambda: self.ok("GET", f"{conversation}/messages")["data"][-1]["state"]
                   == "sealed", "the answer")

    def test_who_finds_an_open_message_can_look_on(self):
        conversation = self.new("paced")
        events = self.stream(conversation)
        events.until("text")
        events.close()
        last = self.ok("GET", f"{conversation}/messages")["data"][-1]
        self.assertEqual(last["state"], "open")
        self.assertEqual(text_of(list(self.look(f"{API}/replies/{last['id']}"))),
                         tokens(TOKENS))

    def test_a_slow_reader_is_dropped(self):
        reply, _ = self.begin("large")
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", self.daemon.port))
            sock.sendall(f"GET {reply}/events HTTP/1.1\r\nHost: localhost\r\n"
                         "X-Request-Id: slow-reader\r\n"
                         f"Authorization: Bearer {self.daemon.key or 'x'}\r\n\r\n".encode())
            # One after the other: who waits for its turn is a slow reader, too.
            for _ in range(5):
                self.assertEqual(len(text_of(list(self.look(reply)))), 3000 * 2000)
            sock.settimeout(60)
            got = b""

            def dropped():
                nonlocal got
                got += sock.recv(1)
                time.sleep(0.5)
                return any(line.get("request_id") == "slow-reader"
                           for line in self.daemon.log_lines())
            wait_until(dropped, "the end of a slow reader")
            try:
                while piece := sock.recv(1 << 20):
                    got += piece
            except ConnectionResetError:
                pass
        self.assertLess(len(got), 3000 * 2000)
        self.assertNotIn(b'"type":"done"', got)
        self.assertEqual(len(text_of(list(self.look(reply)))), 3000 * 2000)

    def test_a_reader_that_dawdles_loses_nothing(self):
        reply, _ = self.begin("fat")
        steady = threading.Thread(target=lambda: list(self.look(reply)))
        steady.start()
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            sock.settimeout(60)
            sock.connect(("127.0.0.1", self.daemon.port))
            sock.sendall(f"GET {reply}/events HTTP/1.0\r\nHost: localhost\r\n"
                         f"Authorization: Bearer {self.daemon.key or 'x'}\r\n\r\n".encode())
            got, size = b"", 1000
            while piece := sock.recv(size):
                got += piece
                if len(got) < 3000:
                    time.sleep(0.3)
                else:
                    size = 1 << 20
        steady.join()
        seen = [json.loads(line[6:]) for line in got.decode().splitlines()
                if line.startswith("data: ")]
        self.assertEqual([e["seq"] for e in seen], list(range(1, len(seen) + 1)))
        self.assertEqual(seen[-1]["state"], "complete")
        self.assertEqual(text_of(seen), message_text(seen[-1]["message"]))
        self.assertEqual(len(text_of(seen)), 600 * 4000)

    # --- ends ---

    def test_cancel(self):
        events = self.stream(self.new("slow"))
        events.until("text")
        state = self.ok("POST", f"{events.location}/cancel")
        self.assertEqual(state["state"], "stopped")
        rest = list(events)
        self.assertEqual((rest[-1]["type"], rest[-1]["state"]), ("done", "stopped"))
        self.assertIn("tok0 ", message_text(rest[-1]["message"]))
        again = self.ok("POST", f"{events.location}/cancel")
        self.assertEqual(again, state)

    def test_cancel_before_the_first_token(self):
        events = self.stream(self.new("stalled"))
        events.until("start")
        self.assertEqual(self.ok("POST", f"{events.location}/cancel")["state"], "stopped")
        self.assertEqual(list(events)[-1]["state"], "stopped")

    def test_cancel_races_the_end(self):
        for n in range(25):
            events = self.stream(self.new("sound"))
            events.until("start")
            time.sleep(0.19 + random.random() * 0.04)
            state = self.ok("POST", f"{events.location}/cancel")["state"]
            self.assertIn(state, ("stopped", "complete"))
            self.assertEqual(list(events)[-1]["state"], state)

    def test_a_reply_that_is_cut_is_never_complete(self):
        events = self.stream(self.new("cut"))
        seen = list(events)
        self.assertEqual(seen[-1]["type"], "error")
        self.assertEqual(self.state(events.location)["state"], "interrupted")
        self.assertTrue(text_of(seen))
        self.assertEqual(message_text(seen[-1]["message"]), text_of(seen))

    # --- detached ---

    def test_detached_replies_are_capped(self):
        daemon = self.another(options={"detached_per_user": "3"})
        replies = []
        for _ in range(5):
            replies.append(self.begin("slow", daemon)[0])
            time.sleep(0.05)  # the oldest ones stay
        for reply in replies[3:]:
            self.assertEqual(self.ends(reply, daemon)["state"], "stopped")
        for reply in replies[:3]:
            self.assertEqual(self.state(reply, daemon)["state"], "running")
        # One that somebody looks at does not count.
        viewer = self.look(replies[0], daemon=daemon)
        viewer.until("text")
        time.sleep(1.2)
        fourth = self.begin("slow", daemon)[0]
        time.sleep(1.5)
        self.assertEqual(self.state(fourth, daemon)["state"], "running")

    def test_detached_replies_end(self):
        daemon = self.another(options={"detached_ms": "1000"})
        seen = self.stream(self.new("slow", daemon), daemon=daemon)
        seen.until("text")
        left = self.begin("slow", daemon)[0]
        state = self.ends(left, daemon)
        self.assertEqual(state["state"], "stopped")
        self.assertEqual(self.state(seen.location, daemon)["state"], "running")

    # --- the daemon goes ---

    def test_half_answered_replies_wait(self):
        """One of two tool calls is answered: it waits for the other as it did before."""
        daemon = self.another(options={"detached_ms": "1000"})
        path = self.new("tools", daemon)
        tools = [{"name": "f", "parameters": {"type": "object"}}]
        self.assertEqual(daemon.request("PATCH", path, {"settings": {"tools": tools}}).status,
                         200)
        end = self.say(path, daemon=daemon)
        reply = f"{API}/replies/{end['reply']['id']}"
        results = [{"tool_call_id": p["id"], "text": "4"} for p in end["message"]["parts"]
                   if p["type"] == "tool_call"]

        def answer(result):
            answer = daemon.request("POST", f"{reply}/tool-results", {"results": [result]})
            self.assertEqual(answer.status, 200, answer)
            return answer.json()["state"]
        self.assertEqual(answer(results[0]), "waiting")
        later = self.begin("slow", daemon)[0]
        self.assertEqual(self.ends(later, daemon)["state"], "stopped")
        self.assertIn(answer(results[1]), ("running", "complete"))
        self.assertEqual(self.ends(reply, daemon)["state"], "complete")

    def test_sigterm_lets_replies_end(self):
        home = self.new_home()
        daemon = self.another(home)
        seen = self.stream(self.new("paced", daemon), daemon=daemon)
        seen.until("text")
        left = self.begin("paced", daemon)[0]
        daemon.signal(signal.SIGTERM)
        self.assertEqual(list(seen)[-1]["state"], "complete")
        self.assertEqual(daemon.wait(), 0)
        again = self.another(home)
        self.assertEqual(self.state(left, again)["state"], "complete")

    def test_sigterm_interrupts_what_takes_too_long(self):
        home = self.new_home()
        daemon = self.another(home, {"drain_ms": "300"})
        events = self.stream(self.new("slow", daemon), daemon=daemon)
        before = events.until("text")
        daemon.signal(signal.SIGTERM)
        before += list(events)
        self.assertEqual(daemon.wait(), 0)
        self.assertTrue(events.whole)
        self.assertEqual(events.retries, 2)
        again = self.another(home)
        rest = list(self.look(events.location, last=events.last, daemon=again))
        self.assertEqual((rest[-1]["type"], rest[-1]["seq"]),
                         ("error", events.last + len(rest)))
        self.assertEqual(self.state(events.location, again)["state"], "interrupted")
        self.assertTrue(message_text(rest[-1]["message"]).startswith(text_of(before)))

    def test_kill_9(self):
        """Whatever a viewer has seen is there after a restart, and one end."""
        home = self.new_home()
        for cycle in range(12):
            daemon = self.another(home)
            streams = [self.stream(self.new("slow" if n % 2 else "paced", daemon),
                                   daemon=daemon) for n in range(4)]
            seen = [[] for _ in streams]

            def read(n):
                for event in streams[n]:
                    seen[n].append(event)
            threads = [threading.Thread(target=read, args=(n,))
                       for n in range(len(streams))]
            for thread in threads:
                thread.start()
            time.sleep(random.random() * 0.4)
            daemon.kill()
            for thread in threads:
                thread.join()
            again = self.another(home)
            for stream, before in zip(streams, seen):
                rest = self.look(stream.location, last=stream.last, daemon=again)
                whole = before + (list(rest) if rest.status == 200 else [])
                self.assertEqual([e["seq"] for e in whole], list(range(1, len(whole) + 1)))
                end = whole[-1]
                self.assertIn(end["type"], ("done", "error"))
                self.assertEqual(message_text(end["message"]), text_of(whole))
                self.assertEqual(sum(e["type"] in ("done", "error") for e in whole), 1)
                self.assertEqual(self.state(stream.location, again)["state"],
                                 "complete" if end["type"] == "done" else "interrupted")
            again.kill()
        self.verify(home)

    def test_a_disk_that_fills_up_in_the_middle(self):
        home = self.new_home()
        daemon = self.another(home, limit=small_files(600_000))
        events = self.stream(self.new("large", daemon), daemon=daemon)
        seen = list(events)
        self.assertEqual(seen[-1]["type"], "error")
        self.assertEqual(seen[-1]["error"]["code"], "STORAGE_FULL")
        self.assertEqual(daemon.request("GET", "/healthz").status, 200)
        daemon.kill()
        # Nothing was shown that is not there.
        again = self.another(home)
        stored = list(self.look(events.location, daemon=again))
        self.assertTrue(text_of(stored).startswith(text_of(seen)))
        again.stop()
        self.verify(home)

    def test_clients_that_die(self):
        """64 at once, each gone at some moment: the store is sound, nobody is harmed."""
        home = self.new_home()
        daemon = self.another(home)
        conversations = [self.new("paced", daemon) for _ in range(8)]

        def live(n):
            sock = daemon.connect()
            body = b'{"text":"hi","stream":%s}' % random.choice((b"true", b"false"))
            data = (b"POST %s/messages HTTP/1.1\r\nHost: localhost\r\n"
                    b"Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%s"
                    % (conversations[n % 8].encode(), (daemon.key or "x").encode(),
                       len(body), body))
            sock.sendall(data[:random.randrange(1, len(data) * 3)])
            time.sleep(random.random())
            if random.random() < 0.5:  # a reset instead of a close
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
        threads = [threading.Thread(target=live, args=(n,)) for n in range(64)]
        for thread in threads:
            thread.start()
        unharmed = list(self.stream(self.new("paced", daemon), daemon=daemon))
        self.assertEqual(text_of(unharmed), tokens(TOKENS))
        for thread in threads:
            thread.join()
        self.assertEqual(daemon.stop(), 0)
        self.verify(home)

    # --- many ---

    def test_a_thousand_at_once(self):
        daemon = self.another(options={"connections": "1100", "streams": "1050",
                                       "user_streams": "1050",
                                       "concurrent_replies": "0"})
        path = self.new(daemon=daemon)
        self.say(path, daemon=daemon)
        before = daemon.request("GET", path).json()["version"]
        asks = {
            "GET": f"GET {path}/messages HTTP/1.1\r\n",
            "POST": f"POST {path}/messages HTTP/1.1\r\nContent-Type: application/json\r\n"
                    f"Content-Length: 13\r\n",
        }

        async def ask(n):
            method = "POST" if n % 4 == 0 else "GET"
            reader, writer = await asyncio.open_connection("127.0.0.1", daemon.port)
            writer.write((f"{asks[method]}Host: localhost\r\nConnection: close\r\n"
                          f"Authorization: Bearer {daemon.key or 'x'}\r\n\r\n"
                          + ('{"text":"hi"}' if method == "POST" else "")).encode())
            answer = await reader.read()
            writer.close()
            return answer.split(b"\r\n", 1)[0]

        async def ask_all():
            return await asyncio.gather(*(ask(n) for n in range(1000)))
        answers = asyncio.run(ask_all())
        self.assertEqual(set(answers), {b"HTTP/1.1 200 OK"})
        self.assertEqual(daemon.request("GET", path).json()["version"], before + 250)


if __name__ == "__main__":
    unittest.main()
