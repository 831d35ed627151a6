"""For tests of connections that must be secure: an authority of our own with what it
signs, and a port that speaks TLS in front of a provider."""

import socket
import ssl
import subprocess
import threading

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
