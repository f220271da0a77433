#!/usr/bin/python3
"""A DNS server for tests, on UDP and TCP port 53 (RFC 1035): a few names under `test`."""

import socket
import struct
import threading

NO_ERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
A, CNAME, AAAA = 1, 5, 28

# Names, and the records of each: type and data.
NAMES = {
    "www.test": [(A, "10.9.0.1"), (AAAA, "fd00::1")],
    "alias.test": [(CNAME, "other.test")],
    "other.test": [(CNAME, "www.test")],
    "circle.test": [(CNAME, "round.test")],
    "round.test": [(CNAME, "circle.test")],
    "long.test": [(A, f"10.9.1.{host}") for host in range(100)],
    "none.test": [],
}
# What nothing is answered to.
SILENT = {"silent.test"}
CODES = {"fail.test": SERVFAIL, "refused.test": REFUSED}


def encode(name):
    labels = [label.encode() for label in name.split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def data(kind, value):
    if kind == A:
        return socket.inet_aton(value)
    if kind == AAAA:
        return socket.inet_pton(socket.AF_INET6, value)
    return encode(value)


def records(name, wanted):
    """The records of a name, and those of the names that its aliases lead to."""
    found, passed = [], set()
    while name in NAMES and name not in passed:
        passed.add(name)
        following = None
        for kind, value in NAMES[name]:
            if kind in (wanted, CNAME):
                found.append((name, kind, value))
            if kind == CNAME and wanted != CNAME:
                following = value
        name = following
    return found


def answer(message, longest):
    """The answer to a question, with what fits; nothing to some."""
    number, _, _, _, _, _ = struct.unpack("!6H", message[:12])
    at, labels = 12, []
    while message[at]:
        labels.append(message[at + 1 : at + 1 + message[at]].decode())
        at += 1 + message[at]
    question = message[12 : at + 5]
    wanted = struct.unpack("!H", message[at + 1 : at + 3])[0]
    name = ".".join(labels).lower()
    if name in SILENT:
        return None
    code = CODES.get(name, NO_ERROR if name in NAMES else NXDOMAIN)
    found = records(name, wanted) if code == NO_ERROR else []
    body = b""
    for owner, kind, value in found:
        text = data(kind, value)
        body += encode(owner) + struct.pack("!HHIH", kind, 1, 60, len(text)) + text
    flags = 0x8180 | code
    if 12 + len(question) + len(body) > longest:
        flags, found, body = flags | 0x0200, [], b""
    return struct.pack("!6H", number, flags, 1, len(found), 0, 0) + question + body


def exactly(connection, count):
    text = b""
    while len(text) < count:
        more = connection.recv(count - len(text))
        if not more:
            raise EOFError
        text += more
    return text


def converse(connection):
    with connection:
        connection.settimeout(60)
        try:
            while True:
                (length,) = struct.unpack("!H", exactly(connection, 2))
                reply = answer(exactly(connection, length), 65535)
                if reply is not None:
                    connection.sendall(struct.pack("!H", len(reply)) + reply)
        except (EOFError, OSError):
            pass


def over_tcp(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=converse, args=(connection,), daemon=True).start()


datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("0.0.0.0", 53))
listening = socket.create_server(("0.0.0.0", 53))
threading.Thread(target=over_tcp, args=(listening,), daemon=True).start()
print("ready", flush=True)
while True:
    text, sender = datagrams.recvfrom(65535)
    reply = answer(text, 512)
    try:
        if reply is not None:
            datagrams.sendto(reply, sender)
    except OSError:
        # Its device has gone: so has who asked.
        pass
