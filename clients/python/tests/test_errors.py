"""The table of codes, and how query errors are shown."""

from __future__ import annotations

import pickle
import re

import pytest
from daemons import ROOT

from tamis import errors

DEFS = ROOT / "proto" / "errors.def"


@pytest.mark.skipif(not DEFS.exists(), reason="not run in the repository")
def test_codes_are_those_of_errors_def() -> None:
    text = DEFS.read_text()
    defined = {int(n): name for name, n in re.findall(r"^X\((\w+),\s*(\d+),", text, re.M)}
    assert defined.pop(0) == "OK"
    assert {code: name for code, (name, _) in errors.CODES.items()} == defined


def query_error(query: object, pos: int, length: int, **more: object) -> errors.QueryError:
    details = {"code": 1, "name": "SYNTAX", "message": "unexpected word", **more}
    error = errors.from_reply({**details, "pos": pos, "length": length}, query)
    assert isinstance(error, errors.QueryError)
    return error


def lines(error: errors.QueryError) -> list[str]:
    return str(error).split("\n")


def test_caret_under_the_place() -> None:
    error = query_error("age >= and x", 7, 3, near="and", suggestion="any")
    assert (error.code, error.name, error.position, error.length) == (1, "SYNTAX", 7, 3)
    assert (error.near, error.suggestion) == ("and", "any")
    assert isinstance(error, ValueError)
    assert lines(error) == [
        "unexpected word (did you mean 'any'?)",
        "  age >= and x",
        "         ^^^",
    ]


def test_caret_in_one_of_several_lines_with_a_tab() -> None:
    query = "a = 1\n\tand b == 2\nor c"
    error = query_error(query, query.index("=="), 2)
    assert lines(error)[1:] == ["  line 2: \tand b == 2", "          \t      ^^"]


def test_line_ends_of_other_systems_are_no_part_of_a_line() -> None:
    query = "a = 1\r\nand b == 2\r\nor c"
    error = query_error(query, query.index("=="), 2)
    assert lines(error)[1:] == ["  line 2: and b == 2", "                ^^"]
    error = query_error(query, query.index("\r\nor"), 0)  # the end of that line
    assert lines(error)[1:] == ["  line 2: and b == 2", "                    ^"]


def test_place_over_several_lines_is_marked_in_the_first() -> None:
    query = "a = 'not\nclosed"
    assert lines(query_error(query, 4, 11))[1:] == ["  line 1: a = 'not", "              ^^^^"]


def test_emoji_and_tab_before_the_place() -> None:
    query = "name = '\N{GRINNING FACE}'\tAND x !"
    error = query_error(query, len(query[:-1].encode()), 1)
    assert lines(error)[2] == "  " + " " * 11 + "\t" + " " * 6 + "^"


def test_positions_are_bytes_in_the_reply_and_characters_here() -> None:
    query = "name = 'Åse' and ?!"
    error = query_error(query, len(query[:17].encode()), 2)
    assert error.position == 17
    assert lines(error)[2] == " " * 19 + "^^"


def test_wide_characters_take_two_columns_and_combining_none() -> None:
    query = "城 = e\u0301 !"
    error = query_error(query, len("城 = e\u0301 ".encode()), 1)
    assert lines(error)[2] == "  " + " " * 7 + "^"
    error = query_error("x = 城市", 4, 6)
    assert lines(error)[2] == "  " + " " * 4 + "^^^^"


def test_caret_at_the_end_and_in_an_empty_query() -> None:
    assert lines(query_error("a =", 3, 0))[2] == "     ^"
    assert lines(query_error("", 0, 0))[1:] == ["  ", "  ^"]
    assert lines(query_error("a =\n", 4, 0))[1:] == ["  line 2: ", "          ^"]


def test_place_beyond_the_query_does_no_harm() -> None:
    assert lines(query_error("ab", 1000, 1000))[2] == "    ^"


def test_long_lines_are_cut_around_the_place() -> None:
    query = "x" * 500 + "!" + "y" * 500
    shown, carets = lines(query_error(query, 500, 1))[1:]
    assert len(shown) < 120
    assert shown[carets.index("^")] == "!"


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in str(query_error("a = \x1b[31m", 4, 1))


def test_lone_surrogates_count_as_the_three_bytes_that_were_sent() -> None:
    assert query_error("'\ud800' !", 6, 1).position == 4


def test_structured_query_tells_the_byte() -> None:
    error = query_error(["=", 1], 3, 1)
    assert str(error) == "unexpected word, at byte 3 of the structured query"


@pytest.mark.parametrize("code", sorted(errors.CODES))
def test_every_code_makes_its_exception(code: int) -> None:
    name, cls = errors.CODES[code]
    error = errors.from_reply({"code": code})
    assert type(error) is cls
    assert error.name == name
    assert error.code == code
    assert str(error)


def test_an_unknown_code_or_a_senseless_map_is_an_error_still() -> None:
    assert errors.from_reply({"code": 999, "message": "later"}).message == "later"
    odd = errors.from_reply({"code": "x", "message": 5, "pos": -1, "name": b"\xff"}, "a")
    assert isinstance(odd, errors.TamisError)
    wrong = errors.from_reply({"code": 1, "pos": "x", "length": None}, "a")
    assert isinstance(wrong, errors.QueryError)
    assert wrong.position is None


def test_limits_rows_and_timeouts() -> None:
    limit = errors.from_reply({"code": 38, "message": "too deep", "limit": 64, "actual": 65})
    assert isinstance(limit, errors.LimitError)
    assert (limit.limit, limit.actual) == (64, 65)
    assert str(limit) == "too deep (limit 64, actual 65)"
    row = errors.from_reply({"code": 15, "message": "bad", "row": 7, "offset": 9})
    assert isinstance(row, errors.RowError)
    assert (row.row, row.offset, str(row)) == (7, 9, "row 7: bad")
    assert isinstance(errors.from_reply({"code": 45}), TimeoutError)
    assert isinstance(errors.from_reply({"code": 47}), ConnectionError)


@pytest.mark.parametrize(
    "error",
    [
        query_error("a !", 2, 1),
        errors.EncodeError("no", row=3, field="a"),
        errors.DaemonDied("gone", status=-9, stderr="x"),
        errors.Timeout("late"),
        errors.LimitError("much", limit=1, actual=2),
    ],
)
def test_errors_can_be_pickled(error: errors.TamisError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert copy.__dict__ == error.__dict__


def test_a_row_is_told_once() -> None:
    """Most messages of the daemon name the row themselves."""
    assert str(errors.RowError("its key is null", row=4)) == "row 4: its key is null"
    assert str(errors.RowError("row 4: its key is null", row=4)) == "row 4: its key is null"
    assert str(errors.RowError("no row")) == "no row"
