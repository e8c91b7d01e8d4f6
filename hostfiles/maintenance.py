"""What keeps a host healthy while nobody looks: upgrades, logs that end, the kernel's settings, the right time."""

from __future__ import annotations

from hostfiles import systemd
from hostfiles.manifest import Directory, File, Unit
from hostfiles.text import HEADER, joined

RESTARTS = "/etc/needrestart/restart.d"
"""Programs by the name of a unit: needrestart runs one in place of that unit's restart."""
_APT_CHECK = ("/usr/bin/apt-config", "-c", "{}", "dump")

_KERNEL = {
    # what a process may see and do to others
    "dev.tty.ldisc_autoload": "0",
    "fs.protected_fifos": "2",
    "fs.protected_hardlinks": "1",
    "fs.protected_regular": "2",
    "fs.protected_symlinks": "1",
    "fs.suid_dumpable": "0",
    "kernel.core_uses_pid": "1",
    "kernel.dmesg_restrict": "1",
    "kernel.kptr_restrict": "2",
    "kernel.perf_event_paranoid": "3",
    "kernel.randomize_va_space": "2",
    "kernel.sysrq": "0",
    "kernel.unprivileged_bpf_disabled": "1",
    "kernel.yama.ptrace_scope": "1",
    "net.core.bpf_jit_harden": "2",
    # one host, no router: no redirects, no source routes, no forged senders
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.all.accept_source_route": "0",
    "net.ipv4.conf.all.log_martians": "1",
    "net.ipv4.conf.all.rp_filter": "1",
    "net.ipv4.conf.all.secure_redirects": "0",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.accept_redirects": "0",
    "net.ipv4.conf.default.accept_source_route": "0",
    "net.ipv4.conf.default.log_martians": "1",
    "net.ipv4.conf.default.rp_filter": "1",
    "net.ipv4.conf.default.secure_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
    "net.ipv4.icmp_echo_ignore_broadcasts": "1",
    "net.ipv4.icmp_ignore_bogus_error_responses": "1",
    "net.ipv4.tcp_syncookies": "1",
    "net.ipv6.conf.all.accept_redirects": "0",
    "net.ipv6.conf.all.accept_source_route": "0",
    "net.ipv6.conf.default.accept_redirects": "0",
    "net.ipv6.conf.default.accept_source_route": "0",
    # a burst of connections waits instead of being refused; Redis forks to save, with no need of twice its memory
    "net.core.somaxconn": "4096",
    "net.ipv4.tcp_max_syn_backlog": "4096",
    "vm.overcommit_memory": "1",
    "vm.swappiness": "10",
}

_NEVER_NEEDED = (
    "dccp",
    "sctp",
    "rds",
    "tipc",
    "cramfs",
    "freevxfs",
    "hfs",
    "hfsplus",
    "jffs2",
    "udf",
    "firewire-core",
    "usb-storage",
)

_ACCOUNTS = {
    "MAIL_DIR": "/var/mail",
    "FAILLOG_ENAB": "yes",
    "LOG_UNKFAIL_ENAB": "no",
    "LOG_OK_LOGINS": "no",
    "HUSHLOGIN_FILE": ".hushlogin",
    "ENV_SUPATH": "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV_PATH": "PATH=/usr/local/bin:/usr/bin:/bin",
    "TTYGROUP": "tty",
    "TTYPERM": "0600",
    "ERASECHAR": "0177",
    "KILLCHAR": "025",
    "HOME_MODE": "0750",
    "PASS_MAX_DAYS": "99999",  # a key has no age; an account whose password grew too old is shut, keys or not
    "PASS_MIN_DAYS": "1",
    "PASS_WARN_AGE": "7",
    "UID_MIN": "1000",
    "UID_MAX": "60000",
    "GID_MIN": "1000",
    "GID_MAX": "60000",
    "SUB_UID_MIN": "100000",
    "SUB_UID_MAX": "600100000",
    "SUB_UID_COUNT": "65536",
    "SUB_GID_MIN": "100000",
    "SUB_GID_MAX": "600100000",
    "SUB_GID_COUNT": "65536",
    "LOGIN_RETRIES": "5",
    "LOGIN_TIMEOUT": "60",
    "CHFN_RESTRICT": "rwh",
    "DEFAULT_HOME": "yes",
    "USERGROUPS_ENAB": "yes",
    "ENCRYPT_METHOD": "SHA512",
    "SHA_CRYPT_MIN_ROUNDS": "65536",
    "SHA_CRYPT_MAX_ROUNDS": "65536",
}
"""login.defs: the distributions' own values, with slow hashes. No umask: what root installs others have to read."""

_BANNER = "Private system. Access is for authorized users only; connections are logged and monitored.\n"


