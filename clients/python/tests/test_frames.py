"""Framing in any pieces, and what garbage does."""

from __future__ import annotations

import datetime
import struct
import tracemalloc
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.errors import ProtocolError
from tamis.frames import KEPT_BYTES, Decoder, Packer

VALUES = st.lists(st.one_of(st.integers(0, 2**64 - 1), st.binary(max_size=300), st.text()))


@given(st.lists(VALUES, max_size=6), st.data())
def test_pieces_of_any_size_give_the_same_messages(
    messages: list[Any], data: st.DataObject
) -> None:
    packer = Packer()
    try:
        stream = b"".join(packer.frame(message) for message in messages)
    except UnicodeEncodeError:
        pytest.fail("surrogates must pass")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    decoder, got = Decoder(1 << 20), []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)]):
        got += decoder.feed(stream[start:stop])
    assert [[clean(v) for v in m] for m in messages] == got
    assert not decoder.inside


def clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
    return value


def test_one_byte_at_a_time() -> None:
    frame = Packer().frame([1, b"x" * 1000])
    decoder = Decoder(1 << 20)
    got = [message for i in range(len(frame)) for message in decoder.feed(frame[i : i + 1])]
    assert got == [[1, b"x" * 1000]]


def test_a_last_element_that_is_packed_already() -> None:
    packer = Packer()
    first = packer.pack
    assert packer.frame_before((1, {"a": 2}), first([3])) == packer.frame((1, {"a": 2}, [3]))
    packer.frame_before((1,), bytes(KEPT_BYTES))
    assert packer.pack is first
    packer.frame_before((1,), bytes(KEPT_BYTES + 1))  # its pieces may have been large
    assert packer.pack is not first


def test_wanted_tells_what_is_missing() -> None:
    frame = Packer().frame([b"x" * 1000])
    decoder = Decoder(1 << 20)
    decoder.feed(frame[:3])
    assert decoder.wanted == 0
    decoder.feed(frame[3:100])
    assert decoder.wanted == len(frame) - 100


def test_a_claim_beyond_the_limit_is_refused_and_one_within_takes_no_memory() -> None:
    with pytest.raises(ProtocolError, match="4294967295"):
        Decoder(1 << 20).feed(b"\xff\xff\xff\xff")
    tracemalloc.start()
    try:
        Decoder(2**31).feed(struct.pack(">I", 2**31) + b"\x93")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1",
        b"",
        b"\x01\x02",
        b"\xdd\xff\xff\xff\xff",
        b"\x91" * 100_000,
        b"\xdf\xff\xff\xff\xff\x01",
        b"\xc6\xff\xff\xff\xff",
        b"\xd6\xff\x00",
    ],
)
def test_bodies_that_are_no_value(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="not msgpack"):
        Decoder(1 << 20).feed(struct.pack(">I", len(body)) + body)


def test_keys_that_python_cannot_hash() -> None:
    body = msgpack.packb({(1, ("x",)): [2], msgpack.ExtType(5, b"x"): {(): 3}})
    expected = {(1, ("x",)): [2], msgpack.ExtType(5, b"x"): {(): 3}}
    assert Decoder(1 << 20).feed(struct.pack(">I", len(body)) + body) == [expected]
    body = b"\x82\x81\x01\x02\x03\x91\x80\x04"  # maps, which are no keys of ours
    assert Decoder(1 << 20).feed(struct.pack(">I", len(body)) + body) == [{((1, 2),): 3, ((),): 4}]


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_a_protocol_error(data: bytes) -> None:
    decoder = Decoder(1 << 20)
    try:
        decoder.feed(data)
    except ProtocolError:
        return


def test_forms_of_values() -> None:
    def unpacked(value: Any) -> Any:
        return msgpack.unpackb(Packer().frame([value])[4:], strict_map_key=False)[0]

    aware = datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc)
    assert unpacked(aware) == msgpack.Timestamp.from_datetime(aware)
    assert unpacked(b"\xff") == b"\xff"
    assert unpacked((1, (2,))) == [1, [2]]
    assert unpacked({1: 2, None: 3}) == {1: 2, None: 3}
    assert Packer().frame(["\ud800"])[4:] == b"\x91\xa3\xed\xa0\x80"


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, {1}, object(), datetime.datetime.now()])
def test_a_packer_goes_on_after_a_value_that_it_cannot_pack(value: Any) -> None:
    packer = Packer()
    with pytest.raises((TypeError, ValueError, OverflowError)):
        packer.frame([1, 2, value])
    assert packer.frame([1]) == b"\x00\x00\x00\x02\x91\x01"


def test_default_turns_what_msgpack_cannot() -> None:
    packer = Packer(default=str)
    assert msgpack.unpackb(packer.frame([datetime.date(2020, 1, 2)])[4:]) == ["2020-01-02"]
