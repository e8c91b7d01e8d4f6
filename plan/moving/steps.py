"""The steps of a move in their order: the new side, its data, backend, frontend, cutover, the old side's end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from plan.build import Plan
from plan.moving import sides
from plan.moving.data import users_of_data
from plan.moving.move import Data, Step, left
from plan.moving.tools import on_new, on_old

TTL = 60
"""Seconds that somebody may believe an old record, from before the cutover."""


def steps_of(before: Plan, after: Plan, data: Sequence[Data]) -> tuple[Step, ...]:
    """Backend first, frontend next, cutover last (requirement DV10); the old side serves all the while."""
    way = _Way(before, after, data)
    return (way.prepare(), way.make(), *way.beforehand(), *way.look(), way.cut_over(), way.let_go())


class _Way:
    """The steps, in the words of a person who goes them."""

    def __init__(self, before: Plan, after: Plan, data: Sequence[Data]) -> None:
        self.before, self.after = before, after
        self.old, self.new = before.settings.stack, after.settings.stack
        self.copied = [one for one in data if one.how == "copy"]
        self.dumped = [one for one in data if one.how == "dump"]
        self.names = sides.moving_names(before, after)
        self.certificate = sides.certificate(before, after)

    def prepare(self) -> Step:
        dns = self.before.settings.dns
        commands = [f"pulumi stack select --create {self.new}", *self._secrets()]
        look = [f"`make plan STACK={self.new}` ends without an error, and no secret is still to be set"]
        if self.names and dns.provider != "print" and dns.ttl > TTL:
            commands += [f"pulumi config set --path slipway:dns.ttl {TTL} -s {self.old}", f"pulumi up -s {self.old}"]
            look.append(f"{dns.ttl} seconds later nobody believes an old record for more than {TTL} any more")
        why = f"{self.new} has secrets of its own; and the sooner an old record is forgotten, the shorter the cutover"
        back = f"`pulumi stack rm {self.new} --preserve-config`: nothing is there yet"
        return Step("Prepare", why, tuple(commands), tuple(look), back)

    def make(self) -> Step:
        held = [f"pulumi config set --path slipway:dns.records false -s {self.new}"] if self._takes_names() else []
        commands = [*held, f"pulumi up -s {self.new}"]
        for variable, stack in (("OLD", self.old), ("NEW", self.new)):
            commands.append(f"pulumi stack output known_hosts -s {stack} >> ~/.ssh/known_hosts")
            commands.append(f"{variable}=$(pulumi stack output login -s {stack} | cut -d@ -f2)")
        commands.append(f"AT=$(pulumi stack output address -s {self.new})")
        why = "both sides run from here on" + ("; the names stay where they are" if held else "")
        look = (
            f"{on_new('sudo slipway status')} says what serves",
            f"https://{self.before.settings.product.domain}/ is {self.old}'s as before",
        )
        protected = [one.name for one in self.after.graph if one.custom and one.protect]
        back = f"`pulumi destroy -s {self.new} --exclude-protected`; then what is protected, each by its name: "
        return Step(
            f"Make {self.new} beside {self.old}",
            why,
            tuple(commands),
            look,
            f"{back}{', '.join(protected) or 'nothing'}",
        )

    def beforehand(self) -> Iterator[Step]:
        """What can be copied while the old side changes it: what is new since then is copied again at the cutover."""
        named = [one.name for one in self.copied]
        commands = [command for one in self.copied for command in one.first]
        for one in self.copied:
            commands += [one.defined, one.brings] if one.commands else []
        look = [f"{one.name}: as many as in {one.before}, and as large" for one in self.copied]
        if self.certificate == "copied":
            named.append("the certificate")
            install = "sudo tar x -C / && sudo slipway certificate --install"
            commands.append(f"{on_old('sudo tar c -C / etc/letsencrypt')} | ssh \"ops@$AT\" '{install}'")
            look.append(f"{self._ask(f'https://{self.after.settings.product.domain}/')} warns of no certificate")
        if named:
            why = f"what takes long is done while {self.old} serves{self._without_commands(self.copied)}"
            back = f"nothing has changed on {self.old}; what was copied is written over the next time"
            yield Step(f"Bring over {', '.join(named)}", why, tuple(commands), tuple(look), back, by_hand=True)

    def look(self) -> Iterator[Step]:
        """Backend, then frontend, on the new side and under the product's names."""
        product = self.after.settings.product
        first = users_of_data(self.after)
        rest = [name for name in product.services if name not in first]
        back = "nobody is there yet: mend it and look again, or go back as after the step that made it"
        if first:
            bring = [line for one in self.dumped if one.commands for line in (one.defined, f"time {one.brings}")]
            why = "with what it needs, before anybody depends on it"
            if self.dumped:
                why = "on a copy of the data; how long that takes is how long the window will be"
                why += self._without_commands(self.dumped)
            counted = [f"{one.name}: as many records as in {one.before}" for one in self.dumped]
            asked = [self._ask(url) for url in sides.urls(product, first)]
            look = ("each answers without an error", *counted)
            yield Step(f"Look at {', '.join(first)}", why, (*bring, *asked), look, back, by_hand=bool(self.dumped))
        if rest:
            asked = [self._ask(url) for url in sides.urls(product, rest)]
            look = ("each answers without an error", "a browser whose hosts file leads to $AT shows what it should")
            yield Step(f"Look at {', '.join(rest)}", "as visitors will see it", tuple(asked), look, back)

    def cut_over(self) -> Step:
        """The only time that something is refused to visitors: to write, until the names lead to the new side."""
        brought = [*self.dumped, *self.copied]
        commands = sides.shutting(self.before) if brought else []
        way = ["shut", *(f"time {one.brings}" for one in brought if one.commands)] if brought else []
        if records := self._records():
            commands.append(f"move_names() {{ {' && '.join(records)}; }}")
            way.append("move_names")
        commands += [" && ".join(way)] if way else []
        look = [f"`dig +short {name}` is $AT alone" for name in self.names[:1]]
        look += [
            f"`curl --fail {url}`" for url in sides.urls(self.after.settings.product, users_of_data(self.after))[:1]
        ]
        look.append(f"a write succeeds; {self.old} sees no request any more {TTL} seconds later")
        why = (
            f"the window: {self.old} goes on reading and refuses to write, so nothing is lost"
            if brought
            else "the names"
        )
        why += self._without_commands(brought)
        if self.certificate == "late":
            why += f"; {self.new} gets its certificate only now, within ten minutes: browsers warn until then"
        return Step("Cut over", why, tuple(commands), tuple(look), self._return(brought), by_hand=bool(brought))

    def let_go(self) -> Step:
        stays = left(self.before, self.after)
        going = [one for one in self.before.graph if one.custom and one.protect and one not in stays]
        commands = [f"pulumi destroy -s {self.old} --exclude-protected"]
        commands += [f"pulumi state remove '{one.urn}' --force -s {self.old}" for one in stays]
        commands += [f"pulumi state unprotect '{one.urn}' -s {self.old}" for one in going]
        commands += [f"pulumi destroy -s {self.old}"] if going else []
        why = "some days later, when nobody misses it"
        if going:
            why += f"; what is protected goes by its name: {', '.join(one.name for one in going)}"
        if stays:
            why += f"; {', '.join(one.name for one in stays)} stays in the account, since {self.new}'s names are in it"
        look = (f"{self.after.cost.monthly:.2f} USD a month are left to pay",)
        back = f"before the first command {self.old} can serve again, as after the cutover; after it there is none"
        return Step(f"Let {self.old} go", why, (*commands, f"pulumi stack rm {self.old} --preserve-config"), look, back)

    def _secrets(self) -> Iterator[str]:
        """What the old side knows goes from the one to the other without being seen."""
        there = {secret.name for secret in self.before.secrets}
        for secret in self.after.secrets:
            if not secret.is_set:
                get = f"pulumi config get slipway:{secret.name} -s {self.old} | " if secret.name in there else ""
                yield f"{get}{secret.command}"

    def _takes_names(self) -> bool:
        """Whether the new side would take the names of the old one as soon as it is made."""
        return bool(self.names) and self.after.settings.dns.provider != "print"

    def _records(self) -> list[str]:
        """First to the new side, then away from the old: a name that leads nowhere is remembered for half an hour."""
        changes: list[tuple[str, str]] = []
        if self._takes_names():
            changes.append((self.new, "rm --path slipway:dns.records"))
        if self.names and self.before.settings.dns.provider != "print":
            changes.append((self.old, "set --path slipway:dns.records false"))
        commands = (
            (f"pulumi config {change} -s {stack}", f"pulumi up --yes --skip-preview -s {stack}")
            for stack, change in changes
        )
        return [command for pair in commands for command in pair]

    def _without_commands(self, data: Sequence[Data]) -> str:
        names = [one.name for one in data if not one.commands]
        if not names:
            return ""
        return f"; for {', '.join(names)} nothing here does it: use what reads the one and writes the other"

    def _ask(self, url: str) -> str:
        return f'curl --fail {"--insecure " if self.certificate == "late" else ""}--connect-to "::$AT:" {url}'

    def _return(self, brought: Sequence[Data]) -> str:
        swap = f"`slipway:dns.records` true for {self.old} and false for {self.new}, and `pulumi up` of both"
        if not brought:
            return swap
        shut = "before the records move: `reopen`, and nothing is lost. Afterwards what was written since is on "
        dumped = [one.brings for one in self.dumped if one.commands]
        shut_too = f"`{sides.read_only(self.after, True)}`, then `OLD=… NEW=… {dumped[0]}`" if dumped else ""
        again = f": {shut_too} with the addresses changed over brings it back" if dumped else ""
        return f"{shut}{self.new} alone{again}; then `reopen`, {swap}"
