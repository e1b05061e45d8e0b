# SPDX-License-Identifier: Apache-2.0
"""Pinned maps by the bpf() system call itself: what the kernel has, without asking the agent."""

import ctypes
import os
import platform

_NUMBERS = {"x86_64": 321, "aarch64": 280}
_LOOKUP, _UPDATE, _NEXT_KEY, _OBJ_GET = 1, 2, 4, 7  # enum bpf_cmd
_libc = ctypes.CDLL(None, use_errno=True)


class _Element(ctypes.Structure):
    _fields_ = [("map_fd", ctypes.c_uint32), ("_", ctypes.c_uint32), ("key", ctypes.c_uint64), ("value", ctypes.c_uint64),
                ("flags", ctypes.c_uint64)]


class _Object(ctypes.Structure):
    _fields_ = [("pathname", ctypes.c_uint64), ("bpf_fd", ctypes.c_uint32), ("file_flags", ctypes.c_uint32)]


def _bpf(command, attributes):
    result = _libc.syscall(_NUMBERS[platform.machine()], command, ctypes.byref(attributes), ctypes.sizeof(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


class PinnedMap:
    def __init__(self, path, key_size, value_size):
        name = ctypes.create_string_buffer(os.fsencode(path))
        self._fd = _bpf(_OBJ_GET, _Object(pathname=ctypes.addressof(name)))
        self._key = ctypes.create_string_buffer(key_size)
        self._next = ctypes.create_string_buffer(key_size)
        self._value = ctypes.create_string_buffer(value_size)

    def lookup(self, key):
        """None where there is no such key."""
        self._key.raw = key
        try:
            _bpf(_LOOKUP, _Element(map_fd=self._fd, key=ctypes.addressof(self._key), value=ctypes.addressof(self._value)))
        except FileNotFoundError:
            return None
        return self._value.raw

    def update(self, key, value):
        self._key.raw, self._value.raw = key, value
        _bpf(_UPDATE, _Element(map_fd=self._fd, key=ctypes.addressof(self._key), value=ctypes.addressof(self._value)))

    def count(self):
        """Number of keys: of a hash, its entries."""
        found, key = 0, 0
        while True:
            try:
                _bpf(_NEXT_KEY, _Element(map_fd=self._fd, key=key, value=ctypes.addressof(self._next)))
            except FileNotFoundError:
                return found
            found += 1
            ctypes.memmove(self._key, self._next, len(self._next))
            key = ctypes.addressof(self._key)

    def close(self):
        os.close(self._fd)
