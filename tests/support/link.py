"""A slow, lossy line between two network namespaces: two tun devices, with a queue for each direction.

    link.py NAMESPACE_A DEVICE_A NAMESPACE_B DEVICE_B DELAY_MS LOSS_PERCENT SEED

Says `up` when packets pass. SIGUSR1 cuts the line, SIGUSR2 joins it again, SIGTERM ends it. Tests of what Linux does by
itself with `tc netem` where the kernel has it.
"""
import collections
import ctypes
import fcntl
import os
import random
import select
import signal
import struct
import sys
import time

TUNSETIFF, IFF_TUN_WITHOUT_INFO = 0x400454CA, 0x1001
CLONE_NEWNET = 0x40000000
QUEUE_MAX = 4096


def open_device(namespace, name):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/var/run/netns/{namespace}") as place:
        if libc.setns(place.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN_WITHOUT_INFO))
    return device


def main():
    space_a, name_a, space_b, name_b, delay_ms, loss_percent, seed = sys.argv[1:]
    ends = [open_device(space_a, name_a), open_device(space_b, name_b)]
    delay, loss, chance = float(delay_ms) / 1000, float(loss_percent) / 100, random.Random(int(seed))
    state = {"cut": False}
    signal.signal(signal.SIGUSR1, lambda *_: state.update(cut=True))
    signal.signal(signal.SIGUSR2, lambda *_: state.update(cut=False))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    queues = {end: collections.deque() for end in ends}
    print("up", flush=True)
    while True:
        now = time.monotonic()
        due = [queue[0][0] - now for queue in queues.values() if queue]
        readable, _, _ = select.select(ends, [], [], max(0, min(due)) if due else 1)
        now = time.monotonic()
        for end in readable:
            other = ends[1] if end == ends[0] else ends[0]
            for _ in range(64):
                try:
                    packet = os.read(end, 65536)
                except BlockingIOError:
                    break
                if not state["cut"] and chance.random() >= loss and len(queues[other]) < QUEUE_MAX:
                    queues[other].append((now + delay, packet))
        for end, queue in queues.items():
            while queue and queue[0][0] <= now:
                try:
                    os.write(end, queue.popleft()[1])
                except OSError:
                    pass  # the device is down: a lost packet more


main()
