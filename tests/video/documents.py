"""A small reader of Matroska for the tests, independent of the server's: elements of a document that is in memory."""

import dataclasses

EBML, SEGMENT, INFO, TRACKS, CLUSTER, TAGS = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1254C367
CUES, VOID, TAG, SIMPLE_TAG, TAG_NAME, TAG_STRING = 0x1C53BB6B, 0xEC, 0x7373, 0x67C8, 0x45A3, 0x4487
TIMECODE, SIMPLE_BLOCK, BLOCK_GROUP, BLOCK = 0xE7, 0xA3, 0xA0, 0xA1
LEVEL_1 = {EBML, SEGMENT, INFO, TRACKS, CLUSTER, TAGS, CUES, 0x114D9B74, 0x1043A770, 0x1941A469}


@dataclasses.dataclass
class Element:
    id: int
    start: int  # of the id
    begin: int  # of the content
    end: int


def vint(data, at, keep_marker):
    length = 8 - data[at].bit_length() + 1
    value = int.from_bytes(data[at:at + length], "big")
    unknown = value == (1 << 7 * length + 1) - 1 if not keep_marker else False
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), at + length, unknown


def elements(data, at=0, end=None):
    """The elements between two offsets; one of unknown size ends where the next of its level or above begins."""
    end = len(data) if end is None else end
    while at < end:
        start = at
        number, at, _ = vint(data, at, True)
        size, begin, unknown = vint(data, at, False)
        if not unknown:
            at = begin + size
        elif number == SEGMENT:
            at = next((e.start for e in elements(data, begin, end) if e.id == EBML), end)
        else:
            at = begin
            while at < end and vint(data, at, True)[0] not in LEVEL_1:
                inner = vint(data, at, True)[1]
                inner_size, inner, _ = vint(data, inner, False)
                at = inner + inner_size
        yield Element(number, start, begin, min(at, end))


def children(data, element):
    return list(elements(data, element.begin, element.end))


def tags(data, element):
    """Names and values of a Tags element."""
    found = {}
    for tag in children(data, element):
        for simple in children(data, tag):
            if simple.id == SIMPLE_TAG:
                parts = {e.id: data[e.begin:e.end] for e in children(data, simple)}
                found[parts[TAG_NAME].decode()] = parts.get(TAG_STRING, b"").decode()
    return found


@dataclasses.dataclass
class Chunk:
    """One document of a GetMedia body."""
    data: bytes
    head: bytes        # before the service's tags
    tags: dict         # of the service, in front of the Cluster and behind it
    cluster: bytes
    trailing: bytes    # what the producer sent behind the Cluster
    tail_tags: dict

    @property
    def number(self):
        return self.tags["AWS_KINESISVIDEO_FRAGMENT_NUMBER"]


def chunks(data):
    """Takes a body apart at its EBML headers."""
    starts = [e.start for e in elements(data) if e.id == EBML]
    return [chunk(data[start:end]) for start, end in zip(starts, [*starts[1:], len(data)], strict=True)]


def chunk(data):
    ebml, segment = list(elements(data))
    assert ebml.id == EBML and segment.id == SEGMENT
    assert data[segment.start:segment.begin] == bytes.fromhex("1853806701ffffffffffffff")
    parts = children(data, segment)
    (cluster,) = (e for e in parts if e.id == CLUSTER)
    before = [e for e in parts if e.end <= cluster.start and e.id == TAGS][-1]
    assert before.end == cluster.start
    assert data[before.start:before.begin][:5] == bytes.fromhex("1254c36710")
    behind = [e for e in parts if e.start >= cluster.end]
    tail = behind[-1] if behind and behind[-1].id == TAGS else None
    tail_tags = tags(data, tail) if tail else {}
    if "AWS_KINESISVIDEO_CONTINUATION_TOKEN" not in tail_tags:
        tail, tail_tags = None, {}
    return Chunk(data, data[:before.start], tags(data, before), data[cluster.start:cluster.end],
                 data[cluster.end:tail.start if tail else len(data)], tail_tags)


def split(data):
    """A producer's file as (header, [(cluster, trailing), ...]), cut without looking inside."""
    segment = list(elements(data))[1]
    parts = children(data, segment)
    clusters = [e for e in parts if e.id == CLUSTER]
    ends = [e.start for e in clusters[1:]] + [segment.end]
    return data[:clusters[0].start], [(data[c.start:c.end], data[c.end:end]) for c, end in zip(clusters, ends, strict=True)]
