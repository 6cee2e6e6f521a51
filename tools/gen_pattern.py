"""Compiles the regular expressions of the API models to automata over bytes (see src/wire/pattern.h).

Understood: literals, escapes, classes (also \\p{L} and the like, and code points beyond ASCII), '.', groups, '|', '*', '+',
'?', '{n}', '{n,m}', anchors at the ends of the pattern's branches, and lookaheads at its very beginning. A value always
has to match as a whole, so lazy and possessive marks change nothing in the models' patterns and are skipped.

Values are valid UTF-8. A class that holds every character beyond ASCII is a set of bytes, unless it is counted.
"""
import dataclasses
import functools
import sys
import unicodedata

ASCII_DIGITS = frozenset(range(48, 58))
ASCII_SPACES = frozenset(b" \t\n\x0b\f\r")
ASCII_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
ALL = frozenset(range(256))
HIGH = frozenset(range(128, 256))
CLASS_ESCAPES = {"d": ASCII_DIGITS, "D": ALL - ASCII_DIGITS, "s": ASCII_SPACES, "S": ALL - ASCII_SPACES,
                 "w": ASCII_WORD, "W": ALL - ASCII_WORD}
CONTROLS = {"n": 10, "r": 13, "t": 9}
DOT = ALL - frozenset(b"\n\r")
SURROGATES = (0xD800, 0xDFFF)
BEYOND_ASCII = ((0x80, SURROGATES[0] - 1), (SURROGATES[1] + 1, sys.maxunicode))


@functools.cache
def code_points_by_category():
    found = {}
    for point in range(sys.maxunicode + 1):
        found.setdefault(unicodedata.category(chr(point)), []).append(point)
    return found


@functools.cache
def category(name):
    """The code points of a general category (\\p{L}: every letter), without surrogates, as inclusive ranges."""
    return tuple(ranges_of([p for key, points in code_points_by_category().items() if key.startswith(name) for p in points]))


def ranges_of(points):
    start = previous = None
    for point in sorted(p for p in points if not SURROGATES[0] <= p <= SURROGATES[1]):
        if previous is not None and point == previous + 1:
            previous = point
            continue
        if start is not None:
            yield (start, previous)
        start = previous = point
    if start is not None:
        yield (start, previous)


def utf8_sequences(low, high):
    """The UTF-8 forms of low..high as lists of byte ranges."""
    for limit in (0x7F, 0x7FF, 0xFFFF):
        if low <= limit < high:
            yield from utf8_sequences(low, limit)
            yield from utf8_sequences(limit + 1, high)
            return
    for shift in (6, 12, 18):
        mask = (1 << shift) - 1
        if low & ~mask != high & ~mask:
            if low & mask:
                yield from utf8_sequences(low, low | mask)
                yield from utf8_sequences((low | mask) + 1, high)
                return
            if high & mask != mask:
                yield from utf8_sequences(low, (high & ~mask) - 1)
                yield from utf8_sequences(high & ~mask, high)
                return
    yield list(zip(chr(low).encode(), chr(high).encode()))


def characters(ascii_bytes, ranges):
    """A tree that accepts one whole character."""
    return ("utf8", tuple([((byte, byte),) for byte in sorted(ascii_bytes)] +
                          [tuple(sequence) for low, high in ranges for sequence in utf8_sequences(low, high)]))


@dataclasses.dataclass
class Table:
    classes: list
    next: list
    accepting: list
    columns: int


