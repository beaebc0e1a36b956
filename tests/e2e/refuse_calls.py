#!/usr/bin/env python3
"""Runs a program to which the kernel refuses some system calls with EPERM, as containers' seccomp filters do.

usage: refuse_calls.py CALL,… PROGRAM [ARGUMENT…]
"""
import ctypes
import errno
import os
import platform
import struct
import sys

# Machine -> AUDIT_ARCH and the numbers of its calls, of linux/audit.h and asm/unistd.h.
MACHINES = {
    "x86_64": (0xC000003E, {"sched_setaffinity": 203, "mbind": 237, "move_pages": 279, "io_uring_setup": 425}),
    "aarch64": (0xC00000B7, {"sched_setaffinity": 122, "mbind": 235, "move_pages": 239, "io_uring_setup": 425}),
}
LOAD_WORD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06  # of linux/bpf_common.h
NUMBER_AT, ARCH_AT = 0, 4                         # in struct seccomp_data
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2


class FilterProgram(ctypes.Structure):
    """struct sock_fprog"""
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def filter_of(arch, numbers):
    """The filter's code. Calls of another architecture (32 bits) pass: nothing here makes them."""
    last = len(numbers)
    code = [(LOAD_WORD, 0, 0, ARCH_AT), (JUMP_EQUAL, 0, last + 1, arch), (LOAD_WORD, 0, 0, NUMBER_AT)]
    code += [(JUMP_EQUAL, last - at, 0, number) for at, number in enumerate(numbers)]
    code += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    return b"".join(struct.pack("=HBBI", *one) for one in code)


def refuse(calls):
    """From here on, in this process and all that it starts."""
    arch, known = MACHINES[platform.machine()]
    code = filter_of(arch, [known[call] for call in calls])
    program = FilterProgram(len(code) // 8, code)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program))):
        if prctl(*arguments) != 0:
            sys.exit(f"refuse_calls: prctl: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    refuse(sys.argv[1].split(","))
    os.execv(sys.argv[2], sys.argv[2:])
