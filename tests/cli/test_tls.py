"""Connections that must be secure: who the provider is has to be proved, and where that
fails, it fails at once, with one clear line and the question kept."""

import pathlib
import tempfile
import unittest

from base import CliTest
from tls import OTHER_HOST, Certificates, Door


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
