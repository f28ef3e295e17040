# SPDX-License-Identifier: Apache-2.0
"""A network switch in software that forwards each frame to all other ports, and loses, repeats and holds
back packets of UDP, by a seed: what a bad network does.

Arguments: the names of its ports, which are interfaces of the namespace that it runs in. It reads lines of
JSON and answers each with a line: new conditions, ports to cut or mend, or a wish for its counts.
"""

import heapq
import json
import os
import random
import select
import socket
import sys
import time

OUTGOING = 4
IPV4, IPV6, UDP = 0x0800, 0x86DD, 17


class Switch:
    def __init__(self, names):
        self.conditions = {"loss": 0, "duplicate": 0, "reorder": 0, "delayMs": 0}
        self.random = random.Random(1)
        self.cut = set()
        self.held = []
        self.count = 0
        self.stats = {"forwarded": 0, "lost": 0, "duplicated": 0, "reordered": 0}
        self.ports = [self.open(name) for name in names]
        self.input = b""

    @staticmethod
    def open(name):
        port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        port.bind((name, 0))
        port.setblocking(False)
        port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        return port

    def run(self):
        print("ready", flush=True)
        watched = [*self.ports, 0]
        while True:
            for source in select.select(watched, [], [], self.patience())[0]:
                if source == 0:
                    if not self.read():
                        return
                else:
                    self.receive(source)
            self.release()

    def patience(self):
        return None if not self.held else max(0, self.held[0][0] - time.monotonic())

    def read(self):
        got = os.read(0, 65536)
        *lines, self.input = (self.input + got).split(b"\n")
        for line in lines:
            wish = json.loads(line)
            if "seed" in wish:
                self.random = random.Random(wish.pop("seed"))
            if "cut" in wish:
                self.cut = set(wish.pop("cut"))
            self.conditions.update(wish)
            print(json.dumps(self.stats), flush=True)
        return got != b""

    def receive(self, source):
        for _ in range(256):
            try:
                frame, address = source.recvfrom(65535)
            except OSError:
                return
            if address[2] != OUTGOING:
                self.forward(self.ports.index(source), frame)

    def forward(self, origin, frame):
        for target in range(len(self.ports)):
            if target == origin or target in self.cut or origin in self.cut:
                continue
            if not is_udp(frame):
                self.send(target, frame)
                continue
            if self.random.random() < self.conditions["loss"]:
                self.stats["lost"] += 1
                continue
            self.later(target, frame)
            if self.random.random() < self.conditions["duplicate"]:
                self.stats["duplicated"] += 1
                self.later(target, frame)

    def later(self, target, frame):
        self.stats["forwarded"] += 1
        delay = 0
        if self.random.random() < self.conditions["reorder"]:
            self.stats["reordered"] += 1
            delay = self.random.random() * 20
        delay += self.conditions["delayMs"]
        if delay == 0:
            self.send(target, frame)
            return
        self.count += 1
        heapq.heappush(self.held, (time.monotonic() + delay / 1000, self.count, target, frame))

    def release(self):
        while self.held and self.held[0][0] <= time.monotonic():
            _, _, target, frame = heapq.heappop(self.held)
            self.send(target, frame)

    def send(self, target, frame):
        try:
            self.ports[target].send(frame)
        except OSError:
            pass  # the other end is down


def is_udp(frame):
    kind = int.from_bytes(frame[12:14], "big")
    return (kind == IPV4 and frame[23] == UDP) or (kind == IPV6 and frame[20] == UDP)


Switch(sys.argv[1:]).run()
