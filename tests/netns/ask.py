"""Opens a connection with a SYN of any flags, and says what comes of it.

usage: ask.py DEVICE ADDRESS PORT FLAGS

FLAGS are letters as scapy has them: S for SYN, E for ECE, C for CWR, N for the bit that once was the nonce
sum and now asks for accurate ECN. Prints the flags of the answer and, if it is a SYN with ACK, what an echo
service says to a line. The address it comes from is nobody's, so that the kernel stays silent.
"""

import sys

from scapy.config import conf
from scapy.layers.inet import IP, TCP
from scapy.packet import Raw
from scapy.sendrecv import sr1

DEVICE, STACK, PORT, FLAGS = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
SOURCE = STACK.rsplit(".", 1)[0] + ".77"
ISS = 1000

conf.verb = 0
conf.iface = DEVICE
to = IP(src=SOURCE, dst=STACK)
ends = {"sport": 40_000 + hash(FLAGS) % 10_000, "dport": PORT}
answer = sr1(to / TCP(**ends, seq=ISS, flags=FLAGS), timeout=10)
print(answer[TCP].flags)
if answer[TCP].flags.S:
    line = TCP(**ends, seq=ISS + 1, ack=answer[TCP].seq + 1, flags="PA") / Raw(b"hello")
    echo = sr1(to / line, timeout=10)
    # It is acknowledged first, or with the echo, whichever is ready.
    print(echo[TCP].ack - ISS - 1)
