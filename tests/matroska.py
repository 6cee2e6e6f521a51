"""Matroska as cameras send it, written by hand: every size and order is the test's own choice."""

import struct

EBML = bytes.fromhex("1A45DFA3")
SEGMENT = bytes.fromhex("18538067")
INFO = bytes.fromhex("1549A966")
TRACKS = bytes.fromhex("1654AE6B")
CLUSTER = bytes.fromhex("1F43B675")
TAGS = bytes.fromhex("1254C367")
UNKNOWN = b"\x01" + b"\xff" * 7


def vint(value, size=4):
    return (value | 1 << 7 * size).to_bytes(size, "big")


def element(identifier, content, size=4):
    return identifier + vint(len(content), size) + content


def unsigned(identifier, value, width=8):
    return element(identifier, value.to_bytes(width, "big"), 1)


def track(number, kind, codec, private=b"", extra=b""):
    return element(b"\xae", unsigned(b"\xd7", number, 1) + unsigned(bytes.fromhex("73C5"), number) + unsigned(b"\x83", kind, 1) +
                   element(b"\x86", codec.encode(), 1) + (element(bytes.fromhex("63A2"), private) if private else b"") + extra)


VIDEO = track(1, 1, "V_MPEG4/ISO/AVC", b"\x01\x42\xc0\x1e\xff\xe1\x00\x00\x01\x00\x00",
              element(b"\xe0", unsigned(b"\xb0", 64, 2) + unsigned(b"\xba", 48, 2), 1))
AUDIO = track(2, 2, "A_AAC", b"\x11\x90", element(b"\xe1", element(b"\xb5", struct.pack(">d", 48000.0), 1) + unsigned(b"\x9f", 2, 1), 1))


def header(*tracks, scale=1_000_000):
    """All that comes before the first Cluster."""
    return (element(EBML, unsigned(bytes.fromhex("4286"), 1, 1) + unsigned(bytes.fromhex("42F7"), 1, 1) +
                    unsigned(bytes.fromhex("42F2"), 4, 1) + unsigned(bytes.fromhex("42F3"), 8, 1) +
                    element(bytes.fromhex("4282"), b"matroska", 1) + unsigned(bytes.fromhex("4287"), 2, 1) +
                    unsigned(bytes.fromhex("4285"), 2, 1), 1) + SEGMENT + UNKNOWN +
            element(INFO, unsigned(bytes.fromhex("2AD7B1"), scale) + element(bytes.fromhex("4D80"), b"test", 1)) +
            element(TRACKS, b"".join(tracks or (VIDEO,))))


def block(number, relative, data, key=False):
    return element(b"\xa3", vint(number, 1) + struct.pack(">h", relative) + (b"\x80" if key else b"\0") + data)


def cluster(timecode, blocks, known=True):
    content = unsigned(b"\xe7", timecode) + b"".join(blocks)
    return element(CLUSTER, content, 8) if known else CLUSTER + UNKNOWN + content


def fragment(timecode, frames=4, step=100, size=1000, seed=0, tracks=(1,), known=True):
    """A Cluster of `frames` frames of each track; the first frame of video is a key frame."""
    blocks = []
    for index in range(frames):
        for number in tracks:
            data = bytes((seed + index * 7 + number + i) % 251 for i in range(size)) if size < 10_000 else bytes([seed % 251]) * size
            blocks.append(block(number, index * step, data, index == 0))
    return cluster(timecode, blocks, known)


def tags(*items):
    """Metadata of the fragment before it."""
    return element(TAGS, b"".join(
        element(bytes.fromhex("7373"), element(bytes.fromhex("67C8"), element(bytes.fromhex("45A3"), name.encode(), 2) +
                                               element(bytes.fromhex("4487"), value.encode(), 2))) for name, value in items))


def end_of_fragment():
    return tags(("AWS_KINESISVIDEO_END_OF_FRAGMENT", ""))
