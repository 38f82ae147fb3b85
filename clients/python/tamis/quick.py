"""Small queries of a table by the shortest way: requests laid out in advance, replies compared.

A prepared query is asked many times with the same bytes, and its answer nearly always is one RESULT
and the DONE in one piece. Such a request has always the same id (QUICK), so that its frame need not
be made again, and such a reply has its fixed parts at fixed places, so that they can be compared
all at once. Nothing is guessed: a reply that differs in a byte is none of these, and goes to the
Connection, which knows every form and says what is wrong with one that has none.

Nothing here does I/O; Channel.quick() does it.
"""

from __future__ import annotations

import sys
from struct import Struct
from struct import error as StructError
from typing import Any, Callable, Optional

from .connection import DONE, EXECUTE, QUICK, RESULT
from .errors import ProtocolError
from .frames import LENGTH, unpack
from .patience import Patience
from .shared import Place
from .transport import WHOLE_BYTES

READ_BYTES = 65536
FEW_BYTES = 448  # as many as Python has for a bytes object without asking malloc, and some less

Done = tuple[bytes, int, object]  # a reply, where in it the DONE begins, and the query
Answer = tuple[Any, Done]  # what the caller wants
Parse = Callable[..., Optional[Answer]]  # of a reply and, for Done, the query

_ID = b"\xce" + LENGTH.pack(QUICK)
_EXECUTE = b"\x95" + bytes((EXECUTE,)) + _ID  # an array of five and its first elements
_ID_AT = 7  # in the frame
_BESIDES = len(_EXECUTE)

# RESULT: length; head (array of six, kind, id, "numbers", 64 bits follow); base, which numbers do
# not need; 32 bits follow; rows; a bin with 32 bits of size; the size.
_RESULT = Struct(">I16s8xB4xBI")
_RESULT_HEAD = b"\x96" + bytes((RESULT,)) + _ID + b"\xa7numbers\xcf"
_RESULT_BYTES = _RESULT.size  # before the bin
_unpack_result = _RESULT.unpack_from
_U32, _BIN = 0xCE, 0xC6

# DONE: length; head (array of three, kind, id, a small map, of which this is the first key); value.
_DONE = Struct(">I16sB")
_DONE_BYTES = _DONE.size
_unpack_done = _DONE.unpack_from
_DONE_HEADS = [
    b"\x93" + bytes((DONE,)) + _ID + bytes((0x80 | size,)) + b"\xa7matched"
    for size in (5, 6, *range(1, 5), *range(7, 16))  # those without and with warnings first
]
_WIDTHS = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}  # of numbers that are no byte of their own


class Quick:
    """An EXECUTE over a table that may go the shortest way.

    frame: all of it, or b"" if options are still to be packed. parse: what may be made of a reply
    in one piece. room: bytes that are read of it at once; rooms: that alone, for map(). both: frame
    and room, once it is known that the frame is of no more than WHOLE_BYTES. query: for errors.
    place: in shared memory, of which the options tell the daemon. patience: with its answers.
    """

    __slots__ = (
        "_options",
        "_rest",
        "both",
        "frame",
        "parse",
        "patience",
        "place",
        "query",
        "room",
        "rooms",
    )

    def __init__(
        self,
        rest: tuple[bytes, bytes],
        options: object,
        parse: Parse,
        query: object,
        place: Optional[Place] = None,
        room: int = READ_BYTES,
        patience: Optional[Patience] = None,
    ) -> None:
        """rest: the elements before and behind the options, packed. patience: one that others have,
        too; None: one of its own."""
        self._rest = rest
        self._options = options
        self.frame = b""
        self.parse = parse
        self.query = query
        self.place = place
        self.room = room
        self.rooms = (room,)
        self.patience = Patience() if patience is None else patience
        self.both: Optional[tuple[bytes, int]] = None

    def pack(self, pack: Callable[[Any], bytes]) -> bytes:
        """Makes the frame; one of PACK_ERRORS if the options have no form."""
        before, behind = self._rest
        tail = before + pack(self._options) + behind
        self.frame = LENGTH.pack(_BESIDES + len(tail)) + _EXECUTE + tail
        self.widen(self.room)
        return self.frame

    def widen(self, room: int) -> None:
        """Another number of bytes to be read."""
        self.room = room
        self.rooms = (room,)
        if 0 < len(self.frame) <= WHOLE_BYTES:
            self.both = self.frame, room

    def numbered(self, number: int) -> bytes:
        """The frame with another id, as any request has it."""
        return self.frame[:_ID_AT] + LENGTH.pack(number) + self.frame[_ID_AT + LENGTH.size :]


def any_reply(reply: bytes, query: object = None) -> Optional[Answer]:
    """For what has no short form: leaves it to the Connection."""
    return None


def _wide(reply: bytes, at: int, format: int) -> int:
    """A number that is no byte of its own; -1 for none."""
    width = _WIDTHS.get(format, 0)
    digits = reply[at : at + width]
    return int.from_bytes(digits, "big") if digits and len(digits) == width else -1


def count(reply: bytes, query: object = None) -> Optional[Answer]:
    """The matches, of a reply that is a DONE."""
    try:
        length, head, matched = _unpack_done(reply)
    except StructError:
        return None
    if head not in _DONE_HEADS or length != len(reply) - 4:
        return None
    if matched > 0x7F:
        matched = _wide(reply, _DONE_BYTES, matched)
        if matched < 0:
            return None
    return matched, (reply, 0, query)


def _numbers(reply: bytes, query: object = None) -> Optional[Answer]:
    """The numbers of the rows, of a reply that is a RESULT "numbers" in a bin and its DONE."""
    try:
        length, head, u32, bin, size = _unpack_result(reply)
        end = _RESULT_BYTES + size
        done_length, done_head, matched = _unpack_done(reply, end)
    except StructError:
        return None
    if (
        head != _RESULT_HEAD
        or u32 != _U32
        or bin != _BIN
        or length != end - 4
        or done_head not in _DONE_HEADS
        or done_length != len(reply) - end - 4
    ):
        return None
    if matched > 0x7F:
        matched = _wide(reply, end + _DONE_BYTES, matched)
    if matched * 4 != size:
        return None
    return memoryview(reply[_RESULT_BYTES:end]).cast("I"), (reply, end, query)


# The numbers are little-endian.
numbers: Parse = _numbers if sys.byteorder == "little" else any_reply


def told(done: Done) -> Any:
    """The map of a DONE; ProtocolError if it is none."""
    reply, at, _ = done
    message = unpack(reply[at + LENGTH.size :])
    if type(message) is not list or len(message) != 3:
        raise ProtocolError("a DONE message without its counts")
    return message[2]
