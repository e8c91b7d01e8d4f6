"""The firewall's rules as UFW writes them, and the address that must not be locked out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.host import firewall, firewall_guard, firewall_kernel
from scripts.host.manifest import Firewall
from scripts.host.run import HostError
from tests.host_scripts.fake_host import FakeHost

WANTED = Firewall(("203.0.113.7/32", "10.1.2.3/16", "2001:DB8::1/48"), (443,))
PARTS = ("before-logging", "before", "after", "after-logging", "reject", "track")
RULES = {
    "ufw": ["-s 203.0.113.7/32 -p tcp -m tcp --dport 22", "-s 10.1.0.0/16 -p tcp -m tcp --dport 22"],
    "ufw6": ["-s 2001:db8::/48 -p tcp -m tcp --dport 22"],
}


def kernel(prefix: str) -> str:
    """What iptables -S says when WANTED is in force."""
    lines = ["-P INPUT DROP", f"-N {prefix}-before-input"]
    lines += [f"-A INPUT -j {prefix}-{part}-input" for part in PARTS]
    lines += [f"-A {prefix}-before-input -j {prefix}-user-input"]
    rules = [*RULES[prefix], "-p tcp -m tcp --dport 443"]
    return "\n".join([*lines, *(f"-A {prefix}-user-input {rule} -j ACCEPT" for rule in rules)]) + "\n"


def good_kernel(argv: list[str]) -> str | None:
    return {"iptables": kernel("ufw"), "ip6tables": kernel("ufw6")}.get(argv[0])


V4 = """*filter
### RULES ###

### tuple ### allow tcp 22 0.0.0.0/0 any 203.0.113.7 in
-A ufw-user-input -p tcp --dport 22 -s 203.0.113.7 -j ACCEPT

### tuple ### allow tcp 22 0.0.0.0/0 any 10.1.0.0/16 in
-A ufw-user-input -p tcp --dport 22 -s 10.1.0.0/16 -j ACCEPT

### tuple ### allow tcp 443 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 443 -j ACCEPT

### END RULES ###
COMMIT
"""
V6 = """### tuple ### allow tcp 22 ::/0 any 2001:db8::/48 in

