"""A unit for systemd: told when it is ready, reloads, is watched, and ends in time."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath

from streamweave_lab.config.source import variable_of
from streamweave_lab.ops.deploy.deployment import Deployment, refuse
from streamweave_lab.ops.deploy.names import unit_problem

NOTIFY_RELOAD = 253
"""The first systemd that knows Type=notify-reload; an older one takes it for Type=simple."""

OLDEST = 250
"""The first that knows %d, the folder of credentials."""

STEPS = 254
"""The first that waits longer from one start to the next."""

FOLDER = "/etc/streamweave"

HARDENING = """\
DynamicUser=yes
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome={home}
ProtectProc=invisible
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
"""


@dataclass(frozen=True)
class Systemd:
    """What systemd must be told beside the deployment itself.

    Raises: ConfigError for a name or a path that a unit cannot have, or a grace period that is too short.
    """

    deployment: Deployment
    executable: str
    """The absolute path of `streamweave-lab`."""
    version: int = NOTIFY_RELOAD
    """Of systemd, where the unit is to run."""
    grace: int | None = None
    """Seconds from the signal to the kill; by default what the budget needs. A drain that needs more asks for it."""
    startup: int = 300
    """Seconds that it may take to restore the last checkpoint and start; asks for more where it needs it."""
    watchdog: int = 60
    """Seconds of silence of the run's loop after which it is killed and started again; 0 for never."""
    working_directory: str | None = None
    """Where a module or file of the target is found."""
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        own = self.deployment
        refuse(own.name, [
            unit_problem(own.name),
            _path_problem("executable", self.executable),
            self.working_directory and _path_problem("working directory", self.working_directory),
            _path_problem("configuration file", f"{FOLDER}/{own.config.name}") if own.config else None,
            _target_problem(own.target, self.working_directory),
            _hidden_problem("executable", self.executable),
            _hidden_problem("working directory", self.working_directory or "/"),
            _hidden_problem("graph", own.target),
            None if self.version >= OLDEST else f"systemd {self.version}: must be {OLDEST} or newer, for credentials",
            None if self.watchdog >= 0 else f"watchdog {self.watchdog}: must be 0 seconds or more",
        ])  # fmt: skip
        own.budget.grace(self.grace)

    @property
    def notify_reload(self) -> bool:
        """`systemctl reload` waits until the run has said whether it reloaded."""
        return self.version >= NOTIFY_RELOAD


def units(asked: Systemd) -> dict[str, str]:
    """The unit, and the configuration file it reads, as text by file name."""
    own = asked.deployment
    return {f"{own.name}.service": unit(asked)} | ({own.config.name: own.config.text} if own.config else {})


