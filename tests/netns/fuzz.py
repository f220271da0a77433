"""Sends the stack packets that nobody should send.

usage: fuzz.py DEVICE ADDRESS COUNT SEED

The same seed gives the same packets, but for the sequence numbers of the stack.

Scapy makes the models, of every protocol and with every kind of option; what is sent is one of them with
some bytes changed, cut or lengthened, most with checksums that are right again, because building each
anew by scapy would take minutes. Some go to connections that the fuzzer has opened itself, near the
numbers they expect, from addresses that the kernel does not have, so that it stays silent.
"""

import errno
import random
import socket
import struct
import sys
import time

from scapy.config import conf
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption, IPOption_RR, fragment
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.packet import Raw, fuzz
from scapy.volatile import RandString

DEVICE, STACK, COUNT, SEED = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
KERNEL = STACK.rsplit(".", 1)[0] + ".1"
PORTS = [7, 9, 13, 19, 80]
MODELS = 1500
CONNECTIONS = 200
ETH_P_IP, SOL_PACKET, PACKET_QDISC_BYPASS = 0x0800, 263, 20
TCP_PROTOCOL, UDP_PROTOCOL = 6, 17
SYN, RST, PSH, ACK = 0x02, 0x04, 0x08, 0x10

conf.verb = 0
random.seed(SEED)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
wire.bind((DEVICE, ETH_P_IP))
wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
# Without the queue of the kernel, which would drop what the device has no room for and not say so.
wire.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)


def send(packet):
    """Puts one packet on the device, as soon as there is room in its queue."""
    while True:
        try:
            return wire.send(packet)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            time.sleep(0.0005)


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def seal(packet):
    """Makes lengths and checksums right, as far as there is a header to be read."""
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return
    header = (packet[0] & 15) * 4
    if not 20 <= header <= len(packet):
        return
    packet[2:4] = struct.pack("!H", len(packet))
    packet[10:12] = b"\0\0"
    packet[10:12] = struct.pack("!H", checksum(bytes(packet[:header])))
    at = header + {TCP_PROTOCOL: 16, UDP_PROTOCOL: 6, 1: 2}.get(packet[9], len(packet))
    if at + 2 > len(packet):
        return
    packet[at : at + 2] = b"\0\0"
    transport = bytes(packet[header:])
    if packet[9] != 1:
        transport = struct.pack("!8sHH", bytes(packet[12:20]), packet[9], len(transport)) + transport
    packet[at : at + 2] = struct.pack("!H", checksum(transport))


def model():
    """One packet by scapy."""
    ip = IP(src=KERNEL, dst=STACK, id=random.getrandbits(16), ttl=random.choice([0, 1, 64, 255]))
    port, other = random.choice(PORTS), random.randrange(1, 65536)
    text = Raw(RandString(random.choice([0, 1, 7, 100, 500])))
    options = [
        ("MSS", random.getrandbits(16)), ("WScale", random.getrandbits(8)), ("SAckOK", b""),
        ("Timestamp", (random.getrandbits(32), random.getrandbits(32))), ("NOP", None),
        ("SAck", tuple(random.getrandbits(32) for _ in range(2 * random.randrange(1, 4)))),
        ("Mood", b"happy"), (random.randrange(35, 254), random.randbytes(random.randrange(8))),
    ]
    segment = TCP(
        sport=other, dport=port, flags=random.getrandbits(8), seq=random.getrandbits(32),
        ack=random.getrandbits(32), window=random.getrandbits(16),
        options=random.sample(options, random.randrange(3)),
    )
    return random.choice([
        lambda: ip / segment / text,
        lambda: ip / fuzz(TCP(dport=port)) / text,
        lambda: ip / UDP(sport=other, dport=random.choice([7, 13, 19, other])) / text,
        lambda: ip / fuzz(UDP(dport=7)),
        lambda: ip / fuzz(ICMP()) / text,
        lambda: ip / ICMP(type=3, code=random.randrange(16)) / IP(src=STACK, dst=KERNEL) / segment,
        lambda: ip / ICMP() / text,
        lambda: fuzz(IP(dst=STACK)) / segment,
        lambda: IP(src=KERNEL, dst=STACK, options=IPOption_RR()) / segment,
        lambda: IP(src=KERNEL, dst=STACK, options=IPOption(option=random.getrandbits(5))) / segment,
        lambda: random.choice(fragment(ip / segment / Raw(bytes(600)), fragsize=64)),
        lambda: IP(src=random.choice([STACK, "127.0.0.1", "224.0.0.1"]), dst=STACK) / segment,
        lambda: IP(src=KERNEL, dst=random.choice(["10.9.0.255", "224.0.0.1", "8.8.8.8"])) / segment,
        lambda: IPv6(dst="::1") / ICMPv6EchoRequest(),
    ])()


