"""server/http/ alone: what is refused before anybody believes it, slow and endless peers,
too many of them, clients that leave, and what answers look like on the wire."""

import os
import re
import resource
import signal
import socket
import subprocess
import time
import unittest

from base import SECONDS, read_all, read_until, wait_until

ECHOD = os.environ["ECHOD"]
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"


class Echod:
    def __init__(self, limit=None, **config):
        settings = [f"{name}={value}" for name, value in config.items()]
        self.process = subprocess.Popen([ECHOD, *settings], stdout=subprocess.PIPE,
                                        preexec_fn=limit)
        line = self.process.stdout.readline().decode()
        self.error = line if line.startswith("error") else None
        self.port = 0 if self.error else int(line.split()[1])

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), SECONDS)

    def raw(self, data, shut=False):
        with self.connect() as sock:
            try:
                sock.sendall(data)
                if shut:
                    sock.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass
            return read_all(sock)

    def said(self, wanted):
        """Read what it says until a line is the wanted one."""
        while True:
            line = self.process.stdout.readline().decode().strip()
            if line == wanted:
                return
            if not line:
                raise AssertionError(f"it did not say {wanted!r}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        rest = self.process.stdout.read().decode()
        self.process.stdout.close()
        return status, rest


class HttpTest(unittest.TestCase):
    config = {}

    def setUp(self):
        self.server = Echod(**self.config)

    def tearDown(self):
        status, rest = self.server.stop()
        self.assertEqual(status, 0)
        self.assertTrue(rest.endswith("stopped\n"), rest)

    def statuses(self, data, shut=False):
        return re.findall(rb"HTTP/1\.1 (\d+) ", self.server.raw(data, shut))

    def refused(self, data, status=b"400"):
        """One answer with this status, and nothing of what followed was served."""
        self.assertEqual(self.statuses(data), [status], data[:200])


class Requests(HttpTest):
    SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def test_one_host(self):
        self.refused(b"GET / HTTP/1.1\r\n\r\n")
        self.refused(b"GET / HTTP/1.1\r\nX: y\r\n\r\n")
        self.refused(b"GET / HTTP/1.1\r\nHost:\r\n\r\n")
        self.refused(GET + b"Host: other\r\n\r\n")
        self.refused(GET + b"host: localhost\r\n\r\n")

    def test_lengths_that_can_be_read_in_two_ways(self):
        for length in (b"5abc", b"+5", b"-5", b"5 5", b"0x5", b"", b"5,5",
                       b"99999999999999999999"):
            with self.subTest(length=length):
                data = POST + b"Content-Length: " + length + b"\r\n\r\nhello" + self.SMUGGLED
                answers = self.statuses(data)
                self.assertIn(answers, ([b"400"], [b"411"]))
        self.refused(POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello")
        self.refused(POST + b"Content-Length: 5\r\ncontent-length: 6\r\n\r\nhello")

    def test_length_beside_chunks(self):
        chunks = b"0\r\n\r\n" + self.SMUGGLED
        for pair in (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                     b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"):
            self.refused(POST + pair + b"\r\n" + chunks)

    def test_encodings(self):
        for line in (b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity",
                     b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: xchunked",
                     b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                     b"Transfer-Encoding : chunked", b"Transfer-Encoding:\x0bchunked"):
            with self.subTest(line=line):
                self.refused(POST + line + b"\r\n\r\n0\r\n\r\n" + self.SMUGGLED)
        self.refused(b"POST /echo HTTP/1.0\r\nHost: localhost\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    def test_lines(self):
        for line in (b"X : y", b"X\t: y", b" X: y", b"X: a\r\n folded", b"X: a\r\n\tfolded",
                     b"X: a\nY: b", b"X: a\rY: b", b"X: a\x00b", b"X: a\x01", b"(X): y",
                     b"X{}: y", b"X\xff: y", b"no colon", b": empty"):
            with self.subTest(line=line):
                self.refused(GET + line + b"\r\nContent-Length: 0\r\n\r\n" + self.SMUGGLED)
        # A folded line hides the length of the body from who stops reading there.
        self.refused(POST + b"X: a\r\n b\r\nContent-Length: 43\r\n\r\n" + self.SMUGGLED)
        self.refused(GET.replace(b"\r\n", b"\n") + b"\n")

    def test_more_headers_than_are_kept(self):
        def many(count):
            return b"".join(b"X-%d: y\r\n" % n for n in range(count))
        self.assertEqual(self.statuses(GET + many(61) + b"Connection: close\r\n\r\n"),
                         [b"200"])
        self.refused(GET + many(63) + b"\r\n", b"431")
        self.refused(POST + many(63) + b"Content-Length: 43\r\n\r\n" + self.SMUGGLED, b"431")
        self.refused(GET + many(500) + b"\r\n", b"431")

    def test_heads_that_are_too_large(self):
        self.refused(GET + b"X: " + b"y" * 20000 + b"\r\n\r\n", b"431")
        self.refused(b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"431")
        self.refused(b"GET /" + b"a" * 2000000, b"431")

    def test_headers_that_stand_once(self):
        for name in (b"Authorization", b"x-api-key", b"Cookie", b"Content-Type", b"Origin",
                     b"Idempotency-Key", b"If-Match", b"Last-Event-ID", b"x-request-id"):
            with self.subTest(name=name):
                self.refused(GET + name + b": a\r\n" + name + b": a\r\n\r\n")

    def test_methods(self):
        for method in (b"get", b"TRACE", b"CONNECT", b"PROPFIND", b"MKCOL", b"G\x00T", b"LOCK"):
            with self.subTest(method=method):
                data = method + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n"
                self.assertIn(self.statuses(data), ([b"400"], [b"405"]))

    def test_paths(self):
        for path in (b"/%00", b"/a%2fb", b"/a%2Fb", b"/a%5cb", b"/../etc/passwd", b"/a/..",
                     b"/a/../b", b"/./a", b"/a/.", b"/%2e%2e/a", b"/.%2e/a", b"/a%", b"/a%4",
                     b"/a%zz", b"/a\\b", b"/a%0d%0aX:y", b"/a%25", b"/\xc3\xa4", b"/a<b",
                     b"/a?b\x7f"):
            with self.subTest(path=path):
                self.refused(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for path in (b"/...", b"/a..b", b"/a%20b", b"/~a", b"/a?b=%2f..", b"//"):
            with self.subTest(path=path):
                self.assertEqual(self.statuses(b"GET " + path + b" HTTP/1.1\r\nHost: localhost"
                                               b"\r\nConnection: close\r\n\r\n"), [b"200"])

    def test_other_targets_are_not_served(self):
        for target in (b"*", b"http://localhost/", b"http://other/", b"other:80", b"a"):
            with self.subTest(target=target):
                data = b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
                self.assertIn(self.statuses(data), ([b"400"], []))

    def test_versions(self):
        self.refused(b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", b"505")
        self.refused(b"GET /\r\n\r\n")
        self.refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        self.assertEqual(self.statuses(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"), [b"200"])

    def test_preflights_are_never_answered_by_civetweb(self):
        answer = self.server.raw(b"OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://x\r\n"
                                 b"Access-Control-Request-Method: POST\r\n"
                                 b"Connection: close\r\n\r\n")
        self.assertNotIn(b"Access-Control", answer)

    def test_upgrades_are_not_taken(self):
        answer = self.server.raw(GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                 b"Sec-WebSocket-Version: 13\r\n"
                                 b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)

    def test_expectations(self):
        self.refused(POST + b"Expect: something\r\nContent-Length: 1\r\n\r\na", b"417")


class Bodies(HttpTest):
    config = {"max_body_bytes": 100000, "min_body_rate": 1000, "header_timeout_ms": 30000}

    def echo(self, head, body):
        answer = self.server.raw(POST + b"Connection: close\r\n" + head + b"\r\n" + body)
        head, _, got = answer.partition(b"\r\n\r\n")
        return head.split()[1], got

    def test_sizes(self):
        for size in (0, 1, 4095, 4096, 4097, 65536, 99999, 100000):
            body = os.urandom(size)
            self.assertEqual(self.echo(b"Content-Length: %d\r\n" % size, body), (b"200", body))
            half = size // 2
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece)
                              for piece in (body[:half], body[half:]) if piece)
            self.assertEqual(self.echo(b"Transfer-Encoding: chunked\r\n", chunks + b"0\r\n\r\n"),
                             (b"200", body))

    def test_too_large(self):
        self.refused(POST + b"Content-Length: 100001\r\n\r\n", b"413")
        chunk = b"2710\r\n" + b"a" * 10000 + b"\r\n"
        self.refused(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 11 + b"0\r\n\r\n",
                     b"413")

    def test_chunk_sizes(self):
        for size in (b"8000000000000000", b"ffffffffffffffff", b"7fffffffffffffff",
                     b"fffffffffffffffe", b"10000000000000005"):
            with self.subTest(size=size):
                data = POST + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n"
                answers = self.statuses(data + b"a" * 200000)
                self.assertIn(answers, ([b"400"], [b"413"]))
        for size in (b"", b"g", b"-1", b"+1", b" 1", b"1 ", b"0x1", b"1;ext=1", b"1\n"):
            with self.subTest(size=size):
                self.refused(POST + b"Transfer-Encoding: chunked\r\n\r\n" + size +
                             b"\r\na\r\n0\r\n\r\n")
        self.refused(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\naX0\r\n\r\n")

    def test_trailers_end_the_connection(self):
        data = POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n"
        self.assertEqual(self.statuses(data + Requests.SMUGGLED), [b"200"])

    def test_cut_short(self):
        self.assertEqual(self.statuses(POST + b"Content-Length: 10\r\n\r\nhello", shut=True),
                         [b"400"])
        self.assertEqual(self.statuses(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
                                       shut=True), [b"400"])

    def test_continue(self):
        with self.server.connect() as sock:
            sock.sendall(POST + b"Content-Length: 5\r\nExpect: 100-continue\r\n"
                         b"Connection: close\r\n\r\n")
            self.assertEqual(read_until(sock, b"\r\n\r\n"), b"HTTP/1.1 100 Continue\r\n\r\n")
            sock.sendall(b"hello")
            self.assertTrue(read_all(sock).endswith(b"\r\n\r\nhello"))
        # Whoever is refused is not asked to go on.
        data = b"POST /early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n" \
               b"Expect: 100-continue\r\n\r\n"
        self.assertEqual(self.statuses(data), [b"401"])

    def test_an_early_answer_arrives_and_nothing_more_is_read(self):
        with self.server.connect() as sock:
            sock.sendall(b"POST /early HTTP/1.1\r\nHost: localhost\r\n"
                         b"Content-Length: 1000000000\r\n\r\n")
            answer = read_until(sock, b"early")
            self.assertIn(b"Connection: close\r\n", answer)
            sent = 0
            with self.assertRaises(OSError):
                while sent < 200 << 20:
                    sent += sock.send(b"a" * 65536)
            self.assertLess(sent, 64 << 20)

    def test_slow_bodies(self):
        started = time.monotonic()
        with self.server.connect() as sock:
            sock.sendall(POST + b"Content-Length: 1000\r\n\r\n")
            answer = self.drip(sock, b"a", 0.2)
        # Each byte starts civetweb's own timeout anew; ours is for the whole.
        self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)
        self.assertLess(time.monotonic() - started, 30)

    def drip(self, sock, byte, seconds):
        sock.settimeout(seconds)
        for _ in range(200):
            try:
                sock.send(byte)
                answer = sock.recv(65536)
                if answer:
                    return answer
            except socket.timeout:
                continue
            except OSError:
                break
        raise AssertionError("nobody minded")


class Heads(HttpTest):
    config = {"header_timeout_ms": 1000, "idle_timeout_ms": 700}

    def test_slow_heads(self):
        with self.server.connect() as sock:
            sock.settimeout(0.1)
            for byte in GET + b"X: " + b"y" * 300:
                try:
                    sock.send(bytes([byte]))
                    answer = sock.recv(65536)
                    break
                except socket.timeout:
                    continue
            else:
                raise AssertionError("nobody minded")
        self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)

    def answer_to(self, *requests):
        """The status of the last one, on a connection that was kept after the others."""
        with self.server.connect() as sock:
            for request in requests[:-1]:
                sock.sendall(request)
                read_until(sock, b"127.0.0.1")
            sock.sendall(requests[-1])
            return read_until(sock, b"\r\n")

    def test_what_was_wrong_with_a_head(self):
        """Too late, too large, or no head at all; also on a connection that had requests."""
        whole = GET + b"\r\n"
        large = GET + b"X: " + b"y" * 17000 + b"\r\n\r\n"
        for before in ((), (whole,), (whole, whole)):
            for last, status in ((large, b"431"), (GET + b"X: " + b"y" * 17000, b"431"),
                                 (GET, b"408"), (GET + b"X\x01: y\r\n\r\n", b"400"),
                                 (b"what?\r\n\r\n", b"400")):
                with self.subTest(before=len(before), last=last[:60]):
                    answer = self.answer_to(*before, last)
                    self.assertTrue(answer.startswith(b"HTTP/1.1 " + status), answer)
        # What bodies had is not of the head that follows.
        for count, before in (
                (16000, b"Content-Length: 16000\r\n\r\n" + b"a" * 16000),
                (4000, b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 4000 +
                 b"0\r\n\r\n")):
            for last, status in ((large, b"431"), (GET + b"X\x01: y\r\n\r\n", b"400")):
                with self.server.connect() as sock:
                    sock.sendall(POST + before)
                    read_until(sock, b"a" * count)
                    sock.sendall(last)
                    answer = read_all(sock)
                    self.assertTrue(answer.startswith(b"HTTP/1.1 " + status), answer[:100])

    def test_a_head_that_is_cut_short(self):
        self.assertEqual(self.statuses(GET, shut=True), [b"400"])

    def test_bodies_that_stop_coming(self):
        for body in (b"Content-Length: 10\r\n\r\nhello",
                     b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe"):
            self.assertEqual(self.statuses(POST + body), [b"408"])

    def test_silent_connections_are_closed(self):
        with self.server.connect() as fresh, self.server.connect() as kept:
            kept.sendall(GET + b"\r\n")
            read_until(kept, b"127.0.0.1")
            self.assertEqual(read_all(kept), b"")
            self.assertEqual(read_all(fresh), b"")

    def test_keep_alive(self):
        with self.server.connect() as sock:
            for _ in range(3):
                sock.sendall(GET + b"\r\n")
                self.assertIn(b"Connection: keep-alive", read_until(sock, b"127.0.0.1"))
            sock.sendall((GET + b"\r\n") * 2 + GET + b"Connection: close\r\n\r\n")
            self.assertEqual(read_all(sock).count(b"200 OK"), 3)

    def test_listening(self):
        for listen, wanted in (("127.0.0.1:443s", "TLS"), ("127.0.0.1:80r", "TLS"),
                               ("nowhere:80", "IPv4 address"), ("[::1]:80", "IPv6 is not"),
                               ("::1:80", "IPv6 is not"), ("[::]:80", "reverse proxy"),
                               ("127.0.0.1", "HOST:PORT"), ("127.0.0.1:99999", "HOST:PORT"),
                               (f"127.0.0.1:{self.server.port}", "taken")):
            with self.subTest(listen=listen):
                server = Echod(listen=listen)
                status, _ = server.stop()
                self.assertEqual(status, 1)
                self.assertIn(wanted, server.error)


class Answers(HttpTest):
    config = {"write_timeout_ms": 1000, "header_timeout_ms": 1000}

    def test_streams(self):
        answer = self.server.raw(b"GET /stream?n=3 HTTP/1.1\r\nHost: localhost\r\n"
                                 b"Connection: close\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b"Transfer-Encoding: chunked", head)
        self.assertEqual(body, b"b\r\nxxxxxxxxxx\n\r\n" * 3 + b"0\r\n\r\n")
        answer = self.server.raw(b"GET /stream?n=3 HTTP/1.0\r\nHost: localhost\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertNotIn(b"Transfer-Encoding", head)
        self.assertEqual(body, b"xxxxxxxxxx\n" * 3)

    def test_a_stream_that_is_cut_has_no_end(self):
        answer = self.server.raw(b"GET /stream?n=1&cut=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertTrue(answer.endswith(b"xxxxxxxxxx\n\r\n"), answer)

    def test_head(self):
        answer = self.server.raw(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n"
                                 b"Connection: close\r\n\r\n")
        self.assertIn(b"Content-Length: 9\r\n", answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n"))

    def test_each_event_is_one_segment_with_the_head_in_the_first(self):
        with self.server.connect() as sock:
            sock.sendall(b"GET /stream?n=3&ms=200 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            first = sock.recv(65536)
            self.assertTrue(first.startswith(b"HTTP/1.1 200"))
            self.assertTrue(first.endswith(b"b\r\nxxxxxxxxxx\n\r\n"), first)
            self.assertEqual(sock.recv(65536), b"b\r\nxxxxxxxxxx\n\r\n")

    def test_a_client_that_leaves_is_noticed_while_nothing_is_written(self):
        sock = self.server.connect()
        sock.sendall(b"GET /stream?n=2&ms=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        read_until(sock, b"xxx")
        sock.close()
        self.server.said("stream gone")

    def test_a_reader_that_takes_nothing_is_dropped(self):
        with self.server.connect() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(b"GET /stream?n=10000&bytes=10000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.server.said("stream failed")

    def test_a_reader_that_takes_a_byte_now_and_then_is_dropped(self):
        # civetweb's own timeout starts anew whenever something was taken.
        with self.server.connect() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(b"GET /stream?n=1&bytes=1000000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            sock.settimeout(5)
            taken = 0
            try:
                while sock.recv(200):
                    taken += 1
                    time.sleep(0.1)
            except OSError:
                pass
        self.server.said("stream failed")


class Crowds(HttpTest):
    config = {"connections": 8, "workers": 12, "header_timeout_ms": 3000}

    def test_who_comes_beyond_the_limit_is_told_at_once(self):
        held = [self.server.connect() for _ in range(8)]
        for sock in held:
            sock.sendall(b"GET /stream?n=2&ms=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            read_until(sock, b"xxx")
        for _ in range(20):
            with self.server.connect() as sock:
                self.assertTrue(read_all(sock).startswith(b"HTTP/1.1 503 "))
        held.pop().close()
        wait_until(lambda: self.server.raw(GET + b"Connection: close\r\n\r\n")
                   .startswith(b"HTTP/1.1 200"), "room for one more")
        for sock in held:
            sock.close()

    def test_a_flood_of_idle_connections_is_over_soon(self):
        flood = [self.server.connect() for _ in range(200)]
        wait_until(lambda: self.server.raw(GET + b"Connection: close\r\n\r\n")
                   .startswith(b"HTTP/1.1 200"), "an answer beside the flood")
        for sock in flood:
            sock.close()


class Waves(HttpTest):
    config = {"connections": 700, "workers": 720}

    def test_a_wave_that_takes_the_place_of_another(self):
        """New connections lie behind a gap that the old ones leave as they close."""
        old = []
        for _ in range(60):
            self.server.process.send_signal(signal.SIGSTOP)
            new = [self.server.connect() for _ in range(256)]
            for sock in new:
                sock.sendall(GET + b"\r\n")
            for sock in old:
                sock.close()
            self.server.process.send_signal(signal.SIGCONT)
            for sock in new:
                self.assertEqual(sock.recv(12), b"HTTP/1.1 200")
            old = new
        for sock in old:
            sock.close()


class PerAddress(HttpTest):
    config = {"connections": 20, "workers": 24, "connections_per_ip": 3}

    def test_one_address_does_not_take_all(self):
        held = [self.server.connect() for _ in range(3)]
        for sock in held:
            sock.sendall(GET + b"\r\n")
            read_until(sock, b"127.0.0.1")
        self.assertTrue(self.server.raw(GET + b"\r\n").startswith(b"HTTP/1.1 503 "))
        with socket.create_connection(("127.0.0.1", self.server.port), SECONDS,
                                      ("127.0.0.2", 0)) as other:
            other.sendall(GET + b"Connection: close\r\n\r\n")
            self.assertTrue(read_all(other).endswith(b"127.0.0.2"))
        for sock in held:
            sock.close()


class Descriptors(unittest.TestCase):
    def test_without_descriptors_it_does_not_spin(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        server = Echod(limit, connections=8, workers=12)
        socks = []
        try:
            for _ in range(100):
                socks.append(server.connect())
            before = os.times().children_user, cpu(server.process.pid)
            time.sleep(1)
            self.assertLess(cpu(server.process.pid) - before[1], 0.5)
        finally:
            for sock in socks:
                sock.close()
        wait_until(lambda: server.raw(GET + b"Connection: close\r\n\r\n")
                   .startswith(b"HTTP/1.1 200"), "an answer after the flood")
        self.assertEqual(server.stop()[0], 0)


def cpu(pid):
    """Seconds of processor time that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    unittest.main()
