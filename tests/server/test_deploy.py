"""docs/deploying.md, done as it says: proxies in front, and a backup that is one."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import unittest

from base import SECONDS, ServerTest, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/deploying.md").read_text(encoding="utf-8")


def block(language):
    return re.search(rf"```{language}\n(.*?)```", TEXT, re.S).group(1)


def program(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Proxies(ServerTest):
    options = {"hosts": "chat.example.com", "proxies": "127.0.0.1"}
    llm_path = "gen/n/20/rate/20"

    def start_proxy(self, command, port, env=None):
        log = open(self.folder_of_test / "proxy.log", "wb")
        self.addCleanup(log.close)
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder_of_test,
                                   env={**os.environ, **(env or {})})

        def end():
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.addCleanup(end)

        def up():
            if process.poll() is not None:
                log.flush()
                self.fail((self.folder_of_test / "proxy.log").read_text())
            return accepts(port)
        wait_until(up, "the proxy's start")

    def setUp(self):
        self.folder_of_test = self.new_home()

    def check(self, connect):
        """What the guide promises of a proxy."""
        connection = connect()
        head = {"Host": "chat.example.com", "Authorization": f"Bearer {self.daemon.key}",
                "Content-Type": "application/json", "x-request-id": self.id().split(".")[-1]}
        connection.request("GET", "/openapi.json", headers=head)
        answer = connection.getresponse()
        self.assertEqual((answer.status, json.loads(answer.read())["openapi"]), (200, "3.1.0"))
        line = wait_until(lambda: [line for line in self.daemon.log_lines()
                                   if line.get("request_id") == head["x-request-id"]], "a line")
        self.assertEqual(line[0]["peer"], "127.0.0.1")
        # A page of this name may ask; the metrics are not for the world.
        connection.request("GET", "/healthz", headers={
            **head, "Origin": "https://chat.example.com"})
        answer = connection.getresponse()
        answer.read()
        self.assertEqual(answer.status, 200)
        connection.request("GET", "/metrics", headers=head)
        answer = connection.getresponse()
        answer.read()
        self.assertEqual(answer.status, 404)
        # A stream comes as it is made: more than one piece before its end.
        body = json.dumps({"model": "openai/gpt-4o", "stream": True,
                           "messages": [{"role": "user", "content": "hello"}]})
        connection.request("POST", "/v1/chat/completions", body, head)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        pieces = []
        while piece := answer.read1(65536):
            pieces.append(piece)
        self.assertGreater(len(pieces), 3)
        self.assertTrue(b"".join(pieces).endswith(b"data: [DONE]\n\n"))
        connection.close()

    @unittest.skipUnless(program("nginx") and program("openssl"), "needs nginx and openssl")
    def test_nginx(self):
        folder, port = self.folder_of_test, free_port()
        subprocess.run([program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                        "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj",
                        "/CN=chat.example.com"], cwd=folder, check=True,
                       stderr=subprocess.DEVNULL)
        config = block("nginx")
        for old, new in (("127.0.0.1:8020", f"127.0.0.1:{self.daemon.port}"),
                         ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
                         ("/etc/ssl/chat.example.com.pem", f"{folder}/cert.pem"),
                         ("/etc/ssl/chat.example.com.key", f"{folder}/key.pem")):
            self.assertIn(old, config)
            config = config.replace(old, new)
        temporary = "".join(f"{name}_temp_path {folder}/{name};\n" for name in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(
            f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{ }}\n"
            f"http {{\naccess_log off;\n{temporary}{config}}}\n")
        self.start_proxy([program("nginx"), "-p", str(folder), "-c", f"{folder}/nginx.conf",
                          "-e", f"{folder}/error.log"], port)
        context = ssl.create_default_context(cafile=folder / "cert.pem")
        context.check_hostname = False
        self.check(lambda: http.client.HTTPSConnection("127.0.0.1", port, timeout=SECONDS,
                                                       context=context))

    @unittest.skipUnless(program("caddy"), "needs caddy")
    def test_caddy(self):
        folder, port = self.folder_of_test, free_port()
        config = block("caddy")
        for old, new in (("127.0.0.1:8020", f"127.0.0.1:{self.daemon.port}"),
                         ("chat.example.com {", f"http://chat.example.com:{port} {{")):
            self.assertIn(old, config)
            config = config.replace(old, new)
        (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + config)
        self.start_proxy([program("caddy"), "run", "--config", "Caddyfile", "--adapter",
                          "caddyfile"], port,
                         {"HOME": str(folder), "XDG_DATA_HOME": str(folder),
                          "XDG_CONFIG_HOME": str(folder)})
        self.check(lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS))


class Backup(ServerTest):
    def test_a_backup_beside_the_running_daemon(self):
        title = "in the backup"
        made = self.ok("POST", "/api/v1/conversations", {"title": title}, status=201)
        store = self.home / ".local/share/aichat/aichat.db"
        home = self.new_home()
        copy = home / "aichat.db"
        database = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
        database.execute(block("sql").strip().replace("/backup/aichat.db", str(copy)))
        database.close()
        shutil.copy(f"{store}-secret", f"{copy}-secret")
        self.ok("POST", "/api/v1/conversations", {"title": "afterwards"}, status=201)

        restored = self.another(home, args=["--store", str(copy)])
        answer = restored.request("GET", f"/api/v1/conversations/{made['id']}",
                                  key=self.daemon.key)
        self.assertEqual((answer.status, answer.json()["title"]), (200, title))
        titles = [one.get("title") for one in
                  restored.request("GET", "/api/v1/conversations",
                                   key=self.daemon.key).json()["data"]]
        self.assertEqual(titles, [title])
        verify = subprocess.run([os.environ["AICHAT"], "verify", "--store", str(copy)],
                                env=restored.env, stdout=subprocess.PIPE, timeout=SECONDS)
        self.assertEqual(verify.returncode, 0, verify.stdout)


if __name__ == "__main__":
    unittest.main()
