# SPDX-License-Identifier: Apache-2.0
"""A clean root of Debian, started with a first process of its own in namespaces and a cgroup of the test's: what runs there sees a
machine of its own, but for the kernel."""

import contextlib
import os
import pathlib
import shutil
import signal
import tempfile

from harness.cgroup import Cgroup
from harness.netns import Namespace
from harness.process import NAME, Process, run, wait_until

TOP = pathlib.Path(__file__).resolve().parents[3]
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

# The root is an overlay in memory over the one that is kept. It becomes the root by pivot_root, not chroot: services get mount namespaces.
# Settings of the kernel that are not of a namespace cannot be written.
BOOT = """
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$2"
mkdir -m 755 "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" none "$2/root"
cd "$2/root"
mount -t proc none proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs none sys
mount -t cgroup2 none sys/fs/cgroup
mount -t bpf -o mode=700 none sys/fs/bpf
mount -t tmpfs -o mode=755 none run
mount -t tmpfs -o mode=1777 none tmp
mount -t tmpfs -o mode=755 none dev
for node in null zero full random urandom tty; do touch dev/$node; mount --bind /dev/$node dev/$node; done
mkdir dev/shm dev/pts
mount -t devpts -o newinstance,ptmxmode=666 none dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mkdir run/old
shift 2
if [ "$*" = systemd ]; then
    chroot . apt-get -qq -y --no-install-recommends install systemd >/dev/null
    set -- /lib/systemd/systemd --unit=multi-user.target
fi
pivot_root . run/old
exec chroot . sh -c 'umount -l /run/old && exec "$@"' sh "$@"
"""


class BootedRoot:
    """`first` is the command of the first process; systemd is installed for it."""

    def __init__(self, root, *first):
        self.name = pathlib.Path(first[0]).name
        self.pid = self.process = self.netns = self.cgroup = None
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{NAME}-root-"))
        self.log = self.directory.with_suffix(".log")
        try:
            self.netns = Namespace(self.directory.name)
            self.cgroup = Cgroup(self.directory.name.removeprefix(f"{NAME}-"))
            self._start(root, *first)
        except BaseException:
            self.close()
            raise

    def _start(self, root, *first):
        environment = {name: value for name, value in os.environ.items() if name.startswith("MESHD_TEST")}
        self.process = Process(["unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--cgroup", "sh", "-c", BOOT,
                                "boot", root, self.directory, *first], self.log, self._enter,
                               env=environment | {"PATH": PATH, "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive", "container": "test"})
        self.pid = wait_until(self._first_process, lambda: f"a first process: {self.process.output()}", timeout=60)
        if self.name == "systemd":
            wait_until(lambda: self.call("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"),
                       lambda: f"systemd to have started: {self.process.output()}", timeout=30, interval=0.1)

    def _enter(self):
        self.cgroup.enter()
        self.netns.enter()

    def _first_process(self):
        assert self.process.running(), self.process.output()
        try:
            child = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0]
            return pathlib.Path(f"/proc/{child}/comm").read_text().strip() == self.name and int(child)
        except (IndexError, OSError):
            return None

    def call(self, *command, **options):
        """Runs a command inside, as root and as a process of this machine's."""
        return run("nsenter", "--target", self.pid, "--all", "env", "-i", f"PATH={PATH}", "HOME=/root", "DEBIAN_FRONTEND=noninteractive",
                   *command, preexec_fn=self.cgroup.enter, **options)

    def path(self, inside):
        """Where a file of the root is seen from outside."""
        return pathlib.Path(f"/proc/{self.pid}/root") / str(inside).lstrip("/")

    def apt(self, *arguments):
        """It has no network: what is not in the root's cache is not to be had."""
        return self.call("apt-get", "-qq", "-y", "--no-install-recommends", *arguments, timeout=120)

    def install(self, packages):
        for package in packages:
            shutil.copy(package, self.path("/tmp"))
        return self.apt("install", *(f"/tmp/{package.name}" for package in packages))

    @contextlib.contextmanager
    def entered(self):
        """Sockets that this process makes inside the block are those of a process of this machine."""
        with self.cgroup.entered(), self.netns.entered():
            yield

    def close(self):
        if self.pid is not None:
            # It takes all others of its namespace with it, and is waited for until they are gone; the mounts go with the last of them.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.process.wait()
        elif self.process is not None:
            self.process.stop(signal.SIGKILL)
        for one in (self.cgroup, self.netns):
            if one is not None:
                one.close()
        self.directory.rmdir()
        self.log.unlink(missing_ok=True)
