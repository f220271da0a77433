"""A receiver of the course's protocol over a kernel socket, written from its rules alone.

receiver.py FILE HOST PORT [-k]: prints "ready PORT", and "whole" when the file is; ends when nothing has come
for a second after that.
"""

import binascii
import socket
import sys


def main():
    selective = "-k" in sys.argv
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((sys.argv[2], int(sys.argv[3])))
    print("ready", sock.getsockname()[1], flush=True)
    following, kept, pieces, whole = 0, {}, [], False
    while True:
        try:
            datagram, place = sock.recvfrom(65536)
        except TimeoutError:
            return
        body, _, checksum = datagram.rpartition(b"|")
        if checksum != b"%d" % (binascii.crc32(body + b"|") & 0xFFFFFFFF):
            continue
        assert len(datagram) <= 1472, len(datagram)
        kind, number, data = body.split(b"|", 2)
        seq = int(number)
        assert (kind == b"start") == (seq == 0), datagram[:40]
        if following <= seq < following + 64:
            kept[seq] = (kind, data)
        while not whole and following in kept:
            kind, data = kept.pop(following)
            pieces.append(data)
            following += 1
            whole = kind == b"end"
            if whole:
                with open(sys.argv[1], "wb") as file:
                    file.write(b"".join(pieces))
                print("whole", flush=True)
                sock.settimeout(1)
        if selective:
            beyond = b",".join(b"%d" % seq for seq in sorted(kept))
            text = b"sack|%d;%s|" % (following, beyond)
        else:
            text = b"ack|%d|" % following
        sock.sendto(text + b"%d" % (binascii.crc32(text) & 0xFFFFFFFF), place)


main()
