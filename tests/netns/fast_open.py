"""TCP Fast Open with the sockets of the kernel (RFC 7413).

usage: fast_open.py client ADDRESS PORT TIMES
       fast_open.py server PORT TIMES

The client sends "hello" with its SYN and prints what comes back; the server sends back what it reads. Both print
before that whether the data of the SYN was taken, as TCP_INFO shows it. The server says "ready" first.
"""

import socket
import sys

# Of Linux; not all versions of Python have a name for them.
TCP_FASTOPEN = 23
MSG_FASTOPEN = 0x20000000
TCPI_OPTIONS_AT = 5
TCPI_OPT_SYN_DATA = 32


def taken(connection):
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return "taken" if info[TCPI_OPTIONS_AT] & TCPI_OPT_SYN_DATA else "ordinary"


def read_all(connection):
    text = b""
    while chunk := connection.recv(4096):
        text += chunk
    return text


def client(address, port, times):
    for _ in range(times):
        with socket.socket() as connection:
            # With a time-out it would not wait for the handshake.
            connection.sendto(b"hello", MSG_FASTOPEN, (address, port))
            connection.settimeout(20)
            first = connection.recv(4096)
            connection.shutdown(socket.SHUT_WR)
            text = first + read_all(connection)
            print(taken(connection), text.decode(), flush=True)


def server(port, times):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 16)
        listener.bind(("", port))
        listener.listen()
        listener.settimeout(20)
        print("ready", flush=True)
        for _ in range(times):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(20)
                print(taken(connection), flush=True)
                connection.sendall(read_all(connection))


match sys.argv[1:]:
    case ["client", address, port, times]:
        client(address, int(port), int(times))
    case ["server", port, times]:
        server(int(port), int(times))
    case _:
        sys.exit(__doc__)