class Parser:
    """Recursive descent to a tree of ('set', bytes) | ('cat', ...) | ('or', ...) | ('repeat', node, low, high) | ('utf8', sequences)."""

    def __init__(self, text):
        self.text = text
        self.at = 0
        self.looks = []  # (wanted, tree) of each lookahead

    def peek(self):
        return self.text[self.at] if self.at < len(self.text) else ""

    def take(self):
        self.at += 1
        return self.text[self.at - 1]

    def fault(self, what):
        return ValueError(f"pattern {self.text!r}: {what} at {self.at}")

    def parse(self):
        if self.peek() == "^":
            self.take()
        while self.text.startswith(("(?=", "(?!"), self.at):
            self.looks.append(self.lookahead())
        tree = self.alternatives(outermost=True)
        if self.at != len(self.text):
            raise self.fault("stopped")
        if self.looks and tree[0] == "or":
            raise self.fault("a lookahead in one of several branches")
        return tree

    def lookahead(self):
        wanted = self.text[self.at + 2] == "="
        self.at += 3
        if self.peek() == "^":
            self.take()
        parts = []
        while self.peek() not in ("", "|", ")", "$"):
            parts.append(self.repeated())
        if self.peek() == "$":
            self.take()
        else:
            parts.append(("repeat", ("set", ALL), 0, None))
        if self.peek() != ")":
            raise self.fault("a lookahead that is not understood")
        self.take()
        return wanted, ("cat", parts)

    def alternatives(self, outermost=False):
        branches = [self.sequence(outermost)]
        while self.peek() == "|":
            self.take()
            branches.append(self.sequence(outermost))
        return branches[0] if len(branches) == 1 else ("or", branches)

    def sequence(self, outermost):
        parts = []
        if outermost and self.peek() == "^":
            self.take()
        while self.peek() not in ("", "|", ")"):
            if outermost and self.peek() == "$" and self.text[self.at + 1:self.at + 2] in ("", "|"):
                self.take()
                break
            parts.append(self.repeated())
        return ("cat", parts)

    def repeated(self):
        node = self.atom()
        while self.peek() and self.peek() in "*+?{":
            mark = self.take()
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(mark, (None, None))
            if mark == "{":
                end = self.text.index("}", self.at)
                bounds = self.text[self.at:end].split(",")
                self.at = end + 1
                low = int(bounds[0])
                high = low if len(bounds) == 1 else (int(bounds[1]) if bounds[1] else None)
                node = whole_characters(node)
            if self.peek() and self.peek() in "+?":
                self.take()
            node = ("repeat", node, low, high)
        return node

    def atom(self):
        mark = self.take()
        if mark == "(":
            if self.text.startswith("?:", self.at):
                self.at += 2
            elif self.peek() == "?":
                raise self.fault("a group that is not understood")
            node = self.alternatives()
            if not self.peek() or self.take() != ")":
                raise self.fault("open group")
            return node
        if mark == "[":
            return self.bracket()
        if mark == ".":
            return ("set", DOT)
        if mark == "\\":
            return self.class_of([self.escape()])
        if mark in "^$*+?{":
            raise self.fault(f"unexpected {mark}")
        return self.class_of([(ord(mark), ord(mark))])

    def escape(self):
        """A set of bytes (of which those above 127 are every character beyond ASCII), or an inclusive range of code points."""
        mark = self.take()
        if mark in CLASS_ESCAPES:
            return CLASS_ESCAPES[mark]
        if mark == "u":
            self.at += 4
            return (int(self.text[self.at - 4:self.at], 16),) * 2
        if mark == "p" and self.peek() == "{":
            end = self.text.index("}", self.at)
            name = self.text[self.at + 1:end]
            self.at = end + 1
            return list(category(name))
        if mark in CONTROLS:
            return (CONTROLS[mark],) * 2
        if mark.isalnum():
            raise self.fault(f"unknown escape {mark}")
        return (ord(mark), ord(mark))

    def bracket(self):
        negated = self.peek() == "^"
        if negated:
            self.take()
        items = []
        while self.peek() != "]":
            mark = self.take()
            item = self.escape() if mark == "\\" else (ord(mark), ord(mark))
            if self.peek() == "-" and self.text[self.at + 1] != "]" and isinstance(item, tuple):
                self.take()
                end = self.take()
                last = self.escape() if end == "\\" else (ord(end), ord(end))
                item = (item[0], last[1])
            items.append(item)
        self.take()
        return self.class_of(items, negated)

    def class_of(self, items, negated=False):
        members, ranges = set(), []
        for item in items:
            if isinstance(item, frozenset):
                members |= item
                continue
            for low, high in item if isinstance(item, list) else [item]:
                members |= set(range(low, min(high, 127) + 1))
                if high > 127:
                    ranges += [(max(low, start), min(high, end)) for start, end in BEYOND_ASCII
                               if max(low, start) <= min(high, end)]
        if negated:
            if ranges:
                raise self.fault("a negated class beyond ASCII")
            return ("set", ALL - members)
        return characters(members, ranges) if ranges else ("set", frozenset(members))


def whole_characters(node):
    """The same set as characters instead of bytes, so that repetitions count characters."""
    if node[0] != "set" or not node[1] & HIGH:
        return node
    if not HIGH <= node[1]:
        raise ValueError("a counted class with a part of the characters beyond ASCII")
    return characters(node[1] - HIGH, BEYOND_ASCII)


