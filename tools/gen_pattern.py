"""Compiles the regular expressions of the API models to automata over bytes (see src/wire/pattern.h).

Understood: literals, escapes, classes, '.', groups, '|', '*', '+', '?', '{n}', '{n,m}', and anchors at the ends. A value
always has to match as a whole. Counting is by byte, so a counted atom must be ASCII.
"""
import dataclasses

ASCII_DIGITS = frozenset(range(48, 58))
ASCII_SPACES = frozenset(b" \t\n\x0b\f\r")
ASCII_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
ALL = frozenset(range(256))
CLASS_ESCAPES = {"d": ASCII_DIGITS, "D": ALL - ASCII_DIGITS, "s": ASCII_SPACES, "S": ALL - ASCII_SPACES,
                 "w": ASCII_WORD, "W": ALL - ASCII_WORD}
DOT = ALL - frozenset(b"\n\r")


@dataclasses.dataclass
class Table:
    classes: list
    next: list
    accepting: list
    columns: int


class Parser:
    """Recursive descent to a tree of ('set', bytes) | ('cat', ...) | ('or', ...) | ('repeat', node, low, high)."""

    def __init__(self, text):
        self.text = text.removeprefix("^")
        if self.text.endswith("$") and not self.text.endswith("\\$"):
            self.text = self.text[:-1]
        self.at = 0

    def peek(self):
        return self.text[self.at] if self.at < len(self.text) else ""

    def take(self):
        self.at += 1
        return self.text[self.at - 1]

    def parse(self):
        tree = self.alternatives()
        if self.at != len(self.text):
            raise ValueError(f"pattern {self.text!r}: stopped at {self.at}")
        return tree

    def alternatives(self):
        branches = [self.sequence()]
        while self.peek() == "|":
            self.take()
            branches.append(self.sequence())
        return branches[0] if len(branches) == 1 else ("or", branches)

    def sequence(self):
        parts = []
        while self.peek() not in ("", "|", ")"):
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
                if node[0] == "set" and max(node[1]) >= 128:
                    raise ValueError(f"pattern {self.text!r}: counts characters that may be longer than a byte")
            node = ("repeat", node, low, high)
        return node

    def atom(self):
        mark = self.take()
        if mark == "(":
            if self.text.startswith("?:", self.at):
                self.at += 2
            node = self.alternatives()
            if self.take() != ")":
                raise ValueError(f"pattern {self.text!r}: open group")
            return node
        if mark == "[":
            return ("set", self.bracket())
        if mark == ".":
            return ("set", DOT)
        if mark == "\\":
            return ("set", self.escape())
        if mark in "^$*+?{":
            raise ValueError(f"pattern {self.text!r}: unexpected {mark}")
        return self.literal(mark)

    def literal(self, character):
        data = character.encode()
        return ("set", frozenset(data)) if len(data) == 1 else ("cat", [("set", frozenset([b])) for b in data])

    def escape(self):
        mark = self.take()
        if mark in CLASS_ESCAPES:
            return CLASS_ESCAPES[mark]
        if mark.isalnum():
            raise ValueError(f"pattern {self.text!r}: unknown escape {mark}")
        return frozenset(mark.encode())

    def bracket(self):
        negated = self.peek() == "^"
        if negated:
            self.take()
        members = set()
        while self.peek() != "]":
            mark = self.take()
            items = self.escape() if mark == "\\" else frozenset(mark.encode())
            if max(items) >= 128:
                raise ValueError(f"pattern {self.text!r}: class beyond ASCII")
            if self.peek() == "-" and self.text[self.at + 1] != "]" and len(items) == 1:
                self.take()
                end = self.take()
                last = self.escape() if end == "\\" else frozenset(end.encode())
                items = frozenset(range(min(items), max(last) + 1))
            members |= items
        self.take()
        return ALL - members if negated else frozenset(members)


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

    def closure(self, states):
        stack, seen = list(states), set(states)
        while stack:
            for target in self.empty[stack.pop()]:
                if target not in seen:
                    seen.add(target)
                    stack.append(target)
        return frozenset(seen)


def byte_columns(automaton):
    """Bytes that no set tells apart share a column."""
    sets = sorted({members for moves in automaton.moves for members, _ in moves}, key=sorted)
    signatures, classes = {}, []
    for byte in range(256):
        signature = tuple(byte in members for members in sets)
        classes.append(signatures.setdefault(signature, len(signatures)))
    return classes, len(signatures)


def determinise(automaton, start, end, classes, columns):
    representative = [classes.index(column) for column in range(columns)]
    first = automaton.closure([start])
    numbers, rows, queue = {first: 0}, [], [first]
    for states in queue:
        row = []
        for byte in representative:
            reached = {t for s in states for members, t in automaton.moves[s] if byte in members}
            target = automaton.closure(reached) if reached else None
            if target is not None and target not in numbers:
                numbers[target] = len(numbers)
                queue.append(target)
            row.append(None if target is None else numbers[target])
        rows.append(row)
    return rows, [end in states for states in queue]


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


def compile_pattern(text):
    automaton = Automaton()
    start = automaton.state()
    end = automaton.add(Parser(text).parse(), start)
    classes, columns = byte_columns(automaton)
    rows, accepting = minimise(*determinise(automaton, start, end, classes, columns))
    table = [0] * columns  # state 0: dead
    for row in rows:
        table += [0 if target is None else target + 1 for target in row]
    if len(rows) + 1 > 65535:
        raise ValueError(f"pattern {text!r}: too many states")
    return Table(classes, table, [0] + [int(flag) for flag in accepting], columns)
