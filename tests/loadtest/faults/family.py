"""Stands in for a replica: answers 200 to everything, and has a loader with two workers below it.

`python family.py PORT`. The first process writes a line a prediction into the file `log`, and
answers 507 if it cannot.
"""

import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        try:
            with Path("log").open("a", encoding="utf-8") as log:
                log.write("a request\n")
        except OSError:
            self._answer(507)
            return
        self._answer()

    def _answer(self, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        pass


def work() -> None:
    while os.getppid() != 1:
        time.sleep(0.01)
    os._exit(0)


def main() -> None:
    first = os.getpid()
    if os.fork() == 0:
        for _ in range(2):
            if os.fork() == 0:
                work()
        while os.getppid() == first:
            time.sleep(0.01)
        os._exit(0)
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