### tuple ### allow tcp 443 ::/0 any ::/0 in
"""
DEFAULTS = """IPV6=yes
DEFAULT_INPUT_POLICY="DROP"
DEFAULT_OUTPUT_POLICY="ACCEPT"
DEFAULT_FORWARD_POLICY="DROP"
"""


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    """A host whose firewall is as WANTED."""
    made = FakeHost(tmp_path, good_kernel)
    made.put(firewall.RULES[4], V4)
    made.put(firewall.RULES[6], V6)
    made.put(firewall.DEFAULTS, DEFAULTS)
    made.put(firewall.ENABLED, "# comment\nENABLED=yes\n")
    return made


def test_rules_are_written_as_ufw_writes_them() -> None:
    assert firewall.rules(WANTED) == {
        ("22", "203.0.113.7"),
        ("22", "10.1.0.0/16"),
        ("22", "2001:db8::/48"),
        ("443", "0.0.0.0/0"),
        ("443", "::/0"),
    }


def test_a_firewall_that_is_right_is_left_alone(host: FakeHost) -> None:
    assert not firewall.differs(host, WANTED)
    assert firewall_guard.apply(host, WANTED) is False
    assert host.changes == 0


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (firewall.RULES[4], "allow tcp 443", "deny tcp 443"),
        (firewall.RULES[4], "any 203.0.113.7 in", "any 203.0.113.0/24 in"),
        (firewall.RULES[4], "tcp 443 0.0.0.0/0 any", "any 443 0.0.0.0/0 any"),
        (firewall.RULES[6], "::/0 any ::/0 in", "::/0 any 2001:db8::1 in"),
        (firewall.DEFAULTS, '"DROP"', '"ACCEPT"'),
        (firewall.DEFAULTS, "IPV6=yes", "IPV6=no"),
        (firewall.ENABLED, "ENABLED=yes", "ENABLED=no"),
    ],
)
def test_every_difference_on_the_disk_is_noticed(host: FakeHost, path: str, before: str, after: str) -> None:
    host.put(path, host.text(path).replace(before, after, 1))
    assert firewall.differs(host, WANTED)


@pytest.mark.parametrize("program", ["iptables", "ip6tables"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("-P INPUT DROP", "-P INPUT ACCEPT"),
        ("-after-input\n", "-elsewhere\n"),
        ("-user-input\n", "-other\n"),
        ("--dport 443", "--dport 444"),
        ("-p tcp -m tcp --dport 443", "-p udp -m udp --dport 443"),
        ("443 -j ACCEPT", "443 -j ACCEPT\n-A ufw-user-input -j ACCEPT\n-A ufw6-user-input -j ACCEPT"),
        ("-s ", "-s 192.0.2.0/24 -d "),
    ],
)
def test_every_difference_in_the_kernel_is_noticed(host: FakeHost, program: str, before: str, after: str) -> None:
    assert before in str(good_kernel([program]))

    def drifted(argv: list[str]) -> str | None:
        text = good_kernel(argv)
        return text.replace(before, after, 1) if text and argv[0] == program else text

    host.programs = drifted
    assert firewall.differs(host, WANTED)


def test_a_kernel_without_ipv6_is_fine(host: FakeHost) -> None:
    host.programs = lambda argv: 3 if argv[0] == "ip6tables" else good_kernel(argv)
    assert not firewall.differs(host, WANTED)


def test_chains_that_nothing_leads_to_are_led_to_again(host: FakeHost) -> None:
    """FF10: `ufw reload` would set the policy to drop and leave it at that; nobody would get in."""
    missing = "-A INPUT -j ufw-before-input\n"
    host.programs = lambda argv: str(good_kernel(argv)).replace(missing, "") if argv[-1] == "-S" else None
    firewall_kernel.link(host)
    did = [" ".join(argv) for argv in host.ran if argv[0] == "iptables" and " INPUT " in " ".join(argv)]
    parts = [f"INPUT -j ufw-{part}-input" for part in PARTS]
    expected = [f"iptables {verb} {part}" for part in parts for verb in ("-D", "-A")]
    expected.remove("iptables -D INPUT -j ufw-before-input")
    assert did == expected


def test_a_comment_of_ufw_s_does_not_make_another_rule(host: FakeHost) -> None:
    host.put(firewall.RULES[4], V4.replace("0.0.0.0/0 in", "0.0.0.0/0 in comment=6162"))
    assert not firewall.differs(host, WANTED)


@pytest.mark.parametrize("address", ["203.0.113.7", "10.1.200.4", "2001:db8:0:5::9", "::ffff:203.0.113.7", "127.0.0.1"])
def test_whoever_is_within_the_ranges_may_apply_them(address: str) -> None:
    firewall.refuse_lockout(WANTED, address)


@pytest.mark.parametrize("address", ["203.0.113.8", "10.2.0.1", "2001:db9::1", "fe80::1%eth0"])
def test_whoever_would_be_locked_out_is_told_in_one_line(address: str) -> None:
    """FF10."""
    with pytest.raises(HostError) as caught:
        firewall.refuse_lockout(WANTED, address)
    assert address.partition("%")[0] in caught.value.reason
    assert "\n" not in caught.value.reason


def test_on_a_console_nobody_can_be_locked_out() -> None:
    firewall.refuse_lockout(WANTED, None)


def test_the_session_s_address_is_found_above_a_program_that_dropped_the_environment() -> None:
    """sudo does; the shell above it still has it."""
    find = "from scripts.host.firewall import session_address as a; print(a())"
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {find!r}], env={{}}, check=True)"
    environment = {**os.environ, "SSH_CONNECTION": "198.51.100.9 50000 10.0.0.1 22"}
    done = subprocess.run(
        [sys.executable, "-c", inner], env=environment, capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert done.stdout.strip() == "198.51.100.9"


def test_rules_of_another_form_are_taken_out_and_ours_stay(host: FakeHost) -> None:
    other = (
        "### tuple ### limit any any 0.0.0.0/0 any 198.51.100.1 in\n-A ufw-user-input -s 198.51.100.1 -j x\n-A y\n\n"
    )
    host.put(firewall.RULES[4], V4.replace("### END", other + "### END"))
    firewall.change(host, WANTED)
    assert host.text(firewall.RULES[4]) == V4
    assert ["ufw", "reload"] in host.ran


def test_the_way_back_is_open_before_the_first_rule_changes(host: FakeHost) -> None:
    """FF10: a lockout puts itself back."""
    host.put(firewall.RULES[4], V4.replace("203.0.113.7", "203.0.113.99"))
    with pytest.raises(HostError, match="the firewall is not what was asked for"):
        firewall_guard.apply(host, WANTED)  # this UFW does nothing
    first_rule = next(index for index, argv in enumerate(host.ran) if argv[0] == "ufw")
    assert ["systemctl", "restart", "slipway-firewall-revert.timer"] in host.ran[:first_rule]
    kept = host.text("/var/lib/slipway/firewall-before" + firewall.RULES[4])
    assert "203.0.113.99" in kept


def test_rules_that_were_confirmed_before_are_set_right_without_a_way_back(host: FakeHost) -> None:
    """Nobody would confirm them: the program does so where it has changed them."""
    host.put(firewall_guard.CONFIRMED, firewall_guard._text(WANTED))
    good = host.text(firewall.RULES[4])
    host.put(firewall.RULES[4], good.replace("203.0.113.7", "203.0.113.99"))

    def ufw(argv: list[str]) -> str | None:
        if argv[0] == "ufw":
            host.put(firewall.RULES[4], good)
        return good_kernel(argv)

    host.programs = ufw
    assert firewall_guard.apply(host, WANTED) is False
    assert not [argv for argv in host.ran if argv[0] == "systemctl"]
    assert host.changes == 2


def test_what_has_to_come_in_is_allowed_before_anything_is_shut(host: FakeHost) -> None:
    host.put(firewall.RULES[4], V4.replace("203.0.113.7", "203.0.113.99"))
    with pytest.raises(HostError, match="the firewall is not what was asked for"):
        firewall.change(host, WANTED)
    verbs = [argv[1] for argv in host.ran if argv[0] == "ufw"]
    assert verbs == ["allow", "delete", "reload"]
