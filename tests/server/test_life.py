"""How the daemon starts, drains and stops."""

import json
import os
import pathlib
import resource
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest

from base import AICHATD, SECONDS, Daemon, ServerTest, read_all, read_until, wait_until


class Start(ServerTest):
    def failing(self, *args, home=None, env=None):
        """What a start that fails says."""
        home = home or self.new_home()
        settings = ["-o", "server.admin_listen=127.0.0.1:0"]
        env = {"PATH": os.environ["PATH"], "HOME": str(home), **(env or {})}
        for name in ("LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        run = subprocess.run([AICHATD, *settings, *args], env=env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                             text=True, cwd=home)
        self.assertNotEqual(run.returncode, 0, run.stdout)
        self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
        self.assertTrue(run.stderr.startswith("aichatd: "), run.stderr)
        return run.stderr

    def test_help_and_version(self):
        for option in ("--help", "-h", "--version", "-V"):
            run = subprocess.run([AICHATD, option], stdout=subprocess.PIPE, text=True,
                                 timeout=60, check=True)
            self.assertIn("aichatd", run.stdout)
        run = subprocess.run([AICHATD, "--help"], stdout=subprocess.PIPE, text=True, check=True)
        for name in ("server.listen", "server.drain_ms", "--store", "--config"):
            self.assertIn(name, run.stdout)

    def test_mistakes_on_the_command_line(self):
        self.assertIn("--nothing", self.failing("--nothing"))
        self.assertIn("--listen", self.failing("--listen"))
        self.assertIn("server.lissten", self.failing("-o", "server.lissten=1"))
        self.assertIn("server.drain_ms", self.failing("-o", "server.drain_ms=soon"))
        self.assertIn("HOST:PORT", self.failing("--listen", "8020"))
        self.assertIn("reverse proxy", self.failing("--listen", "127.0.0.1:8443s"))
        self.assertIn("proxies", self.failing("-o", "server.proxies=somewhere"))
        self.assertIn("`none`", self.failing("-o", "server.admin_listen="))

    def test_ipv6_is_refused(self):
        """Before there is a store, or a word about keys."""
        for name in ("listen", "admin_listen"):
            home = self.new_home()
            said = self.failing("-o", f"server.{name}=[::1]:8020", home=home)
            self.assertIn(f"server.{name}: [::1]:8020: IPv6 is not spoken here", said)
            self.assertIn("reverse proxy", said)
            self.assertFalse((home / ".local").exists())

    def test_the_port_is_taken(self):
        self.assertIn("taken", self.failing("--listen", f"127.0.0.1:{self.daemon.port}"))

    def test_configuration_file(self):
        home = self.new_home()
        path = home / "my.conf"
        path.write_text("server {\n\tlisten = \"127.0.0.1:0\"\n"
                        "\tadmin_listen = \"none\"\n\thosts = { \"chat.example\", \"b.example\" }\n}\n")
        path.chmod(0o600)
        daemon = Daemon(home, options={"admin_listen": "none"}, args=["--config", str(path)])
        self.addCleanup(daemon.close)
        daemon.ready()
        self.assertEqual(daemon.admin_port, 0)
        for host, status in (("chat.example", 200), ("b.example:80", 200), ("c.example", 421)):
            answer = daemon.request("GET", "/healthz", headers={"Host": host})
            self.assertEqual(answer.status, status, host)
        path.write_text("server {\n\tlissten = \"127.0.0.1:0\"\n}\n")
        self.assertIn("my.conf:2", self.failing("--config", str(path)))

    def test_a_second_daemon_names_the_first(self):
        message = self.failing("--listen", "127.0.0.1:0", home=self.home)
        self.assertIn(str(self.daemon.process.pid), message)
        self.assertIn("--store", message)

    def test_after_a_kill_nothing_is_in_the_way(self):
        home = self.new_home()
        for _ in range(3):
            daemon = self.another(home)
            self.assertEqual(daemon.request("GET", "/readyz", key="").status, 200)
            daemon.kill()

    def test_the_first_key_is_shown_once(self):
        home = self.new_home()
        daemon = self.another(home)
        self.assertEqual(daemon.text().count(daemon.key), 1)
        self.assertNotIn(daemon.key, daemon.log())
        self.assertEqual(daemon.request("GET", "/api/v1/users").status, 200)
        self.assertEqual(daemon.stop(), 0)
        again = self.another(home)
        self.assertNotIn("ack_", again.text() + again.log())
        self.assertEqual(again.request("GET", "/api/v1/users", key=daemon.key).status, 200)
        self.assertEqual(again.request("GET", "/api/v1/users", key="").status, 401)

    def test_the_first_key_is_not_for_the_journal(self):
        home = self.new_home()
        (home / "out").touch()
        status = os.stat(home / "out")
        daemon = self.another(home, env={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        self.assertIsNone(daemon.key)
        path = home / ".local/share/aichat/aichat.db-first-key"
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        key = path.read_text().strip()
        self.assertNotIn(key, daemon.text() + daemon.log())
        self.assertIn(str(path), daemon.log())
        self.assertEqual(daemon.request("GET", "/api/v1/me", key=key).status, 200)

    def test_nobody_is_let_in_from_outside_before_there_is_a_key(self):
        home = self.new_home()
        self.assertIn("there is no key", self.failing("--listen", "0.0.0.0:0", home=home))
        self.another(home).stop()
        daemon = self.another(home, listen="0.0.0.0:0")
        self.assertEqual(daemon.request("GET", "/healthz", key="").status, 200)
        self.assertEqual(daemon.request("GET", "/api/v1/me", key="").status, 401)

    def test_proxies(self):
        """Whose address a request has: only proxies are believed, and only their own word."""
        def peer(daemon, forwarded, number):
            name = f"forwarded-{number}"
            answer = daemon.request("GET", "/healthz", headers={
                "X-Forwarded-For": forwarded, "x-request-id": name})
            self.assertEqual(answer.status, 200)
            return wait_until(lambda: [line["peer"] for line in daemon.log_lines()
                                       if line.get("request_id") == name], "a line")[0]
        behind = self.another(options={"proxies": "127.0.0.1\n10.0.0.1"})
        for number, (forwarded, seen) in enumerate((
                ("192.0.2.7", "192.0.2.7"), ("1.1.1.1, 192.0.2.7", "192.0.2.7"),
                ("192.0.2.7, 10.0.0.1", "192.0.2.7"), ("2001:db8::1", "2001:db8::1"),
                ("evil<script>", "127.0.0.1"), ("", "127.0.0.1"), ("x" * 100, "127.0.0.1"),
                (",", "127.0.0.1"), ("192.0.2.7:4711", "192.0.2.7"),
                ("192.0.2.7, 10.0.0.1:80", "192.0.2.7"), ("[2001:db8::1]:4711", "2001:db8::1"),
                ("2001:DB8:0::0:1", "2001:db8::1"), ("[::1", "127.0.0.1"),
                ("[::1]x", "127.0.0.1"), ("1.2.3", "127.0.0.1"), ("::::", "127.0.0.1"),
                ("abc", "127.0.0.1"), ("192.0.2.7.8:1", "127.0.0.1"))):
            self.assertEqual(peer(behind, forwarded, number), seen, forwarded)
        self.assertEqual(peer(self.daemon, "192.0.2.7", 99), "127.0.0.1")

    def test_bodies_that_are_no_json(self):
        # (Any route that takes a body does.)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                     "application/jsonx"):
            answer = self.daemon.request("POST", "/v1/chat/completions", b"{}",
                                         headers={"Content-Type": kind})
            self.assertEqual(answer.status, 415, kind)

    def test_hosts_and_origins(self):
        for host in ("localhost", "127.0.0.1:1", f"localhost:{self.daemon.port}", "[::1]"):
            self.assertEqual(self.daemon.request("GET", "/healthz",
                                                 headers={"Host": host}).status, 200, host)
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil", "0.0.0.0",
                     "localhost:80x", "localhost:", "x@localhost", "[::1]x", "127.0.0.2"):
            wanted = 200 if host == "localhost:" else 421
            self.assertEqual(self.daemon.request("GET", "/healthz",
                                                 headers={"Host": host}).status, wanted, host)
        own = f"http://127.0.0.1:{self.daemon.port}"
        for origin, status in ((own, 200), ("null", 403), ("http://evil.example", 403),
                               ("http://127.0.0.1:1", 403), ("file://", 403), ("", 403),
                               (own + "/", 403), (own + ".evil", 403)):
            answer = self.daemon.request("GET", "/healthz", headers={"Origin": origin})
            self.assertEqual(answer.status, status, origin)
            self.assertNotIn("access-control-allow-origin", answer.headers)

    def test_nothing_is_said_to_strangers(self):
        for path in ("/nothing", "/healthz", "/v1/messages", "/api/v1/me"):
            answer = self.daemon.request("POST", path, headers={"Host": "evil.example"})
            self.assertEqual(answer.status, 421, path)
        raw = self.daemon.raw(b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertNotIn(b"TRACE", raw)
        raw = self.daemon.raw(b"PROPFIND / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertIn(b"METHOD_NOT_ALLOWED", raw)

    def test_not_allowed_and_not_there(self):
        answer = self.daemon.request("DELETE", "/healthz")
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET, HEAD"))
        answer = self.daemon.request("OPTIONS", "/healthz")
        self.assertEqual(answer.status, 405)
        self.refused(404, "NOT_FOUND", "GET", "/healthz/")
        self.refused(404, "NOT_FOUND", "GET", "/HEALTHZ")
        self.refused(404, "NOT_FOUND", "GET", "/healthzXYZ")

    def test_errors_have_the_form_of_their_path(self):
        openai = self.daemon.request("GET", "/v1/nothing").json()
        self.assertEqual(set(openai["error"]), {"message", "type", "param", "code"})
        answer = self.daemon.request("GET", "/v1/messages/nothing")
        self.assertEqual(answer.json()["type"], "error")
        self.assertEqual(answer.json()["error"]["type"], "not_found_error")
        self.assertEqual(answer.headers["request-id"], answer.json()["request_id"])
        self.assertEqual(answer.headers["x-should-retry"], "false")
        raw = self.daemon.raw(b"GET /v1/messages HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        self.assertIn(b'"type":"error"', raw)

    def test_nobody_unknown_gets_a_body_read(self):
        for key in ("", "x-api-key: ack_wrong\r\n"):
            with self.daemon.connect() as sock:
                sock.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n{key}"
                             "Content-Type: application/json\r\nExpect: 100-continue\r\n"
                             "Content-Length: 1000000\r\n\r\n".encode())
                answer = read_until(sock, b"\r\n\r\n")
                self.assertTrue(answer.startswith(b"HTTP/1.1 401 "), answer)
                self.assertIn(b"Connection: close", answer)

    def test_bodies_that_are_too_large(self):
        daemon = self.another(options={"max_body_bytes": "10000"})
        answer = daemon.request("POST", "/api/v1/conversations", {"title": "x" * 20000})
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (413, "TOO_LARGE"))
        answer = daemon.request("POST", "/v1/messages", {"model": "x" * 20000})
        self.assertEqual((answer.status, answer.json()["error"]["type"]),
                         (413, "request_too_large"))

    def test_hostile_json(self):
        for text in ("", "{", "[]", "1", "null", '"a"', '{"title": "a", "title": "b"}',
                     '{"title": NaN}', "{'title': 1}", '{"title": "\\ud800"}', '{"a":1}x',
                     "[" * 100000, '{"a":' * 100 + "1" + "}" * 100, '{"title": "\x01"}'):
            answer = self.daemon.request("POST", "/api/v1/conversations", text.encode())
            if text:
                self.assertIn(answer.status, (400, 413, 422), text[:50])
                self.assertIn(answer.json()["error"]["code"], ("VALIDATION_FAILED", "TOO_LARGE"))
        answer = self.daemon.request("POST", "/api/v1/conversations", b'{"title": "\xff"}')
        self.assertEqual(answer.status, 400)

    def test_every_mistake_is_named_with_its_place(self):
        error = self.refused(422, "VALIDATION_FAILED", "POST", "/api/v1/conversations",
                             {"titel": "x", "title": 7, "tags": ["a", 1]})
        places = {tuple(one["loc"]): one["type"] for one in error["details"]["errors"]}
        self.assertEqual(places[("body", "titel")], "unknown")
        self.assertEqual(places[("body", "title")], "type")
        self.assertEqual(places[("body", "tags", 1)], "type")
        error = self.refused(422, "VALIDATION_FAILED", "GET",
                             "/api/v1/conversations?limit=many&limit=2&nothing=1")
        places = {(tuple(one["loc"]), one["type"]) for one in error["details"]["errors"]}
        self.assertEqual(places, {(("query", "limit"), "type"), (("query", "limit"), "repeated"),
                                  (("query", "nothing"), "unknown")})
        error = self.refused(422, "VALIDATION_FAILED", "GET", "/api/v1/conversations?limit=0")
        self.assertEqual(error["details"]["errors"][0]["type"], "range")

    def test_it_tells_systemd(self):
        folder = tempfile.TemporaryDirectory(prefix="aichatd-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(path)
            sock.settimeout(60)
            daemon = self.another(env={"NOTIFY_SOCKET": path}, options={"connections": "1032"})
            self.assertEqual(sock.recv(100), b"READY=1")
            daemon.signal(signal.SIGTERM)
            self.assertEqual(sock.recv(100), b"STOPPING=1")
            self.assertEqual(daemon.wait(), 0)

    def test_no_core_dumps(self):
        limits = pathlib.Path(f"/proc/{self.daemon.process.pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0 ")


class Stop(ServerTest):
    llm_path = "gen/n/400/rate/50"
    MESSAGES = {"model": "openai/gpt-4o", "stream": True,
                "messages": [{"role": "user", "content": "hello"}]}

    def stream(self, daemon):
        """A running stream of the gateway."""
        sock = daemon.connect()
        self.addCleanup(sock.close)
        self.ask(sock, daemon)
        return sock

    def ask(self, sock, daemon):
        """Begin the stream on this connection."""
        body = json.dumps(self.MESSAGES).encode()
        key = f"Authorization: Bearer {daemon.key}\r\n" if daemon.key else ""
        sock.sendall((f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n{key}"
                      "Content-Type: application/json\r\n"
                      f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
        head = read_until(sock, b"data: ")
        self.assertTrue(head.startswith(b"HTTP/1.1 200"), head)

    def test_one_peer_on_both_ports(self):
        """What its other connection does is nothing to this one."""
        daemon = self.another(env=self.provider_env("gen/n/100/rate/50"))
        socks = [socket.socket(), socket.socket()]
        for sock, port in zip(socks, (daemon.port, daemon.admin_port)):
            self.addCleanup(sock.close)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.settimeout(SECONDS)
            sock.bind(("127.0.0.1", socks[0].getsockname()[1]))
            sock.connect(("127.0.0.1", port))
            # It is noticed before the next one comes.
            self.assertEqual(daemon.request("GET", "/healthz", key="").status, 200)
        self.ask(socks[0], daemon)
        socks[1].close()
        self.assertIn(b"data: [DONE]", read_all(socks[0]))
        self.assertEqual(daemon.stop(), 0)

    def test_streams_finish_and_nothing_new_begins(self):
        daemon = self.another(env=self.provider_env("gen/n/100/rate/50"))
        sock = self.stream(daemon)
        daemon.signal(signal.SIGTERM)
        wait_until(lambda: "draining" in daemon.log(), "draining")
        answer = daemon.request("GET", "/openapi.json")
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (503, "DRAINING"))
        self.assertIn("retry-after", answer.headers)
        self.assertEqual(daemon.request("GET", "/readyz", key="").status, 503)
        self.assertEqual(daemon.request("GET", "/healthz", key="").status, 200)
        self.assertIn(b"data: [DONE]", read_all(sock))
        self.assertEqual(daemon.wait(), 0)

    def test_streams_that_last_are_ended(self):
        daemon = self.another(options={"drain_ms": "500"})
        sock = self.stream(daemon)
        daemon.signal(signal.SIGTERM)
        rest = read_all(sock)
        self.assertNotIn(b"[DONE]", rest)
        self.assertEqual(daemon.wait(), 0)

    def test_who_takes_nothing_holds_nothing_up(self):
        """A worker in the middle of a write is freed, and what was used is written down."""
        home = self.new_home()
        daemon = self.another(home, {"drain_ms": "300", "write_timeout_ms": "60000"},
                              env=self.provider_env("gen/n/60000/bytes/200/rate/50000"))
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", daemon.port))
            self.ask(sock, daemon)
            self.wait_for_a_full_socket(daemon)
            daemon.signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(), 0, daemon.log())
        with sqlite3.connect(home / ".local/share/aichat/aichat.db") as db:
            self.assertEqual(db.execute("SELECT count(*) FROM usage").fetchone()[0], 1)

    def wait_for_a_full_socket(self, daemon):
        """Until what the daemon has to send stays the same."""
        def waiting():
            sizes = []
            for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
                local, _, state, queues = line.split()[1:5]
                if local.endswith(f":{daemon.port:04X}") and state == "01":
                    sizes.append(int(queues.split(":")[0], 16))
            return sizes
        seen = []

        def is_still():
            time.sleep(0.3)
            seen.append(waiting())
            return len(seen) > 2 and seen[-1] == seen[-3] and max(seen[-1], default=0) > 65536
        wait_until(is_still, "a full socket")

    def test_a_second_signal_ends_it_at_once(self):
        daemon = self.another()
        sock = self.stream(daemon)
        daemon.signal(signal.SIGTERM)
        wait_until(lambda: "draining" in daemon.log(), "draining")
        daemon.signal(signal.SIGTERM)
        self.assertNotIn(b"[DONE]", read_all(sock))
        self.assertNotEqual(daemon.wait(), 0)

    def test_kill_leaves_a_sound_store(self):
        home = self.new_home()
        daemon = self.another(home)
        self.stream(daemon)
        daemon.kill()
        again = self.another(home)
        self.assertEqual(again.request("GET", "/readyz", key="").status, 200)

    def test_health_while_everybody_is_busy(self):
        daemon = self.another(options={"connections": "8", "streams": "4",
                                       "user_streams": "8"})
        socks = [self.stream(daemon) for _ in range(4)]
        body = {**self.MESSAGES}
        answer = daemon.request("POST", "/v1/chat/completions", body)
        self.assertEqual(answer.status, 503, answer)
        self.assertEqual(daemon.request("GET", "/healthz", key="").status, 200)
        idle = [daemon.connect() for _ in range(8)]
        self.assertEqual(daemon.request("GET", "/healthz", key="",
                                        port=daemon.admin_port).status, 200)
        for sock in idle + socks:
            sock.close()

    def test_few_descriptors(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96))
        daemon = self.another(limit=limit)
        self.assertIn("open files are allowed", daemon.log())
        socks = [daemon.connect() for _ in range(80)]
        for sock in socks:
            sock.close()
        wait_until(lambda: self.answers(daemon), "an answer after the flood")

    def test_ten_thousand_idle_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = min(10000, hard - 200)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 10200)), hard))
        daemon = self.another(options={"connections": "200"})
        socks = []
        try:
            for _ in range(count):
                socks.append(socket.create_connection(("127.0.0.1", daemon.port), 60))
            self.assertEqual(daemon.request("GET", "/healthz", key="",
                                            port=daemon.admin_port).status, 200)
        finally:
            for sock in socks:
                sock.close()
        wait_until(lambda: self.answers(daemon), "an answer after the flood")

    @staticmethod
    def answers(daemon):
        try:
            return daemon.request("GET", "/healthz", key="").status == 200
        except OSError:
            time.sleep(0.1)
            return False


if __name__ == "__main__":
    unittest.main()
