"""The JSON scan against Python's json and json-c, on random and on broken documents.

    test_json_python.py ORACLE [DOCUMENTS [SEED]]

Python agrees with the library in all but one point: it takes half surrogate pairs. With
that, two keys more and no constants (NaN), its verdict must be the library's, and what
the library reads must be what Python reads. json-c is more lenient; but what the library
takes, json-c must take and read alike, where it can (its integers end at 64 bits, its
keys at a NUL, and it has no numbers past the largest double).
"""

import json
import random
import subprocess
import sys

PIECES = [b"a", b"\\", b'"', b"\\n", b"\\u00e9", b"\\ud83d\\ude00", b"\\ud800", b"\\u0000",
          "é".encode(), "你好".encode(), "😀".encode(), b"\xff", b"\xc3", b"\xed\xa0\x80",
          b"\x00", b"\x1f", b"\x7f", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\t", b"\n",
          b"0", b"1", b"-", b"+", b".", b"e", b"E5", b"true", b"fals", b"null", b"NaN",
          b"\xef\xbb\xbf", b"\\/", b"/", b"'", b"\\u12", b"0123456789abcdef"]


class Refused(Exception):
    pass


def members(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("a key appears twice")
    return found


def refuse(word):
    raise Refused(word)


def has_surrogate(value):
    if isinstance(value, str):
        return any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, list):
        return any(has_surrogate(item) for item in value)
    if isinstance(value, dict):
        return any(has_surrogate(k) or has_surrogate(v) for k, v in value.items())
    return False


def python_reads(document):
    text = document.decode("utf-8")
    if text.startswith("\ufeff"):
        raise Refused("a byte order mark")
    value = json.loads(text, object_pairs_hook=members, parse_constant=refuse)
    if has_surrogate(value):
        raise Refused("half of a surrogate pair")
    return value


def same(a, b, in_json_c=False):
    """Equal, with numbers compared as the library sees them: int64, else double."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        if in_json_c and not all(isinstance(n, float) or abs(n) < 2**63 for n in (a, b)):
            return True
        if a == b:
            return True
        return float(a) == float(b) and not all(isinstance(n, int) and abs(n) < 2**63
                                                for n in (a, b))
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y, in_json_c) for x, y in zip(a, b))
    if isinstance(a, dict):
        if in_json_c and any("\0" in key for key in a):
            return True
        return list(a) == list(b) and all(same(a[k], b[k], in_json_c) for k in a)
    return a == b


def random_string(rng):
    return "".join(rng.choice(["a", "Z", '"', "\\", "\n", "\x01", "é", "你", "😀", " ", "/",
                               "\u2028", "0123456789abcdef", "\x7f", "\0"])
                   for _ in range(rng.randrange(6)))


def random_value(rng, depth):
    kind = rng.randrange(10 if depth < 6 else 7)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.randrange(-100, 100)
    if kind == 2:
        return rng.randrange(-2**70, 2**70) >> rng.randrange(70)
    if kind == 3:
        return rng.uniform(-1, 1) * 10 ** rng.randrange(-30, 30)
    if kind < 7:
        return random_string(rng)
    count = rng.randrange(50) if rng.randrange(40) == 0 else rng.randrange(5)
    if kind == 7:
        return [random_value(rng, depth + 1) for _ in range(count)]
    return {random_string(rng) + rng.choice(["", str(i)]): random_value(rng, depth + 1)
            for i in range(count)}


def random_document(rng):
    text = json.dumps(random_value(rng, 0), ensure_ascii=rng.randrange(2) == 0,
                      indent=rng.choice([None, None, 1]),
                      separators=rng.choice([None, (",", ":"), (" , ", " : ")]))
    return text.encode()


def random_key(rng, key):
    """The key in quotes, each character plain or as an escape."""
    return '"' + "".join(rng.choice([c, c, f"\\u{ord(c):04x}"]) for c in key) + '"'


def nearly_twice(rng):
    """An object of any size, perhaps with one key twice, perhaps spelt differently."""
    keys = [f"k{i}" for i in range(rng.choice([2, 3, 10, 30, 31, 32, 33, 34, 70, 200]))]
    if rng.randrange(2):
        keys.insert(rng.randrange(len(keys) + 1), rng.choice(keys))
    escape = rng.randrange(2)
    text = ",".join((random_key(rng, key) if escape else f'"{key}"') + ":" +
                    rng.choice(["1", "[]", '{"k1":[{}]}']) for key in keys)
    return ("{" + text + "}").encode()


def mutate(rng, document):
    document = bytearray(document)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = rng.randrange(len(document) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            document[at:at] = rng.choice(PIECES)
        elif kind == 1:
            del document[at:at + rng.randrange(1, 4)]
        elif kind == 2:
            document[at:at + 1] = rng.choice(PIECES)
        else:
            start = rng.randrange(len(document) + 1)
            document[at:at] = document[start:start + rng.randrange(1, 12)]
    return bytes(document)


def compare(document, answer):
    """None, or what is wrong."""
    try:
        value = python_reads(document)
    except (Refused, ValueError) as refused:
        if answer["code"] == 0:
            return f"Python refuses: {refused}"
        return None if answer["at"] <= len(document) else "an error past the end"
    if answer["code"] != 0:
        return f"only Python takes it: {answer}"
    if answer["wire"] != 0:
        return f"the wire's limits refuse it: {answer}"
    if not same(value, json.loads(answer["copy"])):
        return f"read differently: {answer['copy']}"
    if answer["json_c"] is None:
        return "json-c refuses it"
    if not same(value, json.loads(answer["json_c"]), True):
        return f"json-c reads it differently: {answer['json_c']}"
    return None


def main():
    oracle = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 4000
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 20261120)
    documents = [random_document(rng) for _ in range(count)]
    documents += [mutate(rng, rng.choice(documents[:count])) for _ in range(count * 3)]
    documents += [nearly_twice(rng) for _ in range(count // 4)]
    fed = b"".join(b"%d\n%s" % (len(document), document) for document in documents)
    run = subprocess.run([oracle], input=fed, stdout=subprocess.PIPE, check=True, timeout=300)
    answers = [json.loads(line) for line in run.stdout.split(b"\n") if line]
    if len(answers) != len(documents):
        sys.exit(f"{len(documents)} documents, {len(answers)} answers")
    taken = sum(answer["code"] == 0 for answer in answers)
    if not count <= taken <= count * 3:
        sys.exit(f"the documents are no test: {taken} of {len(documents)} are good")
    wrong = 0
    for document, answer in zip(documents, answers):
        problem = compare(document, answer)
        if problem:
            wrong += 1
            if wrong <= 10:
                print(f"{document!r}: {problem}")
    print(f"{len(documents)} documents, {taken} good, {wrong} read differently")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
