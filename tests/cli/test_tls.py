"""Connections that must be secure: who the provider is has to be proved, and where that
fails, it fails at once, with one clear line and the question kept."""

import pathlib
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

from base import CliTest

OTHER_HOST = "DNS:provider.example"
THIS_HOST = "IP:127.0.0.1"


class Certificates:
    """An authority of our own, and what it signs; made anew for every run."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = self.make("authority", "CA:TRUE")

    def openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, timeout=60, cwd=self.folder,
                       stdin=subprocess.DEVNULL, capture_output=True)

    def make(self, name, constraint="CA:FALSE", host=THIS_HOST, signed=False):
        """The path of a certificate whose key is beside it, as NAME.key."""
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-days", "2", "-subj", "/CN=" + name,
                     "-addext", "basicConstraints=critical," + constraint,
                     "-addext", "subjectAltName=" + host,
                     "-keyout", name + ".key", "-out", name + ".pem",
                     *(("-CA", "authority.pem", "-CAkey", "authority.key") if signed else ()))
        return self.folder / (name + ".pem")


class Door:
    """A port that speaks TLS and passes what it hears on to another one; without a
    certificate it takes everything for bad HTTP."""

    def __init__(self, certificate, behind):
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self.behind = behind
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(20)
            try:
                if not self.context:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    connection.close()
                    continue
                with self.context.wrap_socket(connection, server_side=True) as secure:
                    self.serve(secure)
            except OSError:  # ssl.SSLError is one
                connection.close()

    def serve(self, secure):
        """One request, which comes whole, and all of its answer."""
        request = b""
        while b"\r\n\r\n" not in request:
            data = secure.recv(65536)
            if not data:  # who we are did not please
                return
            request += data
        head, _, body = request.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(fields[b"content-length"]):
            body += secure.recv(65536)
        with socket.create_connection(self.behind, timeout=20) as inner:
            inner.sendall(head.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n")
                          + b"\r\n\r\n" + body)
            while data := inner.recv(65536):
                secure.sendall(data)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(timeout=30)


class TlsTest(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="aichat-tls-")
        cls.addClassCleanup(folder.cleanup)
        cls.certificates = Certificates(pathlib.Path(folder.name))

    def open_door(self, certificate):
        door = Door(certificate, ("127.0.0.1", self.llm.port))
        self.addCleanup(door.close)
        self.provider("gen/n/5")
        self.env["OPENAI_BASE_URL"] = f"https://127.0.0.1:{door.port}/gen/n/5/v1"
        return door

    def trust(self):
        return ("-o", f"ca_file={self.certificates.authority}")

    def refused(self, door, *args):
        """What is said when the provider is not who it should be."""
        result = self.fails(3, *args, "Hello?")
        self.assertEqual(result.out, "", result)
        lines = result.err.splitlines()
        self.assertEqual(len(lines), 2, result)
        self.assertIn(f"https://127.0.0.1:{door.port}/", lines[0])
        self.assertIn("aichat retry", lines[1])
        self.assertEqual(door.connections, 1, "it was tried again")
        # The key and the question stay here.
        question, answer = self.messages()
        self.assertEqual(question["parts"][0]["text"], "Hello?")
        self.assertEqual(answer["state"], "failed")
        return lines[0]

    def code(self, *args):
        last = self.run_aichat("--json", *args, "Hello?").lines()[-1]
        return last["error"]["code"]

    def test_trusted(self):
        door = self.open_door(self.certificates.make("trusted", signed=True))
        self.assertEqual(len(self.ok(*self.trust(), "Hello?").out.split()), 5)
        self.assertEqual(door.connections, 1)

    def test_self_signed(self):
        door = self.open_door(self.certificates.make("self"))
        line = self.refused(door)
        self.assertIn("self-signed certificate", line.replace("self signed", "self-signed"))
        self.assertTrue(line.endswith("in the option ca_file"), line)
        self.assertEqual(self.code(), "PROVIDER_TLS")
        self.assertEqual(self.code(*self.trust()), "PROVIDER_TLS")

    def test_unknown_authority(self):
        door = self.open_door(self.certificates.make("unknown", signed=True))
        self.assertIn("issuer certificate", self.refused(door))

    def test_wrong_host(self):
        door = self.open_door(
            self.certificates.make("other", host=OTHER_HOST, signed=True))
        line = self.refused(door, *self.trust())
        self.assertIn("127.0.0.1", line.partition(": SSL")[2])
        self.assertTrue(line.endswith("in the option ca_file"), line)
        self.assertEqual(self.code(*self.trust()), "PROVIDER_TLS")

    def test_no_tls_at_all(self):
        """https where only http is spoken."""
        line = self.refused(self.open_door(None))
        self.assertTrue(line.endswith("check that https is spoken there"), line)
        self.assertEqual(self.code(), "PROVIDER_TLS")

    def test_no_such_authority(self):
        door = self.open_door(self.certificates.make("trusted2", signed=True))
        missing = str(self.home / "missing.pem")
        result = self.fails(3, "-o", "ca_file=" + missing, "Hello?")
        self.assertIn(missing, result.err)
        self.assertEqual(door.connections, 1, result)


if __name__ == "__main__":
    unittest.main()