class Connection:
    """One that the fuzzer has opened: where it is, and the numbers that it expects."""

    opened = {}

    def __init__(self, number):
        self.source = socket.inet_aton(STACK.rsplit(".", 1)[0] + f".{3 + number % 200}")
        self.ports = struct.pack("!HH", 1024 + number, PORTS[number % len(PORTS)])
        self.seq, self.ack = random.getrandbits(32), 0
        self.clock = random.getrandbits(32) if number % 2 else None
        Connection.opened[self.source + self.ports] = self
        self.say(SYN)

    def say(self, flags, seq=0, ack=0, text=b"", tick=1):
        """Sends a segment, `seq` and `ack` counted from what is expected, with timestamps (the clock
        goes on by `tick`) unless `tick` is None or the connection has none."""
        numbers = struct.pack("!II", (self.seq + seq) & 0xFFFFFFFF, (self.ack + ack) & 0xFFFFFFFF)
        options = b""
        if self.clock is not None and tick is not None:
            stamp = (self.clock + tick) & 0xFFFFFFFF
            self.clock = max(stamp, self.clock)
            options = struct.pack("!BBBBII", 1, 1, 8, 10, stamp, 0)
        offset = (20 + len(options)) << 2
        segment = self.ports + numbers + struct.pack("!BBHHH", offset, flags, 8192, 0, 0)
        segment += options + text
        packet = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 0, 1, 0, 64, TCP_PROTOCOL, 0))
        packet += self.source + socket.inet_aton(STACK) + segment
        seal(packet)
        send(packet)

    @staticmethod
    def listen():
        """Takes the numbers from all that has arrived, and answers each SYN-ACK."""
        wire.setblocking(False)
        while True:
            try:
                packet = wire.recv(2048)
            except BlockingIOError:
                break
            if len(packet) < 40 or packet[9] != TCP_PROTOCOL:
                continue
            connection = Connection.opened.get(packet[16:20] + packet[22:24] + packet[20:22])
            if connection is None or packet[33] & RST:
                continue
            seq, ack = struct.unpack("!II", packet[24:32])
            text = len(packet) - 20 - (packet[32] >> 4) * 4
            if packet[33] & SYN:
                connection.seq, connection.ack = ack, seq + 1
                connection.say(ACK)
            elif packet[33] & ACK:
                connection.seq, connection.ack = ack, seq + text
        wire.setblocking(True)

    def disturb(self):
        """Sends it something near what it expects."""
        near = [0, 0, 0, 1, -1, 5, -5, 1000, -1000, 65535, 1 << 20, 1 << 31]
        tick = random.choice([1, 1, 1, 1, 1, 1, -1000, None])
        flags = random.choice([ACK, ACK, ACK | PSH, random.getrandbits(8)])
        text = random.randbytes(random.choice([0, 0, 1, 10, 500]))
        self.say(flags, random.choice(near), random.choice(near), text, tick)


def spoil(packet):
    """Some bytes changed, cut off or added; two of three then get right checksums."""
    packet = bytearray(packet)
    for _ in range(random.randrange(4)):
        packet[random.randrange(len(packet))] = random.getrandbits(8)
    cut = random.random()
    if cut < 0.1:
        del packet[random.randrange(1, len(packet) + 1) :]
    elif cut < 0.15:
        packet += random.randbytes(random.randrange(64))
    if random.random() < 0.66:
        seal(packet)
    return packet


models = [bytes(model())[:1400] for _ in range(MODELS)]
connections = []
for number in range(COUNT):
    if number % 5 == 0:
        if len(connections) < CONNECTIONS:
            connections.append(Connection(len(connections)))
        else:
            random.choice(connections).disturb()
        if number % 100 == 0:
            Connection.listen()
    else:
        send(spoil(random.choice(models)))
print(f"{COUNT} packets sent to {STACK}, {sum(c.ack > 0 for c in connections)} connections were opened")
