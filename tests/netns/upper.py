"""The ping of the course on sockets of the kernel: lines, answered in upper case.

upper.py serve PORT        answers lines over TCP and datagrams over UDP, until it is ended
upper.py ask HOST PORT N   sends N lines and N datagrams, prints how many were answered rightly
upper.py crowd HOST PORT N sends a line over each of N connections, again and again until its input ends,
                           prints how many lines were answered rightly over each
"""
import select
import socket
import sys
import threading


def serve(port):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("", port))
    tcp = socket.create_server(("", port))

    def datagrams():
        while True:
            text, sender = udp.recvfrom(65536)
            udp.sendto(text.upper(), sender)

    def lines(connection):
        with connection, connection.makefile("rb") as reader:
            for line in reader:
                connection.sendall(line.upper())

    threading.Thread(target=datagrams, daemon=True).start()
    print("ready", flush=True)
    while True:
        connection, _ = tcp.accept()
        threading.Thread(target=lines, args=(connection,), daemon=True).start()


def ask(host, port, count):
    right = 0
    with socket.create_connection((host, port), timeout=20) as connection:
        with connection.makefile("rb") as reader:
            for number in range(count):
                connection.sendall(b"ping number %d\n" % number)
                right += reader.readline() == b"PING NUMBER %d\n" % number
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(20)
    for number in range(count):
        udp.sendto(b"ping number %d" % number, (host, port))
        right += udp.recv(65536) == b"PING NUMBER %d" % number
    print(right, "right")


def crowd(host, port, count):
    connections = [socket.create_connection((host, port), timeout=20) for _ in range(count)]
    readers = [connection.makefile("rb") for connection in connections]
    print("open", flush=True)
    rounds = 0
    while not select.select([sys.stdin], [], [], 0)[0] or rounds == 0:
        for number, connection in enumerate(connections):
            connection.sendall(b"ping number %d\n" % number)
        for number, reader in enumerate(readers):
            assert reader.readline() == b"PING NUMBER %d\n" % number, number
        rounds += 1
    print(rounds, "right over each of", count)


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
elif sys.argv[1] == "crowd":
    crowd(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
