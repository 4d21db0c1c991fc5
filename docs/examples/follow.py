#!/usr/bin/env python3
"""
Follow a bench until a frame comes, and save it: plain Python, without vmedia-bench.

    follow.py SOCKET FRAME

Prints a line for each session that opens, fails or closes, and for each state of the VM. The first
frame that comes goes to the file FRAME as it lies in memory, and the program ends.
"""

import array
import json
import mmap
import os
import pathlib
import socket
import sys


class Bench:
    """A connection to a bench's control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.buffer = b""
        self.files = []
        self.serial = 0

    def message(self):
        """The next line; a file descriptor that comes along goes to `files`."""
        while b"\n" not in self.buffer:
            data, extra, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(64))
            for level, kind, content in extra:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    self.files += array.array("i", content)
            if not data:
                sys.exit("the bench has ended")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def call(self, method, **params):
        """Call a method; its answer, with `result` or `error`. Notifications are shown."""
        self.serial += 1
        request = {"jsonrpc": "2.0", "id": self.serial, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            message = self.message()
            if message.get("id") == self.serial:
                return message
            show(message)


def show(message):
    """Print what a notification tells."""
    live = message["params"]
    for item in live["items"]:
        if live["topic"] == "session":
            print("session", item["session"], item["what"], item["errno"], flush=True)
        else:
            print("vm", item["state"], item["reason"], flush=True)


def save_frame(bench, path):
    """Save the newest frame; False while there is none."""
    answer = bench.call("frames.get")
    if "error" in answer:
        return False
    frame = answer["result"]
    fd = bench.files.pop(0)
    size = os.fstat(fd).st_size
    with mmap.mmap(fd, size, prot=mmap.PROT_READ) as pixels:
        pathlib.Path(path).write_bytes(pixels)
    os.close(fd)
    print("frame", frame["sequence"], frame["fourcc"], frame["width"], frame["height"], flush=True)
    return True


def main():
    """Follow until there is a frame."""
    bench = Bench(sys.argv[1])
    bench.call("live.subscribe", topics=["vm", "session"])
    while not save_frame(bench, sys.argv[2]):
        bench.call("bench.wait", condition="frames", timeout_s=3600)


if __name__ == "__main__":
    main()
