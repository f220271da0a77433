"""Holds many connections to an echo service.

usage: hold.py ADDRESS PORT COUNT

Opens them and says so; then each line of its input is sent through all of them, must come back, and is
answered with a line. The end of its input ends it.
"""

import resource
import select
import socket
import sys

ADDRESS, PORT, COUNT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

BATCH = 100

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
held = [socket.socket() for _ in range(COUNT)]
for start in range(0, COUNT, BATCH):
    # All of a batch at once: one after the other would wait for a processor twice each.
    batch = held[start : start + BATCH]
    for connection in batch:
        connection.setblocking(False)
        connection.connect_ex((ADDRESS, PORT))
    for connection in batch:
        connection.settimeout(60)
        waiting = select.poll()
        waiting.register(connection, select.POLLOUT)
        waiting.poll(60_000)
        connection.getpeername()  # fails when it is not connected
print(f"holding {COUNT}", flush=True)

for line in sys.stdin.buffer:
    for connection in held:
        connection.sendall(line)
    for connection in held:
        back = b""
        while len(back) < len(line):
            part = connection.recv(len(line) - len(back))
            assert part, "the connection was closed"
            back += part
        assert back == line, f"{back} came back"
    print(f"{COUNT} echoed {line.decode().strip()}", flush=True)
