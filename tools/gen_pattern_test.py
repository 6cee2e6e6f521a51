#!/usr/bin/env python3
"""Every pattern of the API models, compiled, must agree with Python's own engine on values near the border."""
import json
import pathlib
import random
import re
import unittest

from gen_pattern import compile_pattern

API = pathlib.Path(__file__).resolve().parent.parent / "api"
ALPHABET = "aZ09:/._-*$#+@ \t\né"
SEEDS = ["", "0", "1", "01", "9" * 39, "9" * 40, "9" * 129, "9" * 130, "a", "a b", "stream-1.x_y", "1" * 12,
         "arn:aws:kinesis:us-east-1:123456789012:stream/a", "arn:aws-cn:kinesis::123456789012:stream/a",
         "arn:aws:kinesis:us-east-1:12345678901:stream/a", "arn:aws:kinesis:us-east-1:123456789012:channel/x",
         "arn:aws:kinesis:us-east-1:123456789012:stream/a/consumer/c:1700000000",
         "arn:aws:kinesis:r:123456789012:x:123456789012:stream/a/consumer/c:1", "arn:aws:s3:::bucket-name",
         "arn:aws:iam::123456789012:role/path/name", "arn:aws:glue:eu-west-1:123456789012:schema/a/b",
         "arn:aws:s3tables:us-east-1:123456789012:bucket/abc", "abcdefghij0123456789-abc"]


def matches(table, value):
    state = 1
    for byte in value.encode():
        state = table.next[state * table.columns + table.classes[byte]]
    return bool(table.accepting[state])


def patterns():
    found = {r"(a|bc)*d{2,3}", r"a{0,2}b", r"[^:*]*", r"x+(y|z)?", r"\w+\s\d", r"(?:é|0)+"}
    for name in ("shapes.json", "corrections.json"):
        for path in API.glob(f"*/{name}"):
            shapes = json.loads(path.read_text())
            found |= {s["pattern"] for s in shapes.get("shapes", shapes).values() if "pattern" in s}
    return sorted(found)


def mutations(value, rng):
    yield value
    for _ in range(60):
        text = list(value)
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(len(text) + 1)
            action = rng.randrange(3)
            if action == 0:
                text.insert(at, rng.choice(ALPHABET))
            elif text and at < len(text):
                text[at:at + 1] = [] if action == 1 else [rng.choice(ALPHABET)]
        yield "".join(text)


class Patterns(unittest.TestCase):
    def test_compiled_patterns_agree_with_the_engine(self):
        rng = random.Random(1)
        agreed = {True: 0, False: 0}
        for pattern in patterns():
            table = compile_pattern(pattern)
            engine = re.compile(pattern, re.ASCII)  # Java's \d, \s and \w are ASCII
            for seed in SEEDS:
                for value in mutations(seed, rng):
                    expected = engine.fullmatch(value) is not None
                    self.assertEqual(matches(table, value), expected, (pattern, value))
                    agreed[expected] += 1
        self.assertGreater(agreed[True], 1000)
        self.assertGreater(agreed[False], 1000)

    def test_what_is_not_understood_is_refused(self):
        for pattern in ("(a", r"\p{L}", "[é]", "[^a]{2}", "b{", "+"):
            with self.assertRaises((ValueError, IndexError)):
                compile_pattern(pattern)


if __name__ == "__main__":
    unittest.main()
