"""The two ends of a transfer, for scripts/link-compare; it runs this in network namespaces of its own.

    link_ends.py pull ADDRESS PATH SECONDS              GET, and throw away what comes
    link_ends.py push ADDRESS PATH SECONDS CC BYTES     POST so many bytes from a socket of the kernel
    link_ends.py plain DEVICE                           packets leave and arrive as they are on the wire

The first two print one line of JSON: how many bytes the receiver has got, in how many seconds, and whether that
was all. After SECONDS they stop.
"""

import array
import ctypes
import fcntl
import json
import select
import socket
import struct
import sys
import time

# linux/sockios.h, linux/ethtool.h
SIOCOUTQ = 0x5411
SIOCETHTOOL = 0x8946
OFFLOADS = {"tso": 0x1F, "gso": 0x24, "gro": 0x2C}
# How often the bytes are written down.
TICK = 0.1


class Tally:
    """How much has come, and when."""

    def __init__(self, seconds):
        self.begun = time.monotonic()
        self.end = self.begun + seconds
        self.bytes, self.complete = 0, False
        # Bytes after each tick.
        self.series = []

    def left(self):
        return max(self.end - time.monotonic(), 0)

    def set(self, bytes):
        """So many bytes have come by now."""
        passed = time.monotonic() - self.begun
        while (len(self.series) + 1) * TICK <= passed:
            self.series.append(self.bytes)
        self.bytes = bytes

    def print(self):
        seconds = min(time.monotonic(), self.end) - self.begun
        self.set(self.bytes)
        result = dict(bytes=self.bytes, seconds=round(seconds, 4), complete=self.complete, series=self.series)
        print(json.dumps(result), flush=True)


def connect(address, tally, cc=None):
    end = socket.socket()
    if cc:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, cc.encode())
    end.settimeout(tally.left())
    host, _, port = address.partition(":")
    end.connect((host, int(port)))
    return end


def head_of(end, tally):
    """The head of a reply, and what of the body has come with it."""
    text = b""
    while b"\r\n\r\n" not in text:
        end.settimeout(tally.left() or 0.001)
        more = end.recv(1 << 16)
        if not more:
            sys.exit(f"the server has closed the connection after {text!r}")
        text += more
    head, _, body = text.partition(b"\r\n\r\n")
    status = head.split(b"\r\n")[0].decode()
    if " 200 " not in status + " ":
        sys.exit(f"the server says: {status}")
    return head, body


def pull(address, path, seconds):
    tally = Tally(float(seconds))
    try:
        end = connect(address, tally)
        end.sendall(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        head, body = head_of(end, tally)
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        tally.set(len(body))
        room = bytearray(1 << 20)
        while tally.bytes < length and tally.left():
            end.settimeout(tally.left() or 0.001)
            count = end.recv_into(room)
            if not count:
                sys.exit(f"the server has closed the connection after {tally.bytes} bytes of {length}")
            tally.set(tally.bytes + count)
        tally.complete = tally.bytes >= length
    except TimeoutError:
        pass
    tally.print()


def push(address, path, seconds, cc, length):
    tally, length = Tally(float(seconds)), int(length)
    try:
        end = connect(address, tally, cc)
        end.setblocking(False)
        head = f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode()
        text, written = bytes(1 << 18), -len(head)
        while written < length and tally.left():
            # Until the kernel has room; now and then to write down what has been acknowledged.
            if select.select([], [end], [], min(tally.left(), TICK))[1]:
                written += end.send(head[written:] if written < 0 else text[: length - written])
            tally.set(max(written - unacknowledged(end), 0))
        while tally.left() and not select.select([end], [], [], min(tally.left(), TICK))[0]:
            tally.set(max(written - unacknowledged(end), 0))
        if tally.left():
            head_of(end, tally)
            tally.set(length)
            tally.complete = True
    except TimeoutError:
        pass
    tally.print()


def unacknowledged(end):
    """Bytes that the kernel has not been told of that they have arrived."""
    count = array.array("i", [0])
    fcntl.ioctl(end, SIOCOUTQ, count)
    return count[0]


def plain(device):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in OFFLOADS.values():
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", device.encode(), ctypes.addressof(value))
            fcntl.ioctl(any_socket, SIOCETHTOOL, request.ljust(40, b"\0"))


{"pull": pull, "push": push, "plain": plain}[sys.argv[1]](*sys.argv[2:])
