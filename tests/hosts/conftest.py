# SPDX-License-Identifier: Apache-2.0
"""A shell has programs in the background ignore these signals, and so would each process that a
test starts and interrupts."""
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