class Automaton:
    """A nondeterministic automaton with empty moves, built from the tree."""

    def __init__(self):
        self.empty = []
        self.moves = []

    def state(self):
        self.empty.append([])
        self.moves.append([])
        return len(self.empty) - 1

    def add(self, node, start):
        """Adds node from `start`; returns the state in which it ends."""
        if node[0] == "set":
            end = self.state()
            self.moves[start].append((node[1], end))
            return end
        if node[0] == "cat":
            for part in node[1]:
                start = self.add(part, start)
            return start
        if node[0] == "utf8":
            return self.add_characters(node[1], start)
        if node[0] == "or":
            end = self.state()
            for branch in node[1]:
                entry = self.state()
                self.empty[start].append(entry)
                self.empty[self.add(branch, entry)].append(end)
            return end
        _, inner, low, high = node
        for _ in range(low):
            start = self.add(inner, start)
        if high is None:
            loop = self.state()
            self.empty[start].append(loop)
            self.empty[self.add(inner, loop)].append(loop)
            end = self.state()
            self.empty[loop].append(end)
            return end
        end = self.state()
        self.empty[start].append(end)
        for _ in range(high - low):
            start = self.add(inner, start)
            self.empty[start].append(end)
        return end

    def add_characters(self, sequences, start):
        """Deterministic from the start, with equal tails shared: some thousand sequences become some hundred states."""
        end = self.state()
        known = {}

        def build(state, tails):
            by_byte = {}
            for (first, last), *rest in tails:
                for byte in range(first, last + 1):
                    by_byte.setdefault(byte, []).append(tuple(rest))
            groups = {}
            for byte, rests in by_byte.items():
                groups.setdefault(tuple(rests), []).append(byte)
            for rests, members in groups.items():
                if rests == ((),):
                    target = end
                else:
                    target = known.get(rests)
                    if target is None:
                        target = known[rests] = self.state()
                        build(target, rests)
                self.moves[state].append((frozenset(members), target))

        build(start, sequences)
        return end

    def closure(self, states):
        stack, seen = list(states), set(states)
        while stack:
            for target in self.empty[stack.pop()]:
                if target not in seen:
                    seen.add(target)
                    stack.append(target)
        return frozenset(seen)


def byte_columns(automata):
    """Bytes that every set treats alike share a column."""
    sets = sorted({members for automaton in automata for moves in automaton.moves for members, _ in moves}, key=sorted)
    signatures, classes = {}, []
    for byte in range(256):
        signature = tuple(byte in members for members in sets)
        classes.append(signatures.setdefault(signature, len(signatures)))
    return classes, len(signatures)


def minimise(rows, accepting):
    """Moore's partition refinement; returns the rows and accepting flags of the smallest automaton, start first."""
    block = [int(flag) for flag in accepting]
    while True:
        signatures = {}
        refined = []
        for state, row in enumerate(rows):
            signature = (block[state], tuple(None if t is None else block[t] for t in row))
            refined.append(signatures.setdefault(signature, len(signatures)))
        if len(signatures) == len(set(block)):
            break
        block = refined
    new_rows, new_accepting = {}, {}
    for state, row in enumerate(rows):
        new_rows[refined[state]] = [None if t is None else refined[t] for t in row]
        new_accepting[refined[state]] = accepting[state]
    count = len(new_rows)
    return [new_rows[i] for i in range(count)], [new_accepting[i] for i in range(count)]


def automaton_of(tree):
    automaton = Automaton()
    start = automaton.state()
    return automaton, start, automaton.add(tree, start)


def accepts(parts, states):
    """Whether the conjunction of the pattern and its lookaheads accepts in these states."""
    return all((end in reached) == wanted for (_, _, end, wanted), reached in zip(parts, states))


def determinise_all(parts, classes, columns):
    """The product of the automata, each determinised only in the reachable part."""
    representative = [classes.index(column) for column in range(columns)]
    first = tuple(automaton.closure([start]) for automaton, start, _, _ in parts)
    numbers, rows, queue = {first: 0}, [], [first]
    for states in queue:
        row = []
        for byte in representative:
            target = []
            for (automaton, _, _, _), current in zip(parts, states):
                reached = {t for s in current for members, t in automaton.moves[s] if byte in members}
                target.append(automaton.closure(reached))
            target = tuple(target)
            if not target[0]:
                row.append(None)
                continue
            if target not in numbers:
                numbers[target] = len(numbers)
                queue.append(target)
            row.append(numbers[target])
        rows.append(row)
    return rows, [accepts(parts, states) for states in queue]


def without_dead_ends(rows, accepting):
    """States from which no accepting state is reachable become the dead state."""
    sources = {}
    for state, row in enumerate(rows):
        for target in row:
            if target is not None:
                sources.setdefault(target, set()).add(state)
    alive = {state for state, flag in enumerate(accepting) if flag}
    queue = list(alive)
    while queue:
        for source in sources.get(queue.pop(), ()):
            if source not in alive:
                alive.add(source)
                queue.append(source)
    return [[target if target in alive else None for target in row] for row in rows], accepting


@functools.cache
def compile_pattern(text):
    parser = Parser(text)
    tree = parser.parse()
    parts = [(*automaton_of(tree), True)] + [(*automaton_of(look), wanted) for wanted, look in parser.looks]
    classes, columns = byte_columns([automaton for automaton, _, _, _ in parts])
    rows, accepting = minimise(*without_dead_ends(*determinise_all(parts, classes, columns)))
    table = [0] * columns  # state 0: dead
    for row in rows:
        table += [0 if target is None else target + 1 for target in row]
    if len(rows) + 1 > 65535:
        raise ValueError(f"pattern {text!r}: too many states")
    return Table(classes, table, [0] + [int(flag) for flag in accepting], columns)
