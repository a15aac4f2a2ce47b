"""json, re, zlib and their kin."""
import base64
import binascii
import collections
import csv
import datetime
import decimal
import gzip
import hashlib
import io
import json
import random
import re
import struct
import sys
import textwrap
import zlib

given = json.load(sys.stdin)
print(json.dumps(given, sort_keys=True), json.dumps(given, ensure_ascii=False, indent=1, sort_keys=True))
nested = {str(i): {"list": list(range(i)), "half": i / 2} for i in range(200)}
assert json.loads(json.dumps(nested)) == nested
try:
    json.loads('{"a": }')
except json.JSONDecodeError as error:
    print(error)

text = "The quick brown fox jumps over the lazy dog. " * 200
counted = collections.Counter(re.findall(r"\b\w{4,}\b", text))
print(sorted(counted.items()), re.sub(r"(?P<first>\w)(\w*)", r"\2\g<first>", text[:19]))
print(re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", "2026-11-21").groups(), re.split(r"[,;]\s*", "a, b;c"))

packed = zlib.compress(text.encode(), 9)
assert zlib.decompress(packed) == text.encode() and len(packed) < 200
print(zlib.crc32(text.encode()), zlib.adler32(text.encode()))
assert gzip.decompress(gzip.compress(text.encode(), mtime=0)) == text.encode()
noise = random.Random(5).randbytes(100000)
assert zlib.decompress(zlib.compress(noise)) == noise
for name in ("md5", "sha1", "sha256", "sha3_256", "blake2b"):
    print(name, hashlib.new(name, text.encode()).hexdigest()[:16])
print(base64.b64encode(bytes(range(10))).decode(), binascii.hexlify(struct.pack("<hIq", -2, 7, 1 << 40)).decode())
decimal.getcontext().prec = 40
print(decimal.Decimal(2).sqrt(), datetime.date(2024, 2, 28) + datetime.timedelta(2))
rows = list(csv.DictReader(io.StringIO("a,b\n1,\"x,y\"\n")))
print(rows, textwrap.shorten(text, 30))
