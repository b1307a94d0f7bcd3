# SPDX-License-Identifier: BSD-3-Clause
"""Payloads of DUMP, written by hand from the layouts of docs/format/rdb.md: what no version of ours writes."""
import struct

CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
TENSOR, MODEL, SCRIPT = b"AI_TENSOR", b"AI__MODEL", b"AI_SCRIPT"
RDB_VERSION = 10  # Redis 7.0's: every server that we know reads it


def crc64(data):
    """The server's: reflected, of ECMA's sister polynomial by Jones."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x95ac9329ac4bc9b5 if crc & 1 else 0)
    return crc


def length(v):
    return bytes([v]) if 0 <= v < 64 else b"\x81" + struct.pack(">Q", v & (1 << 64) - 1)


def number(v):
    """What a type's method saves as a number, signed or not."""
    return b"\x02" + length(v)


def string(b):
    return b"\x05" + length(len(b)) + b


def names(*all_of_them):
    return number(len(all_of_them)) + b"".join(string(n + b"\0") for n in all_of_them)


def payload(kind, encoding, body):
    """A whole DUMP payload: type, name and encoding, fields, end, version, checksum."""
    name = 0
    for c in kind:
        name = name << 6 | CHARACTERS.index(bytes([c]))
    whole = b"\x07\x81" + struct.pack(">Q", name << 10 | encoding) + body + b"\0" + \
        struct.pack("<H", RDB_VERSION)
    return whole + struct.pack("<Q", crc64(whole))
