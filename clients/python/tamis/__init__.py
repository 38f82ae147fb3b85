"""tamis: filters rows outside the Python process, with one query language.

    with tamis.Client() as client:
        adults = client.filter("age >= :least and city = 'Oslo'", rows, least=18)

Client spawns a tamisd of its own; connect(path) uses one that listens on a Unix socket.
"""

from .client import VERSION, Client, connect
from .column import Column
from .errors import (
    ArrowError,
    Cancelled,
    ClosedError,
    DaemonDied,
    DaemonNotFound,
    EncodeError,
    InternalError,
    LimitError,
    ParameterError,
    ProtocolError,
    QueryError,
    RequestError,
    RowError,
    TableError,
    TamisError,
    Timeout,
    TypeMismatch,
)
from .explain import Explanation
from .load import Change
from .prepared import Prepared
from .prepared_table import PreparedTable
from .raw import ByteStream, RawStats
from .result import Stats
from .stream import Stream
from .table import Table
from .tables import ColumnInfo, TableInfo
from .warning import QueryWarning

__version__ = VERSION

__all__ = [
    "ArrowError",
    "ByteStream",
    "Cancelled",
    "Change",
    "Client",
    "ClosedError",
    "Column",
    "ColumnInfo",
    "DaemonDied",
    "DaemonNotFound",
    "EncodeError",
    "Explanation",
    "InternalError",
    "LimitError",
    "ParameterError",
    "Prepared",
    "PreparedTable",
    "ProtocolError",
    "QueryError",
    "QueryWarning",
    "RawStats",
    "RequestError",
    "RowError",
    "Stats",
    "Stream",
    "Table",
    "TableError",
    "TableInfo",
    "TamisError",
    "Timeout",
    "TypeMismatch",
    "connect",
]
