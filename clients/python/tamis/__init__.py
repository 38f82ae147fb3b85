"""tamis: filters rows outside the Python process, with one query language.

    with tamis.Client() as client:
        adults = client.filter("age >= :least and city = 'Oslo'", rows, least=18)

Client spawns a tamisd of its own; connect(path) uses one that listens on a Unix socket.
"""

from .client import Client, connect
from .errors import (
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
    TamisError,
    Timeout,
    TypeMismatch,
)
from .explain import Explanation
from .prepared import Prepared
from .raw import ByteStream, RawStats
from .result import Stats
from .stream import Stream
from .warning import QueryWarning

__version__ = "0.1.0"

__all__ = [
    "ByteStream",
    "Cancelled",
    "Client",
    "ClosedError",
    "DaemonDied",
    "DaemonNotFound",
    "EncodeError",
    "Explanation",
    "InternalError",
    "LimitError",
    "ParameterError",
    "Prepared",
    "ProtocolError",
    "QueryError",
    "QueryWarning",
    "RawStats",
    "RequestError",
    "RowError",
    "Stats",
    "Stream",
    "TamisError",
    "Timeout",
    "TypeMismatch",
    "connect",
]
