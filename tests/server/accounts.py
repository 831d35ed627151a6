"""What the tests of accounts share: users and keys made on the way, and the operator's
commands beside the daemon."""

import itertools
import os
import subprocess

from base import AICHATD, ServerTest

PASSWORD = "correct horse battery"
SCOPES = ("read", "chat", "gateway", "admin")
ROLE_SCOPES = {"admin": set(SCOPES), "user": {"read", "chat", "gateway"}, "viewer": {"read"}}


class AccountTest(ServerTest):
    """With users and keys made on the way."""

    counter = itertools.count()

    def store(self, daemon=None):
        return (daemon or self.daemon).home / ".local/share/aichat/aichat.db"

    def operator(self, *words, stdin="", daemon=None, status=0):
        """aichatd user|key|audit beside the daemon."""
        daemon = daemon or self.daemon
        done = subprocess.run([AICHATD, *words], env=daemon.env, input=stdin, text=True,
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, status, done)
        return done

    def new_name(self):
        return f"u{next(self.counter)}-{os.getpid()}"

    def new_user(self, role="user", **more):
        return self.ok("POST", "/api/v1/users", {"name": self.new_name(), "role": role, **more},
                       201)

    def new_key(self, user, *scopes, days=0):
        """A key of a user, made by the operator."""
        words = ["key", "add", user["name"]]
        for scope in scopes:
            words += ["--scope", scope]
        if days:
            words += ["--days", str(days)]
        return self.operator(*words).stdout.strip()

    def log_in(self, name, password=PASSWORD, status=200, **how):
        answer = self.daemon.request("POST", "/api/v1/login",
                                     {"name": name, "password": password}, key="", **how)
        self.assertEqual(answer.status, status, answer)
        return answer

    def me(self, status=200, **how):
        answer = self.daemon.request("GET", "/api/v1/me", **how)
        self.assertEqual(answer.status, status, answer)
        return answer.json()
