# SPDX-License-Identifier: Apache-2.0
"""Commands and long-running processes, and waiting for a condition."""

import os
import signal
import subprocess
import time

# Every process that a session starts has this in its environment, and every name that it makes begins with NAME.
MARK = "MESHD_TEST_SESSION"
SESSION = f"{os.getpid()}"
NAME = f"md{SESSION}"
os.environ[MARK] = SESSION
for folder in ("/usr/sbin", "/sbin"):
    if folder not in os.environ["PATH"].split(":"):
        os.environ["PATH"] += ":" + folder


def patient(seconds):
    """How long to wait for something on this machine: MESHD_TEST_PATIENCE times as long, where all is slow (an emulated processor)."""
    return seconds * float(os.environ.get("MESHD_TEST_PATIENCE", "1"))


def run(*command, check=True, timeout=30, input=None, **options):
    """Runs a command to its end; a failure carries all that it printed."""
    command = [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patient(timeout), input=input,
                          stdin=subprocess.DEVNULL if input is None else None, check=False, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait_until(condition, what, timeout=10.0, interval=0.02):
    """Returns the condition's first true value. `what` completes the sentence 'waited N s for ...'."""
    deadline = time.monotonic() + patient(timeout)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patient(timeout):g} s for {what() if callable(what) else what}")
        time.sleep(interval)


def pause(seconds):
    """To a random moment, not a time to wait for something."""
    time.sleep(seconds)


def thread_states(pid):
    """The state of each thread of a process as ps shows it."""
    states = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat", encoding="utf-8", errors="replace") as line:
            states.append(line.read().rpartition(")")[2].split()[0])
    return states


def freeze(pid):
    """SIGSTOP, and its effect: the signal only asks one of the threads to stop them all, and until it runs the others go on."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: set(thread_states(pid)) == {"T"}, lambda: f"process {pid} to stand still: {thread_states(pid)}")


class Process:
    """A child process with its output in a file."""

    def __init__(self, command, log, enter=None, **options):
        self.command = [str(part) for part in command]
        self.log = log
        with open(log, "ab") as output:
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                          preexec_fn=enter, **options)

    @property
    def pid(self):
        return self.child.pid

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as text:
            return text.read()

    def running(self):
        return self.child.poll() is None

    def send(self, number):
        self.child.send_signal(number)

    def wait(self, timeout=10):
        return self.child.wait(patient(timeout))

    def stop(self, number=signal.SIGTERM, timeout=10):
        """Ends the process, by force where it does not listen, and returns its exit status."""
        if self.running():
            self.send(number)
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.wait(timeout)
        return self.child.returncode

    def close(self):
        self.stop()


def marked_processes(mark=MARK, value=SESSION):
    """Processes other than this one with that in their environment, which is inherited: pid -> command line."""
    found = {}
    needle = f"{mark}={value}".encode()
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as environ:
                if needle not in environ.read().split(b"\0"):
                    continue
            with open(f"/proc/{entry}/cmdline", "rb") as line:
                found[int(entry)] = line.read().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found
