"""Bitmaps: bit i in byte i / 8 at value 1 << (i % 8), (bits + 7) / 8 bytes.

Shifting goes through one large int, whose conversions and shifts are loops in C: a bitmap of a
million rows takes under a millisecond.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Union

Bits = Union[bytes, bytearray, memoryview]

TO_DIGITS = bytes([0x30, 0x31]) + bytes(254)
# Each byte of a bitmap as eight bytes of 0 and 1, the lowest bit first.
EXPANDED = tuple(bytes(byte >> bit & 1 for bit in range(8)) for byte in range(256))


def to_bitmap(flags: bytes) -> bytes:
    """Bytes of 0 and 1 to a bitmap."""
    if not flags:
        return b""
    digits = flags[::-1].translate(TO_DIGITS)  # the first flag is the lowest digit
    # int() of a power of two's digits is linear, and exempt from the limit on long digits.
    return int(digits, 2).to_bytes((len(flags) + 7) // 8, "little")


def to_flags(bits: Bits, count: int) -> bytes:
    """The first `count` bits as bytes of 0 and 1."""
    return b"".join(map(EXPANDED.__getitem__, bits))[:count]


def cut(bits: Bits, start: int, count: int) -> Bits:
    """`count` bits from bit `start`, with zeros behind the last. Without a copy where that is
    possible, so that the memory of `bits` must stay."""
    first, shift = divmod(start, 8)
    last = (start + count + 7) // 8
    part = bits[first:last]
    if shift == 0 and count % 8 == 0:
        return part
    number = int.from_bytes(part, "little") >> shift & (1 << count) - 1
    return number.to_bytes((count + 7) // 8, "little")


def join(parts: Iterable[tuple[Bits, int]]) -> bytes:
    """Bitmaps one behind the other; each with the number of its bits."""
    joined = bytearray()
    total = 0
    for bits, count in parts:
        put(joined, total, bits, count)
        total += count
    return bytes(joined)


def put(target: bytearray, start: int, bits: Bits, count: int) -> None:
    """Sets bits from bit `start` on, which were clear; the target grows as far as it must."""
    if not count:
        return
    first, shift = divmod(start, 8)
    size = (start + count + 7) // 8
    if size > len(target):
        target.extend(bytes(size - len(target)))
    number = (int.from_bytes(bits, "little") & (1 << count) - 1) << shift
    number |= target[first]
    part = bytearray(number.to_bytes((shift + count + 7) // 8, "little"))
    part[-1] |= target[size - 1]
    target[first:size] = part


def count(bits: Bits) -> int:
    """How many bits are set."""
    return bin(int.from_bytes(bits, "little")).count("1")
