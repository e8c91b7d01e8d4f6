"""What the cloud makes larger and never smaller: the engine, which knows how large it is, says so in its preview."""

from __future__ import annotations

import pulumi


def only_grows(name: str) -> pulumi.ResourceHookBinding:
    """For a resource `name` with a `size` in GiB: an update to a smaller one fails, before it makes anything else."""
    options = pulumi.ResourceHookOptions(on_dry_run=True)
    return pulumi.ResourceHookBinding(before_update=[pulumi.ResourceHook(f"{name}-only-grows", refuse, options)])


def refuse(args: pulumi.ResourceHookArgs) -> None:
    """Raises ValueError, in one line, where the new size is below the old."""
    old, new = ((inputs or {}).get("size") for inputs in (args.old_inputs, args.new_inputs))
    if isinstance(old, int | float) and isinstance(new, int | float) and new < old:
        what = f"{args.name} has {old:.0f} GiB and can't shrink to {new:.0f}"
        raise ValueError(f"{what}: keep {old:.0f} in the stack file (on a data host, in all of its backing services)")
