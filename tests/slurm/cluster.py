"""A Slurm cluster of one node on this machine, for tests: munged, slurmctld and slurmd in a folder of their own.

Needs root and Debian's slurm-wlm and munge. A job that is queued again waits until its credential has expired, two
minutes by default: here ten seconds. SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={port1}
AuthType=auth/munge
AuthInfo=socket={root}/munge/socket,cred_expire=10
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,batch_sched_delay=0,requeue_delay=0
ReturnToService=2
KillWait=5
MinJobAge=300
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """Why there can be no cluster here; None where there can."""
    if os.geteuid() != 0:
        return "a cluster needs root"
    for program in ("slurmctld", "slurmd", "munged", "sbatch"):
        if not shutil.which(program, path="/usr/sbin:/usr/bin"):
            return f"{program} is not installed (Debian: slurm-wlm, munge)"
    return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cluster:
    """Used in a with statement; `environment` is what Slurm's commands need."""

    def __enter__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="slurm-"))
        self.host = socket.gethostname().split(".")[0]
        self.processes = []
        self.root.chmod(0o755)
        for name in ("state", "spool", "munge"):
            (self.root / name).mkdir(mode=0o755)
        self.start_munge()
        port = free_port()
        conf = self.root / "slurm.conf"
        conf.write_text(CONFIGURATION.format(root=self.root, host=self.host, port=port, port1=free_port(),
                                             cpus=os.cpu_count()))
        self.environment = dict(os.environ, SLURM_CONF=str(conf), PATH="/usr/sbin:/usr/bin:/sbin:/bin")
        self.start(["slurmctld", "-D", "-f", str(conf)], "slurmctld.out")
        self.start(["slurmd", "-D", "-f", str(conf), "-N", self.host], "slurmd.out")
        self.wait_for_node("idle")
        return self

    def start_munge(self):
        user = pwd.getpwnam("munge")
        key = self.root / "munge/key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        for path in (self.root / "munge", key):
            os.chown(path, user.pw_uid, user.pw_gid)
        folder = self.root / "munge"
        self.start(["runuser", "-u", "munge", "--", "/usr/sbin/munged", "--foreground", "--force", f"--key-file={key}",
                    f"--socket={folder}/socket", f"--pid-file={folder}/pid", f"--log-file={folder}/log",
                    f"--seed-file={folder}/seed"], "munged.out")
        for _ in range(100):
            if (folder / "socket").exists():
                return
            time.sleep(0.1)
        raise RuntimeError(f"munged did not start: {(self.root / 'munged.out').read_text()}")

    def start(self, words, log):
        with open(self.root / log, "w") as out:
            self.processes.append(subprocess.Popen(words, stdout=out, stderr=out, env=getattr(self, "environment", None)))

    def call(self, *words):
        run = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60)
        if run.returncode:
            raise RuntimeError(f"{words}: {run.stdout}{run.stderr}")
        return run.stdout

    def wait_for_node(self, state, seconds=60):
        for _ in range(seconds * 5):
            try:
                found = self.call("sinfo", "--noheader", "--format=%T").strip()
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                found = str(error)
            if found == state:
                return
            time.sleep(0.2)
        logs = "".join(path.read_text()[-2000:] for path in self.root.glob("*.log"))
        raise RuntimeError(f"the node is {found}, not {state}\n{logs}")

    def wait_until_empty(self, seconds=400):
        for _ in range(seconds * 2):
            if not self.call("squeue", "--noheader").strip():
                return
            time.sleep(0.5)
        raise RuntimeError(f"jobs are left: {self.call('squeue')}")

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.root, ignore_errors=True)