def unit(asked: Systemd) -> str:
    """The text of the unit."""
    own = asked.deployment
    sums = " + ".join(f"{what} {seconds:g}" for what, seconds in own.budget.parts().items() if what != "preStop")
    own_settings = [
        f"# Seconds: {sums}.",
        "# While a drain goes on, the run asks for more (EXTEND_TIMEOUT_USEC=).",
        f"TimeoutStopSec={own.budget.grace(asked.grace)}",
        f"TimeoutStartSec={asked.startup}",
        *([f"WatchdogSec={asked.watchdog}"] if asked.watchdog else []),
        "# 2: ExecStart= has an option that is none. 3: somebody has ended it, and items were dropped. 78: the",
        "# configuration is wrong. All would be the same again.",
        "# 75: it may be tried again.",
        "Restart=on-failure",
        "RestartSec=5",
        *(["RestartSteps=6", "RestartMaxDelaySec=120"] if asked.version >= STEPS else []),
        "RestartPreventExitStatus=2 3 78",
        "RestartForceExitStatus=75",
    ]
    sections = [
        ["[Unit]", *_about(asked)],
        ["[Service]", *_command(asked), *own_settings, *_places(asked)],
        ["# What it may do: nothing but read its files, keep its state, and talk to the network.", *_hardening(asked)],
        ["[Install]", "WantedBy=multi-user.target"],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def _about(asked: Systemd) -> list[str]:
    return [
        f"Description=Run of the graph {asked.deployment.graph}",
        "Wants=network-online.target",
        "After=network-online.target",
        "# It is never given up: what it waits for may come back after hours.",
        "StartLimitIntervalSec=0",
    ]


def _command(asked: Systemd) -> list[str]:
    own = asked.deployment
    config = f"{FOLDER}/{own.name}/{own.config.name}" if own.config else None
    # %S is /var/lib, where StateDirectory= makes the folder; checkpoints outlive the process there.
    arguments = own.arguments(host=asked.host, state=f"%S/streamweave/{own.name}", config=config)
    call = " ".join(
        [_quoted(asked.executable), *(argument if "%S" in argument else _quoted(argument) for argument in arguments)]
    )
    if asked.notify_reload:
        return [
            f"# An older systemd than {NOTIFY_RELOAD} takes it for Type=simple; --systemd-version writes for that one.",
            "Type=notify-reload",
            "NotifyAccess=main",
            f"ExecStart={call}",
            "KillSignal=SIGTERM",
            "KillMode=mixed",
        ]
    return [
        f"# From systemd {NOTIFY_RELOAD} on: Type=notify-reload without ExecReload=, so that a reload is waited for.",
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={call}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "KillSignal=SIGTERM",
        "KillMode=mixed",
    ]


def _places(asked: Systemd) -> list[str]:
    own = asked.deployment
    places = [
        f"StateDirectory=streamweave/{own.name}",
        "StateDirectoryMode=0700",
        f"LoadCredential=token:{FOLDER}/{own.name}/token",
        *(f"LoadCredential={name}:{FOLDER}/{own.name}/{name}" for name in own.secrets),
        "Environment=STREAMWEAVE_TOKEN_FILE=%d/token PYTHONUNBUFFERED=1",
        *(f"Environment={name}={value}" for name, value in own.log.items()),
        *(f"Environment={variable_of(name)}_FILE=%d/{name}" for name in own.secrets),
    ]
    folder = asked.working_directory
    return (
        [*places, f"WorkingDirectory={_escaped(folder)}", f'Environment="PYTHONPATH={_escaped(folder)}"']
        if folder
        else places
    )


def _hardening(asked: Systemd) -> list[str]:
    """Homes are hidden, unless what is to be run lies in one."""
    inside = [asked.executable, asked.working_directory or "/", asked.deployment.target]
    home = any(PurePosixPath(path).parts[:2] in (("/", "home"), ("/", "root")) for path in inside)
    lines = HARDENING.format(home="read-only" if home else "yes").splitlines()
    if asked.deployment.workers:
        # Worker processes make semaphores and set their own priority.
        lines = [line for line in lines if line != "RemoveIPC=yes"]
    return lines


def _path_problem(what: str, path: str) -> str | None:
    if PurePosixPath(path).is_absolute() and not any(ord(letter) < 32 for letter in path):
        return None
    return f"{what} {path!r}: must be an absolute path"


def _hidden_problem(what: str, path: str) -> str | None:
    if not path.startswith(("/tmp/", "/var/tmp/")) and path not in ("/tmp", "/var/tmp"):  # noqa: S108 - not used
        return None
    return (
        f"{what} {path!r}: is in a folder that is emptied, and that a unit with PrivateTmp=yes does not see; "
        f"move it to /opt, or say where it will be"
    )


def _target_problem(target: str, working_directory: str | None) -> str | None:
    place = target.rpartition(":")[0] or target
    if not place.endswith((".py", ".ipynb")) or PurePosixPath(place).is_absolute() or working_directory:
        return None
    return f"graph {target!r}: is a file, and a unit begins in /; write its whole path, or give --working-directory"


def _escaped(text: str) -> str:
    """As it must stand where systemd would else read %x as something of its own."""
    return text.replace("%", "%%")


def _quoted(argument: str) -> str:
    return shlex.quote(_escaped(argument).replace("$", "$$"))


__all__ = ["NOTIFY_RELOAD", "Systemd", "unit", "units"]
