"""Stands in for `python -m service`: looks its answers up in the golden rows.

The environment variable FAKE says how it behaves: right, wrong, dies (after 20 answers), refuses,
never-ready, fails, or silent (it leaves a file beside its store when it is asked, and no answer).
"""

import argparse
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FAKE = os.environ["FAKE"]
MANY = 20


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answers: dict[str, Any] = {}  # noqa: RUF012 - filled once, before anything is served
    asked: Path
    count = 0
    lock = threading.Lock()

    def do_GET(self) -> None:
        self._send(503 if FAKE == "never-ready" else 200, {})

    def do_POST(self) -> None:
        if FAKE == "silent":
            self.asked.touch()
            threading.Event().wait()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.lock:  # one at a time: nobody dies in the middle of another one's answer
            self._predict(body)

    def _predict(self, body: dict[str, Any]) -> None:
        Handler.count += 1
        if FAKE == "dies" and Handler.count > MANY:
            os.kill(os.getpid(), signal.SIGKILL)
        if FAKE == "refuses":
            self._send(503, {"error": "busy"})
            return
        label, probabilities = self.answers[json.dumps(body["instances"][0])]
        if FAKE == "wrong" and Handler.count % 10 == 0:
            probabilities = probabilities[::-1]
        answer = {"model": "m", "version": 1, "predictions": [label]}
        self._send(200, answer | {"classes": ["down", "up"], "probabilities": [probabilities]})

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _send(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--store", "--host", "--port", "--workers", "--drain-delay-s"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    if FAKE == "fails":
        sys.exit("the model is broken")
    manifest = json.loads((Path(options.store) / "m" / "1" / "manifest.json").read_text())
    golden = manifest["golden"]
    Handler.asked = Path(options.store).parent / "asked"
    Handler.answers = {
        json.dumps(row): (label, probabilities)
        for row, label, probabilities in zip(
            golden["instances"], golden["predictions"], golden["probabilities"], strict=True
        )
    }
    server = ThreadingHTTPServer((options.host, int(options.port)), Handler)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
