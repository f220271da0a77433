"""Tasks by lines of text, as docs/tasks.md has them.

usage: tasks.py ask ADDRESS FOLDER      asks for all that there is, and compares with the files in FOLDER
       tasks.py crowd ADDRESS COUNT     COUNT clients at once
       tasks.py serve ADDRESS FOLDER    serves FOLDER, sums of two numbers, and one address for every name
"""

import hashlib
import os
import resource
import socket
import socketserver
import sys

PORT = 12345


class Client:
    def __init__(self, address):
        self.socket = socket.create_connection((address, PORT), timeout=60)
        self.lines = self.socket.makefile("rb")

    def send(self, *requests):
        self.socket.sendall("".join(f"{request}\n" for request in requests).encode())

    def answer(self):
        status, _, rest = self.lines.readline().decode().rstrip("\n").partition(" ")
        assert status in ("OK", "ERR"), status
        return status, rest

    def file(self):
        status, rest = self.answer()
        assert status == "OK", rest
        size, digest = rest.split()
        data = self.lines.read(int(size))
        assert hashlib.sha256(data).hexdigest() == digest
        return data


def ask(address, folder):
    client = Client(address)
    # All of them at once: they are answered one after the other.
    client.send("CALC 2+3*4", "FILE pattern", "FILE empty", "FILE gone", "CALC 1/0", "DNS x.org", "QUIT")
    assert client.answer() == ("OK", "14")
    for name in ("pattern", "empty"):
        with open(os.path.join(folder, name), "rb") as file:
            assert client.file() == file.read()
    assert client.answer() == ("ERR", "There is nothing here.")
    assert client.answer() == ("ERR", "division by zero")
    assert client.answer()[0] == "ERR"
    assert client.answer() == ("OK", "")
    assert client.lines.read() == b"", "it closes"
    # One at a time, and the expressions of Python.
    client = Client(address)
    for text in ("7/2", "2**10", "-2**2", "2**3**2", "(1+2)*3-4/5", "0.1+0.2", "1e3-1.5"):
        client.send(f"CALC {text}")
        status, result = client.answer()
        assert status == "OK" and float(result) == float(eval(text)), text
    print("all is right")


def crowd(address, count):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    clients = [Client(address) for _ in range(count)]
    for number, client in enumerate(clients):
        client.send(f"CALC {number}+1", "FILE empty")
    right = 0
    for number, client in enumerate(clients):
        assert client.answer() == ("OK", str(number + 1))
        assert client.file() == b""
        right += 1
    print(f"{right} are right")


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            word, _, rest = line.decode().strip().partition(" ")
            if word == "QUIT":
                self.wfile.write(b"OK\n")
                return
            self.wfile.write(self.reply(word, rest))

    def reply(self, word, rest):
        if word == "DNS":
            return b"OK 192.0.2.7\n"
        if word == "CALC":
            return f"OK {sum(int(part) for part in rest.split('+'))}\n".encode()
        try:
            with open(os.path.join(FOLDER, os.path.basename(rest)), "rb") as file:
                data = file.read()
        except OSError:
            return b"ERR no such file\n"
        return f"OK {len(data)} {hashlib.sha256(data).hexdigest()}\n".encode() + data


what, ADDRESS, FOLDER = sys.argv[1:4]
if what == "ask":
    ask(ADDRESS, FOLDER)
elif what == "crowd":
    crowd(ADDRESS, int(FOLDER))
else:
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer((ADDRESS, PORT), Handler) as server:
        server.daemon_threads = True
        print("serving", flush=True)
        server.serve_forever()
