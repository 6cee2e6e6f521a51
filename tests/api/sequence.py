"""Parses and builds sequence numbers independently of the server: data-streams specification 4.4."""

import dataclasses
import re

CLOSED = 0x7FFFFFFFFFFFFFFF
FORM = re.compile(r"2([0-9a-f]{9})([0-9a-f])([0-7][0-9a-f]{15})00([0-9a-f]{9})([0-9a-f]{8})2")


@dataclasses.dataclass(frozen=True)
class Sequence:
    """A version 2 number; leader, version and nibble can be set to values that AWS never issues."""

    created: int
    shard: int
    index: int
    time: int
    version: int = 2
    leader: int = 2

    def __str__(self):
        digits = f"{self.leader:x}{self.created:09x}{self.shard & 15:x}{self.index:016x}00{self.time:09x}{self.shard:08x}{self.version:x}"
        return str(int(digits, 16))

    def but(self, **changes):
        return str(dataclasses.replace(self, **changes))


def parse(text):
    assert re.fullmatch(r"\d{56}", text), text
    match = FORM.fullmatch(f"{int(text):047x}")
    assert match, f"{int(text):047x}"
    created, nibble, index, time, shard = (int(group, 16) for group in match.groups())
    assert nibble == shard & 15
    return Sequence(created, shard, index, time)
