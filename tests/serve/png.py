"""png.py - pictures of 8 bits a channel, made and read, as far as tests need it."""
import struct
import zlib

MARK = b'\x89PNG\r\n\x1a\n'
COLORS = {1: 0, 2: 4, 3: 2, 4: 6}


def chunk(name, data):
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


def head(width, height, channels):
    return MARK + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, COLORS[channels], 0, 0, 0))


def make(width, height, channels, pixel):
    """pixel(x, y): the bytes of one."""
    rows = b''.join(b'\0' + b''.join(pixel(x, y) for x in range(width)) for y in range(height))
    return head(width, height, channels) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')


def plain(width, height, channels, pixel):
    rows = (b'\0' + pixel * width) * height
    return head(width, height, channels) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')


def chunks(data):
    if data[:8] != MARK:
        raise ValueError('not a PNG')
    at = 8
    while at < len(data):
        length, name = struct.unpack('>I4s', data[at:at + 8])
        body, check = data[at + 8:at + 8 + length], data[at + 8 + length:at + 12 + length]
        if struct.pack('>I', zlib.crc32(name + body)) != check:
            raise ValueError('a wrong checksum')
        yield name, body
        at += 12 + length


def predict(kind, a, b, c):
    """From the pixels left, above, and left above (PNG specification, 9.2)."""
    if kind < 3:
        return (0, a, b)[kind]
    if kind == 3:
        return (a + b) // 2
    p = a + b - c
    return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]


def read(data):
    """(width, height, channels, rows)"""
    parts = list(chunks(data))
    width, height, bits, color = struct.unpack('>IIBB', parts[0][1][:10])
    n = {color: channels for channels, color in COLORS.items()}[color]
    if bits != 8:
        raise ValueError('%d bits' % bits)
    raw, rows, above = zlib.decompress(b''.join(body for name, body in parts if name == b'IDAT')), [], bytearray(width * n)
    if len(raw) != height * (width * n + 1):
        raise ValueError('%d bytes of pixels' % len(raw))
    for y in range(height):
        line = raw[y * (width * n + 1):(y + 1) * (width * n + 1)]
        row = bytearray()
        for i, byte in enumerate(line[1:]):
            left, corner = (row[i - n], above[i - n]) if i >= n else (0, 0)
            row.append((byte + predict(line[0], left, above[i], corner)) & 255)
        rows.append(bytes(row))
        above = row
    return width, height, n, rows
