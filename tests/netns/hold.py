"""Holds many connections to an echo service.

usage: hold.py ADDRESS PORT COUNT

Opens them and says so; then each line of its input is sent through all of them, must come back, and is
answered with a line. The end of its input ends it.
"""

import resource
import socket
import sys

ADDRESS, PORT, COUNT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
held = [socket.create_connection((ADDRESS, PORT), timeout=20) for _ in range(COUNT)]
print(f"holding {COUNT}", flush=True)

for line in sys.stdin.buffer:
    for connection in held:
        connection.sendall(line)
        back = b""
        while len(back) < len(line):
            part = connection.recv(len(line) - len(back))
            assert part, "the connection was closed"
            back += part
        assert back == line, f"{back} came back"
    print(f"{COUNT} echoed {line.decode().strip()}", flush=True)
