#!/usr/bin/python3
"""A web server for tests, on port 8000: ranges, redirections, uploads, and bodies that do not end well."""

import hashlib
import http.server
import re
import time

TEXT = bytes((at * 2654435761 >> 13) & 0xFF for at in range(300_000))
TAG = '"one"'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def begin(self, status, length, **fields):
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def do_GET(self):
        if self.path == "/file":
            self.part(len(TEXT))
        elif self.path == "/half":
            # The first time half of it, with the rest for who asks for it.
            self.part(len(TEXT) // 2)
        elif self.path == "/stall":
            self.begin(200, len(TEXT))
            self.wfile.write(TEXT[:1000])
            self.wfile.flush()
            time.sleep(60)
        elif self.path == "/chunks":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(TEXT), 10_000):
                self.wfile.write(b"2710\r\n" + TEXT[at : at + 10_000] + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        elif self.path == "/elsewhere":
            self.begin(302, 0, Location="http://alias.test:8000/file")
        elif self.path == "/circle":
            self.begin(302, 0, Location="/circle")
        elif self.path == "/secret":
            self.begin(301, 0, Location="https://www.test/file")
        else:
            self.begin(404, 0)

    def part(self, most):
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and self.headers.get("If-Range") == TAG:
            start = int(asked[1])
            place = f"bytes {start}-{len(TEXT) - 1}/{len(TEXT)}"
            self.begin(206, len(TEXT) - start, ETag=TAG, Content_Range=place)
            self.wfile.write(TEXT[start:])
        else:
            self.begin(200, len(TEXT), ETag=TAG)
            self.wfile.write(TEXT[:most])
        self.close_connection = True

    def do_PUT(self):
        text = self.rfile.read(int(self.headers["Content-Length"]))
        words = hashlib.sha256(text).hexdigest().encode() + b"\n"
        self.begin(201, len(words))
        self.wfile.write(words)


server = http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler)
print("ready", hashlib.sha256(TEXT).hexdigest(), flush=True)
server.serve_forever()
