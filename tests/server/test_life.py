"""How the daemon starts, drains and stops."""

import unittest

from base import ServerTest


class Basics(ServerTest):
    def test_health(self):
        answer = self.daemon.request("GET", "/healthz")
        self.assertEqual((answer.status, answer.json()), (200, {"status": "ok"}))
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        self.assertRegex(answer.headers["x-request-id"], r"^req_[0-9a-v]{24}$")


if __name__ == "__main__":
    unittest.main()
