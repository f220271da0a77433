"""A sender of the course's protocol over a kernel socket, written from its rules alone.

sender.py FILE HOST PORT [-k]: go-back-N with a window of 5, 500 ms (or RUDP_MS), fast retransmission.
"""

import binascii
import os
import select
import socket
import sys

WINDOW = 5
WAIT = int(os.environ.get("RUDP_MS", "500")) / 1000
TRIES = 500


def packet(kind, seq, data):
    body = b"%s|%d|%s|" % (kind, seq, data)
    return body + b"%d" % (binascii.crc32(body) & 0xFFFFFFFF)


def packets(data, size=1400):
    pieces = [data[at:at + size] for at in range(0, len(data), size)] or [b""]
    if len(pieces) == 1:
        pieces.append(b"")
    for seq, piece in enumerate(pieces):
        kind = b"start" if seq == 0 else b"end" if seq == len(pieces) - 1 else b"data"
        yield packet(kind, seq, piece)


def answer(datagram):
    """The number expected next, and those that have arrived beyond it; None when it is corrupt."""
    body, _, checksum = datagram.rpartition(b"|")
    if checksum != b"%d" % (binascii.crc32(body + b"|") & 0xFFFFFFFF):
        return None
    kind, _, text = body.partition(b"|")
    if kind == b"ack":
        return int(text), set()
    if kind == b"sack":
        following, _, beyond = text.partition(b";")
        return int(following), {int(seq) for seq in beyond.split(b",") if seq}
    return None


def main():
    selective = "-k" in sys.argv
    with open(sys.argv[1], "rb") as file:
        waiting = list(packets(file.read()))
    place = (sys.argv[2], int(sys.argv[3]))
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    first, sent, duplicates, tries, arrived = 0, 0, 0, 0, set()
    while first < len(waiting):
        while sent < min(first + WINDOW, len(waiting)):
            sock.sendto(waiting[sent], place)
            sent += 1
        ready, _, _ = select.select([sock], [], [], WAIT)
        if not ready:
            tries += 1
            if tries > TRIES:
                sys.exit("nobody answers")
            for seq in range(first, sent):
                if seq not in arrived:
                    sock.sendto(waiting[seq], place)
            continue
        read = answer(sock.recv(65536))
        if read is None:
            continue
        following, beyond = read
        if selective:
            arrived |= beyond
        if following > first:
            first, duplicates, tries = following, 0, 0
        elif following == first:
            duplicates += 1
            if duplicates == 3:
                sock.sendto(waiting[first], place)


main()
