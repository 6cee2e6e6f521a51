#!/usr/bin/env python3
"""Every pattern of the API models, compiled, must agree with Python's own engine on values near the border."""
import json
import pathlib
import random
import re
import unittest

from gen_pattern import category, compile_pattern

API = pathlib.Path(__file__).resolve().parent.parent / "api"
ALPHABET = "aZ09:/._-*$#+@ \t\né€\u00a0\U0001f600"
SEEDS = ["", "0", "1", "01", "9" * 39, "9" * 40, "9" * 129, "9" * 130, "a", "a b", "stream-1.x_y", "1" * 12,
         "arn:aws:kinesis:us-east-1:123456789012:stream/a", "arn:aws-cn:kinesis::123456789012:stream/a",
         "arn:aws:kinesis:us-east-1:12345678901:stream/a", "arn:aws:kinesis:us-east-1:123456789012:channel/x",
         "arn:aws:kinesis:us-east-1:123456789012:stream/a/consumer/c:1700000000",
         "arn:aws:kinesis:r:123456789012:x:123456789012:stream/a/consumer/c:1", "arn:aws:s3:::bucket-name",
         "arn:aws:iam::123456789012:role/path/name", "arn:aws:glue:eu-west-1:123456789012:schema/a/b",
         "arn:aws:s3tables:us-east-1:123456789012:bucket/abc", "abcdefghij0123456789-abc",
         "aws:tag", "Ключ.值:1", "   ", "$.row", "$. row", ".csv.gz", "jdbc:redshift://a-b.c.redshift.amazonaws.com:5439/db",
         "jdbc:redshift://-a.redshift.example.com:5439/db", "https://example.com/x", "s3://bucket/key", "10:30", "24:00",
         "account.snowflakecomputing.com", "aGk=", "aGkx", "video/h264,audio/aac", "cron(0/5 * * * ? *) é", "rtsp://user@host/a",
         "arn:aws:kinesisvideo:us-east-1:123456789012:stream/cam/1785585600123", "us-west-2",
         "arn:aws:kinesisanalytics:us-east-1:123456789012:application/app", "arn:aws:es:r:123456789012:domain/name-1"]


def for_python(pattern):
    """The pattern with \\p{..} expanded to ranges, because Python's engine does not know it."""
    def spelled(match):
        return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in category(match[1]))
    return re.sub(r"\\p\{(\w+)\}", spelled, pattern)


def matches(table, value):
    state = 1
    for byte in value.encode():
        state = table.next[state * table.columns + table.classes[byte]]
    return bool(table.accepting[state])


def corrected_shapes():
    for path in sorted(API.glob("*/shapes.json")):
        shapes = json.loads(path.read_text())
        for name, changes in json.loads((path.parent / "corrections.json").read_text()).get("shapes", {}).items():
            shapes[name] = shapes.get(name, {}) | changes
        yield from shapes.values()


def patterns():
    found = {r"(a|bc)*d{2,3}", r"a{0,2}b", r"[^:*]*", r"x+(y|z)?", r"\w+\s\d", r"(?:é|0)+", r"[^\n]{2,4}", r"[\u0001-\uFFFF]*",
             r"(?!a)\w+", r"(?=.*9$)[0-9]{2}+", r"[0-9]{2}+|^$", r"[\p{Lu}€]+?a"}
    for shape in corrected_shapes():
        found |= {shape["pattern"]} if "pattern" in shape else set()
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
            engine = re.compile(for_python(pattern), re.ASCII)  # Java's \d, \s and \w are ASCII
            for seed in SEEDS:
                for value in mutations(seed, rng):
                    expected = engine.fullmatch(value) is not None
                    self.assertEqual(matches(table, value), expected, (pattern, value))
                    agreed[expected] += 1
        self.assertGreater(agreed[True], 1000)
        self.assertGreater(agreed[False], 1000)

    def test_a_rewritten_pattern_means_the_same(self):
        """Patterns that corrections.json rewrites for the generator, keeping the model's text for printing, match the same values."""
        rng = random.Random(2)
        rewritten = [s for s in corrected_shapes() if "printed_pattern" in s and "jdbc" in s["pattern"]]
        self.assertEqual(len(rewritten), 1)
        for shape in rewritten:
            table, engine = compile_pattern(shape["pattern"]), re.compile(shape["printed_pattern"], re.ASCII)
            for seed in ("jdbc:redshift://a-b.c.redshift.amazonaws.com:5439/db", "jdbc:postgresql://-a.redshift.x:1/d",
                         "jdbc:redshift://a-.b.redshift-serverless.x:1/d", "jdbc:redshift://" + "a" * 63 + ".redshift.x:1/d",
                         "jdbc:redshift://" + "a" * 64 + ".redshift.x:1/d"):
                for value in mutations(seed, rng):
                    self.assertEqual(matches(table, value), engine.fullmatch(value) is not None, value)

    def test_what_is_not_understood_is_refused(self):
        for pattern in ("(a", "[^é]", "a(?!b)c", "a$b", "b{", "+", "[^a-ÿ]", "(?!a)b|c"):
            with self.assertRaises((ValueError, IndexError)):
                compile_pattern(pattern)


if __name__ == "__main__":
    unittest.main()
