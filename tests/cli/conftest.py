"""The command line as a person runs it: in a process of its own."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest


@pytest.fixture(scope="session")
def command():
    """The words before the arguments."""
    return [sys.executable, "-m", "anthrometrics"]


@pytest.fixture(scope="session")
def cli(python):
    """Run ``anthrometrics`` in a pipe; the completed process, with output as text."""

    def run(*arguments, stdin=b"", **options):
        done = python("-m", "anthrometrics", *arguments, stdin=stdin, **options)
        done.stdout, done.stderr = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
        assert "Traceback" not in done.stderr, done.stderr
        assert "Warning" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture
def start(command, child_environment):
    """Begin a run in the background; killed at the end if it is not over."""
    started = []

    def run(*arguments, cwd=None, **options):
        # Where the suite itself runs in the background, children would inherit that interrupts are ignored.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            process = subprocess.Popen(
                [*command, *map(str, arguments)], cwd=cwd, env=child_environment, stderr=subprocess.PIPE, **options
            )
        finally:
            signal.signal(signal.SIGINT, before)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def terminal(command, child_environment):
    """Run ``anthrometrics`` on a pseudo-terminal of 120 columns; exit code and everything it showed, as text."""

    def run(*arguments, cwd=None, timeout=300):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=cwd,
            env={**child_environment, "COLUMNS": "120", "LINES": "40"},
        )
        os.close(theirs)
        shown, deadline = bytearray(), time.monotonic() + timeout
        try:
            while time.monotonic() < deadline:
                if not select.select([ours], [], [], 1)[0]:
                    continue
                try:
                    piece = os.read(ours, 65536)
                except OSError:
                    # Linux says so when the last process has closed the terminal.
                    break
                if not piece:
                    break
                shown += piece
            return process.wait(10), shown.decode("utf-8", errors="replace")
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    return run