def files(*rotated: File, untouched: tuple[str, ...] = ()) -> list[File]:
    """The files of every host, among them `rotated`, which are logrotate's. `untouched` are units that an upgraded
    library does not restart."""
    return [
        File("/etc/apt/apt.conf.d/20auto-upgrades", _periodic(), validate=_APT_CHECK),
        File("/etc/apt/apt.conf.d/60-slipway", _upgrades(), validate=_APT_CHECK),
        File("/etc/needrestart/conf.d/60-slipway.conf", _needrestart(untouched)),
        *rotated,
        *systemd.files({"logrotate.timer.d/10-slipway.conf": _hourly()}),
        File("/etc/sysctl.d/60-slipway.conf", sysctl(), then=("sysctl",)),
        File("/etc/modprobe.d/60-slipway.conf", _modprobe()),
        File("/etc/systemd/journald.conf.d/10-slipway.conf", _journal(), then=("restart systemd-journald.service",)),
        File(
            "/etc/systemd/coredump.conf.d/10-slipway.conf", f"# {HEADER}\n[Coredump]\nStorage=none\nProcessSizeMax=0\n"
        ),
        File("/etc/security/limits.d/60-slipway.conf", f"# {HEADER}\n* hard core 0\n"),
        File("/etc/login.defs", _accounts()),
        File("/etc/profile.d/60-slipway.sh", joined([f"# {HEADER}", "ulimit -c 0", "TMOUT=3600", "export TMOUT"])),
        File("/etc/issue", _BANNER),
        File("/etc/issue.net", _BANNER),
    ]


def directories() -> list[Directory]:
    """Those of the files above that no package makes on every image."""
    return [
        Directory("/etc/needrestart"),
        Directory("/etc/needrestart/conf.d"),
        Directory(RESTARTS),
        Directory("/var/log/journal", "2755", "root", "systemd-journal"),
    ]


def packages() -> list[str]:
    """What the files above belong to."""
    return ["ca-certificates", "logrotate", "needrestart", "systemd-timesyncd", "ufw", "unattended-upgrades"]


def units() -> list[Unit]:
    """What runs on every host, whatever it is for."""
    return [
        Unit("apt-daily.timer"),
        Unit("apt-daily-upgrade.timer"),
        Unit("logrotate.timer"),
        Unit("systemd-timesyncd.service"),
        Unit("unattended-upgrades.service"),
    ]


def sysctl() -> str:
    """The kernel's settings. With the dash in front, one that a kernel does not have is no failure."""
    return joined([f"# {HEADER}", *(f"-{name} = {value}" for name, value in _KERNEL.items())])


def _periodic() -> str:
    return joined(
        [
            f"// {HEADER}",
            'APT::Periodic::Update-Package-Lists "1";',
            'APT::Periodic::Unattended-Upgrade "1";',
            'APT::Periodic::AutocleanInterval "7";',
        ]
    )


def _upgrades() -> str:
    """Security upgrades come from the distribution's own list of origins. When to reboot is for a person to choose."""
    return joined(
        [
            f"// {HEADER}",
            'Unattended-Upgrade::Automatic-Reboot "false";',
            'Unattended-Upgrade::MinimalSteps "true";',
            'Unattended-Upgrade::Remove-Unused-Kernel-Packages "true";',
            'Unattended-Upgrade::SyslogEnable "true";',
            "// a file that is ours stays ours, and no upgrade waits for an answer",
            'Dpkg::Options { "--force-confdef"; "--force-confold"; };',
        ]
    )


def _needrestart(untouched: tuple[str, ...]) -> str:
    patterns = [unit.replace(".", r"\.") for unit in untouched]
    return joined(
        [
            f"# {HEADER}",
            "# After a library's upgrade, what still runs with the old one restarts by itself. But not the product: it",
            "# restarts with its next release, one slot beside the other. A restart in one go would be seen.",
            "$nrconf{restart} = 'a';",
            "$nrconf{kernelhints} = 0;",
            *(f"$nrconf{{override_rc}}{{qr(^{pattern}$)}} = 0;" for pattern in patterns),
            "1;",
        ]
    )


def _hourly() -> str:
    """A log's `maxsize` counts for nothing until logrotate looks: once a day, if it were for its package."""
    return joined([f"# {HEADER}", "[Timer]", "OnCalendar=", "OnCalendar=hourly", "AccuracySec=1min"])


def _accounts() -> str:
    return joined([f"# {HEADER}", *(f"{name} {value}" for name, value in _ACCOUNTS.items())])


def _modprobe() -> str:
    return joined([f"# {HEADER}", *(f"install {module} /bin/false" for module in _NEVER_NEEDED)])


def _journal() -> str:
    return joined(
        [
            f"# {HEADER}",
            "[Journal]",
            "Storage=persistent",
            "Compress=yes",
            "SystemMaxUse=500M",
            "SystemKeepFree=1G",
            "MaxRetentionSec=1month",
        ]
    )
