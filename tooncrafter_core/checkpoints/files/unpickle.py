"""Reads the pickles of torch's files: tensors and plain containers, never code.

torch has a restricted unpickler too. It calls constructors with counts from the file, can be
made to hash what is nested a million times, which ends the process, and reads all tensors at once
or maps them. Here every name in a pickle becomes a stand-in, and only the ones that rebuild
tensors do something: they note where the tensor lies.
"""

import pickle
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, cast

from ...errors import CheckpointError
from .names import Name, Storage, meaning

LONGEST_PICKLE = 4 << 20
"""Bytes; the published model's takes a tenth. Each can become an object of a hundred bytes."""


class _Inert:
    """Takes the place of what stands for no weights, and does nothing."""


class _Limited:
    """The bytes of a pickle, up to ``LONGEST_PICKLE``."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name, self._left = file, name, LONGEST_PICKLE

    def read(self, size: int) -> bytes:
        return self._taken(self._file.read(min(size, self._left)), size)

    def readline(self) -> bytes:
        line = self._taken(self._file.readline(self._left), 1)
        if not line.endswith(b"\n"):
            raise EOFError
        return line

    def _taken(self, data: bytes, wanted: int) -> bytes:
        self._left -= len(data)
        if len(data) < wanted:
            if self._left <= 0:
                raise CheckpointError(
                    f"{self._name} lists more than weights need (over {LONGEST_PICKLE >> 20} MB of "
                    "names and settings). Have whoever made it save only its state_dict."
                )
            raise EOFError
        return data


def read_pickle(file: BinaryIO, name: str, storages: dict[str, Storage] | None = None) -> Any:
    """Read one pickle from where the file stands: containers with ``PickledTensor`` in them.

    Of dictionaries only entries with texts as keys are kept; objects of training frameworks are
    left out. ``storages`` collects what tensors lie in. ``UnsafeCheckpointError`` when the pickle
    names code, of which nothing is run; ``CheckpointError`` for damaged ones and for tensors of
    kinds that are not read.
    """
    try:
        return _Unpickler(_Limited(file, name), name, storages).load()
    except EOFError as error:
        raise CheckpointError(
            f"{name} is cut short or damaged: its list of tensors ends early. Download it again."
        ) from error
    except (pickle.UnpicklingError, LookupError, ValueError, TypeError, AttributeError,
            AssertionError, ArithmeticError, RecursionError) as error:  # fmt: skip
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"{name} is damaged: its list of tensors is none that torch writes. Download it again."
        ) from error


_Python: Any = cast(Any, pickle)._Unpickler
"""The one of the two unpicklers that can be taken apart; the other is a faster copy in C."""


class _Unpickler(_Python):
    """Python's own unpickler with few of its instructions, none of which calls or builds freely."""

    dispatch: dict[int, Callable[[Any], None]] = {}  # noqa: RUF012 - filled below

    def __init__(self, file: _Limited, name: str, storages: dict[str, Storage] | None) -> None:
        super().__init__(file, encoding="latin1")
        self._name = name
        self._storages = {} if storages is None else storages

    def find_class(self, module: str, name: str) -> Name:
        """A stand-in for what the pickle names."""
        return meaning(f"{module}.{name}", self._name)

    def persistent_load(self, pid: Any) -> Storage:
        """The storage that a tensor is in."""
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] not in ("storage", b"storage"):
            raise pickle.UnpicklingError("no storage")
        kind, key, count = pid[1], pid[2], pid[4]
        if not isinstance(kind, Name) or not isinstance(key, str) or type(count) is not int:
            raise pickle.UnpicklingError("no storage")
        if (len(pid) > 5 and pid[5] is not None) or count < 0:
            raise pickle.UnpicklingError("a part of a storage")
        storage = Storage(key, kind.dtype, count)
        if self._storages.setdefault(key, storage) != storage:
            raise pickle.UnpicklingError("a storage of two sizes")
        return storage

    def _reduce(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = self._made(self.stack[-1], arguments)

    def _new_object(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = self._made(self.stack[-1], arguments)

    def _new_object_with_options(self) -> None:
        self.stack.pop()
        self._new_object()

    def _made(self, named: object, arguments: object) -> object:
        if not isinstance(named, Name) or not isinstance(arguments, tuple):
            raise pickle.UnpicklingError("a call of what is no function")
        return _Inert() if named.call is None else named.call(*arguments)

    def _ignore_state(self) -> None:
        self.stack.pop()

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._fill(self.stack[-1], [key, value])

    def _set_items(self) -> None:
        items = self.pop_mark()
        self._fill(self.stack[-1], items)

    def _fill(self, target: object, items: list[Any]) -> None:
        if not isinstance(target, dict):
            return
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) is str:
                target[key] = value

    def _append(self) -> None:
        item = self.stack.pop()
        if isinstance(self.stack[-1], list):
            self.stack[-1].append(item)

    def _append_all(self) -> None:
        items = self.pop_mark()
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def _empty_set(self) -> None:
        self.append(_Inert())

    def _add_items(self) -> None:
        self.pop_mark()

    def _frozen_set(self) -> None:
        self.pop_mark()
        self.append(_Inert())


_PLAIN: Iterable[bytes] = (
    pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK,
    pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE,
    pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1, pickle.BINFLOAT,
    pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BINSTRING, pickle.SHORT_BINSTRING,
    pickle.BINBYTES, pickle.SHORT_BINBYTES,
    pickle.EMPTY_DICT, pickle.EMPTY_LIST, pickle.EMPTY_TUPLE,
    pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3,
    pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE, pickle.BINGET, pickle.LONG_BINGET,
    pickle.GLOBAL, pickle.STACK_GLOBAL, pickle.BINPERSID,
)  # fmt: skip
"""Instructions that are taken as Python has them."""

_OWN: dict[bytes, Callable[[Any], None]] = {
    pickle.REDUCE: _Unpickler._reduce,
    pickle.NEWOBJ: _Unpickler._new_object,
    pickle.NEWOBJ_EX: _Unpickler._new_object_with_options,
    pickle.BUILD: _Unpickler._ignore_state,
    pickle.SETITEM: _Unpickler._set_item,
    pickle.SETITEMS: _Unpickler._set_items,
    pickle.APPEND: _Unpickler._append,
    pickle.APPENDS: _Unpickler._append_all,
    pickle.EMPTY_SET: _Unpickler._empty_set,
    pickle.ADDITEMS: _Unpickler._add_items,
    pickle.FROZENSET: _Unpickler._frozen_set,
}

_Unpickler.dispatch = {op[0]: _Python.dispatch[op[0]] for op in _PLAIN} | {
    op[0]: handler for op, handler in _OWN.items()
}
