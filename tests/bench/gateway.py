"""The gateway beside nginx, which proxies to the same provider in the same run.

Both are asked by wrk, in turns; medians of the rounds are compared. The provider (fakellm)
is asked directly as well: as long as that is well above both, it is not what is measured.
"""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))

from base import Daemon                                             # noqa: E402
from fakellm import Fakellm                                         # noqa: E402

ANSWER = "n/25/bytes/40"    # about one kilobyte of text
SECONDS = 1
ROUNDS = 7
# connections, what is compared, the bound
ROWS = ((1, "p50", 2.5), (8, "p50", 2.5), (32, "rate", 0.3), (256, "rate", 0.25))

NGINX = """
daemon off;
pid %(folder)s/nginx.pid;
error_log %(folder)s/error.log;
worker_processes 2;
events { worker_connections 2048; }
http {
    access_log %(folder)s/access.log;
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    keepalive_requests 10000000;
    upstream provider {
        server 127.0.0.1:%(upstream)d;
        keepalive 512;
        keepalive_requests 10000000;
    }
    server {
        listen 127.0.0.1:%(port)d;
        location / {
            proxy_pass http://provider;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            %(extra)s
        }
    }
}
"""


def free_port():
    import socket
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Nginx:
    def __init__(self, folder, upstream, extra=""):
        self.port = free_port()
        config = pathlib.Path(folder) / "nginx.conf"
        config.write_text(NGINX % {"folder": folder, "upstream": upstream, "port": self.port,
                                   "extra": extra})
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen([program, "-p", folder, "-c", str(config)],
                                        stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        if self.process.poll() is not None:
            sys.exit("bench: nginx does not start; run ./dev deps bench")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %s"
wrk.body = [[%s]]
"""


class Load:
    """One side: where it is asked, and with what."""

    def __init__(self, folder, name, url, key, model):
        body = json.dumps({"model": model, "max_tokens": 1000, "messages": [
            {"role": "system", "content": "You are a terse assistant." * 4},
            {"role": "user", "content": "What is the tide at noon in Brest? " * 4}]})
        self.url = url
        self.script = pathlib.Path(folder) / (name + ".lua")
        self.script.write_text(SCRIPT % (key, body))
        self.rates, self.p50s = [], []

    def run(self, connections, seconds=SECONDS):
        done = subprocess.run(
            ["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "--timeout", "20s",
             "--latency", "-s", str(self.script), self.url],
            capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
        if re.search(r"Non-2xx|Socket errors", done):
            sys.exit("bench: %s:\n%s" % (self.url, done))
        number, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", done).groups()
        self.p50s.append(float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit])
        self.rates.append(float(re.search(r"Requests/sec:\s+([\d.]+)", done).group(1)))

    def take(self):
        rate, p50 = statistics.median(self.rates), statistics.median(self.p50s)
        self.rates, self.p50s = [], []
        return rate, p50


def measure(table, ours, peer, direct):
    for load in (ours, peer, direct):
        load.run(64, 1)
        load.take()
    for connections, what, target in ROWS:
        for n in range(ROUNDS):
            for load in ((ours, peer, direct) if n % 2 else (direct, peer, ours)):
                load.run(connections)
        (our_rate, our_p50), (rate, p50), (most, least) = (
            ours.take(), peer.take(), direct.take())
        name = "gateway / nginx, %d connection%s" % (connections, "s"[:connections > 1])
        if what == "p50":
            table.row(name + ": p50", "%.0f us" % our_p50, "%.0f us" % p50, our_p50 / p50,
                      target)
        else:
            table.row(name + ": rate", "%.0f /s" % our_rate, "%.0f /s" % rate,
                      our_rate / rate, target, least=True)
        print("  (directly: %.0f us, %.0f /s; ours %.0f /s)" % (least, most, our_rate),
              flush=True)


def go_ahead_of_others():
    """Who else computes on this machine counts less, where we may say so; for all sides."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    except PermissionError:
        pass


def bench_gateway(table):
    if not shutil.which("wrk"):
        sys.exit("bench: wrk is missing; run ./dev deps bench")
    go_ahead_of_others()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Fakellm(
            max_seconds=600) as llm:
        path = ANSWER + "/v1/chat/completions"
        daemon = Daemon(folder, {"connections": "700", "streams": "600", "user_streams": "600",
                                 "connections_per_ip": "600", "concurrent_replies": "0"},
                        {"OPENAI_BASE_URL": llm.base(ANSWER + "/v1"),
                         "OPENAI_API_KEY": "sk-bench"})
        nginx = Nginx(folder, llm.port)
        try:
            daemon.ready()
            measure(table,
                    Load(folder, "ours",
                         "http://127.0.0.1:%d/v1/chat/completions" % daemon.port,
                         daemon.key or "none", "openai/gpt-fake"),
                    Load(folder, "nginx", "http://127.0.0.1:%d/%s" % (nginx.port, path),
                         "sk-bench", "gpt-fake"),
                    Load(folder, "direct", "http://127.0.0.1:%d/%s" % (llm.port, path),
                         "sk-bench", "gpt-fake"))
        finally:
            nginx.stop()
            daemon.stop()
            daemon.close()
