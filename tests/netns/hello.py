"""Hello in X is answered Goodbye X from Y, in Python.

usage: hello.py ask ADDRESS PORT X END      END: none, line (a line break ends it), half (the end of sending)
       hello.py serve ADDRESS PORT WAY      WAY of reading: recv, line, all; serves one client
"""

import socket
import sys

what, ADDRESS, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])

if what == "ask":
    name, end = sys.argv[4:6]
    with socket.create_connection((ADDRESS, PORT), timeout=30) as connection:
        connection.sendall(f"Hello in {name}".encode() + (b"\n" if end == "line" else b""))
        if end == "half":
            connection.shutdown(socket.SHUT_WR)
        print(connection.makefile().read())
else:
    with socket.create_server((ADDRESS, PORT)) as server:
        print("serving", flush=True)
        connection, _ = server.accept()
        reader = connection.makefile("rb")
        message = {
            "recv": lambda: connection.recv(1024),
            "line": reader.readline,
            "all": reader.read,
        }[sys.argv[4]]()
        text = message.decode().strip()
        name = text.removeprefix("Hello in ")
        answer = "Goodbye in Python" if name == text else f"Goodbye {name} from Python"
        connection.sendall(answer.encode())
        connection.close()
